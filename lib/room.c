/* room.c - how much room the disk below a folder in a container has. */
#include <stdlib.h>
#include <sys/statvfs.h>

#include "room.h"

static char *
find_volume(struct docker *d, const char *container, const char *folder)
{
	FILE *in;
	char *line = NULL, *name = docker_name(container), *path = xasprintf("/containers/%s/json", name),
	     *filter = xasprintf("(%s) as $data | [.Mounts // [] | .[]"
		"| select(.Destination as $at | $data == $at or ($data | startswith($at + \"/\")))]"
		"| sort_by(.Destination | length) | last // empty | .Source // empty", folder);
	size_t cap = 0;
	int rc = docker_get(d, path, filter, &in);
	free(path);
	free(name);
	free(filter);
	if (rc)
		return NULL;
	ssize_t len = getline(&line, &cap, in);
	fclose(in);
	if (len > 1 && line[len - 1] == '\n') {
		line[len - 1] = '\0';
		return line;
	}
	free(line);
	return NULL;
}

char *
room_find(struct docker *d, const char *container, const char *folder, long long *bytes)
{
	struct statvfs fs;
	char *where = d->socket ? find_volume(d, container, folder) : NULL;
	if (where && statvfs(where, &fs) == 0) {
		*bytes = (long long)fs.f_bavail * (long long)fs.f_frsize;
		return where;
	}
	free(where);
	return NULL;
}
