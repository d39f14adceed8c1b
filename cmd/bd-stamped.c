/* bd-stamped - tells of which generations the stamp, directory_stemp.json, is not as it should be:
 * generation what expected found. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest.h"
#include "stamp.h"

static int status;

static void
tell(const char *path, const char *what, const char *expected, const char *found)
{
	int rc = TSV_WRITE(stdout, path, what, expected, found) < 0 ? BD_FATAL : BD_FAILED;
	status = rc > status ? rc : status;
}

static int
generation_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		warn("%s", path);
	return fd;
}

/* The stamps of all, by one jq. */
static int
read_stamps(char *const path[], struct table *t)
{
	struct manifests m;
	if (manifests_begin(&m) < 0)
		return -1;
	for (size_t i = 0; path[i]; i++) {
		int fd = generation_open(path[i]);
		if (fd < 0 || manifests_add(&m, i, fd, path[i]) < 0)
			tell(path[i], "unreadable", NULL, NULL);
		if (fd >= 0)
			close(fd);
	}
	return manifests_end(&m, t);
}

/* state: none, bad or good; hash: what the stamp says, if it is good. */
static void
judge(const char *path, const char *state, const char *hash)
{
	struct stamp s;
	int fd = generation_open(path);
	if (fd < 0 || stamp_of(&s, fd, path) < 0)
		tell(path, "unreadable", NULL, NULL);
	else if (!strcmp(state, "bad"))
		tell(path, "malformed", NULL, NULL);
	else if (!strcmp(state, "none") && !s.odd) /* of names that are not UTF-8 there is none on purpose */
		tell(path, "missing", NULL, NULL);
	else if (!strcmp(state, "good") && strcmp(hash, s.hex))
		tell(path, "names", hash, s.hex);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char *argv[])
{
	struct table t = {0};
	char **path = bd_operands(argc, argv, "V", 1, -1, "bd-stamped [-V] GENERATION...");
	if (read_stamps(path, &t) < 0)
		return BD_FATAL;
	for (size_t i = 0; i < t.rows; i++) {
		char **row = table_row(&t, i);
		if (!strcmp(row[MANIFEST_KIND], MANIFEST_STATE))
			judge(path[strtoull(row[MANIFEST_OF], NULL, 10)], row[MANIFEST_DATABASE], row[MANIFEST_DUMPED]);
	}
	return bd_finish(status);
}
