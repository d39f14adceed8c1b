/* volume.c - what Docker and this host know of a volume.
 *
 * One request for all of them. Driver options never leave jq: their values can hold
 * passwords. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "volume.h"

enum { CREATE_SECONDS = 300 }; /* for a daemon that hangs */

#define ROW \
	"def text: if . == null or . == \"\" then \"-\" else tostring end;" \
	"def row: if (.Name // \"\") == \"\" then error(\"a volume without a name\") else . end | [.Name, .Driver, .Mountpoint," \
	"  (if .Driver != \"local\" then \"foreign\"" \
	"   elif (.Options // {} | del(.size)) == {} then \"plain\" else \"mounted\" end)," \
	"  .CreatedAt] | map(text) | @tsv;"

static const char one[] = ROW "row";
/* a warning is a row of absent fields but the last */
static const char all[] = ROW
	"(.Warnings // [] | .[] | [\"-\", \"-\", \"-\", \"-\", text] | @tsv),"
	"(if has(\"Volumes\") then .Volumes // [] else error(\"no list of volumes\") end | .[] | row)";

static int
ask(struct docker *d, const char *path, const char *filter, struct table *t)
{
	FILE *in;
	int rc = docker_get(d, path, filter, &in);
	if (rc)
		return rc;
	rc = table_read(t, in, path) ? -1 : 0;
	fclose(in);
	return rc;
}

int
volume_list(struct docker *d, struct table *t)
{
	return ask(d, "/volumes", all, t);
}

int
volume_ask(struct docker *d, const char *name, struct table *t)
{
	if (!*name) /* would ask for the list */
		return DOCKER_NONE;
	char *escaped = docker_name(name), *path = xasprintf("/volumes/%s", escaped);
	int rc = ask(d, path, one, t);
	free(escaped);
	free(path);
	return rc;
}

int
volume_make(struct docker *d, const char *name)
{
	char *quoted = docker_json(name), *body = xasprintf("{\"Name\": %s}", quoted);
	int rc = docker_post(d, "/volumes/create", body, CREATE_SECONDS, NULL, NULL);
	if (rc == DOCKER_NONE)
		warnx("%s", d->message);
	free(quoted);
	free(body);
	return rc ? -1 : 0;
}

/* The list without all=1 has the paused and the restarting ones, too. */
char *
volume_users(struct docker *d, const char *name)
{
	FILE *in;
	char *names = NULL;
	size_t cap = 0;
	char *quoted = docker_json(name), *filter = xasprintf(
		"[.[] | select(.Mounts // [] | any(.Type == \"volume\" and .Name == %s))"
		"| ([.Names // [] | .[] | select(test(\"^/[^/]+$\")) | ltrimstr(\"/\")][0] // .Id)] | sort | join(\" \")", quoted);
	int rc = docker_get(d, "/containers/json", filter, &in);
	if (rc == DOCKER_NONE)
		warnx("%s", d->message);
	ssize_t len = rc ? -1 : getline(&names, &cap, in);
	if (rc == 0)
		fclose(in);
	free(filter);
	free(quoted);
	if (len < 1) {
		free(names);
		return NULL;
	}
	names[len - 1] = '\0';
	return names;
}

/* DONT_SYNC: a file server that is gone must not hang us. */
static int
look(int dir, const char *path, int flags, bool *mounted)
{
	struct statx st;
	*mounted = false;
	if (statx(dir, path, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	*mounted = st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return 0;
}

bool
volume_is_mount(int fd)
{
	bool mounted;
	return look(fd, "", AT_EMPTY_PATH, &mounted) == 0 && mounted;
}

/* As seen by us: a volume of another mount namespace, or of another host, has nothing mounted here. */
int
volume_settle(char *row[])
{
	bool mounted = false;
	int rc = 0;
	if (strcmp(row[VOLUME_BACKING], "mounted"))
		return 0;
	if (row[VOLUME_MOUNTPOINT] && (rc = look(AT_FDCWD, row[VOLUME_MOUNTPOINT], 0, &mounted)) < 0)
		warn("%s", row[VOLUME_MOUNTPOINT]);
	if (!mounted) {
		free(row[VOLUME_BACKING]);
		row[VOLUME_BACKING] = xstrdup("unmounted");
	}
	return rc;
}
