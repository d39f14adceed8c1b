/* bd-volumes - prints a record for each Docker volume: volume driver mountpoint backing created.
 *
 * Two requests, however many volumes there are. Driver options never leave jq: their
 * values can hold passwords. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docker.h"
#include "table.h"

enum { NAME, DRIVER, MOUNTPOINT, BACKING, CREATED, COLUMNS };

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

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-volumes [-V] [VOLUME...]\n");
	exit(BD_USAGE);
}

/* As seen by us: a volume of another mount namespace, or of another host, has nothing mounted here. */
static int
is_mounted(const char *path, bool *mounted)
{
	struct statx st;
	*mounted = false;
	if (!path)
		return 0;
	/* DONT_SYNC: a file server that is gone must not hang us */
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &st) == 0) {
		*mounted = st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
		return 0;
	}
	if (errno == ENOENT)
		return 0;
	warn("%s", path);
	return -1;
}

/* Reads the answer to path. DOCKER_NONE: there is no such volume; -1 said. */
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

static int
ask_for(struct docker *d, char *const names[], struct table *t)
{
	int status = BD_DONE;
	for (; *names; names++) {
		char *name = docker_name(*names), *path = xasprintf("/volumes/%s", name);
		int rc = **names ? ask(d, path, one, t) : DOCKER_NONE;
		if (rc == DOCKER_NONE)
			warnx("%s: no such volume", *names);
		if (rc)
			status = BD_FAILED;
		free(name);
		free(path);
		if (rc < 0 && d->status < 300)
			return BD_FATAL;
	}
	return status;
}

static int
print(const struct table *t)
{
	int status = BD_DONE;
	const char *last = NULL;
	for (size_t i = 0; i < t->rows; i++) {
		char **row = table_row(t, i);
		if (!row[NAME]) {
			warnx("%s", row[CREATED] ? row[CREATED] : "Docker warns, and does not say of what");
			status = BD_FAILED;
			continue;
		}
		if (last && !strcmp(last, row[NAME])) /* named twice */
			continue;
		last = row[NAME];
		const char *backing = row[BACKING];
		bool mounted = true;
		if (!strcmp(backing, "mounted") && is_mounted(row[MOUNTPOINT], &mounted) < 0)
			status = BD_FAILED;
		if (!mounted)
			backing = "unmounted";
		if (TSV_WRITE(stdout, row[NAME], row[DRIVER], row[MOUNTPOINT], backing, row[CREATED]) < 0)
			status = BD_FAILED;
	}
	return status;
}

int
main(int argc, char *argv[])
{
	bd_start();
	for (int c; (c = getopt(argc, argv, "V")) != -1;)
		switch (c) {
		case 'V': bd_version();
		default: usage();
		}
	struct docker d;
	struct table t = {.columns = COLUMNS};
	if (docker_open(&d) < 0)
		return BD_FATAL;
	int status = BD_DONE;
	if (optind < argc)
		status = ask_for(&d, argv + optind, &t);
	else if ((status = ask(&d, "/volumes", all, &t))) {
		if (status == DOCKER_NONE)
			warnx("%s", d.message);
		status = BD_FATAL;
	}
	docker_close(&d);
	if (status != BD_FATAL) {
		table_sort(&t);
		if (print(&t) != BD_DONE)
			status = BD_FAILED;
	}
	table_free(&t);
	return bd_finish(status);
}
