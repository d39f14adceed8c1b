/* bd-in-snapshot - turns a plan into one for the snapshot that bd-snapshot has made: the mountpoint of
 * each volume that the snapshot holds becomes its path there, and the other volumes are copied live.
 *
 * A volume is held only if all of it is: a mount, or a subvolume of its own, leaves nothing but an empty
 * folder in a snapshot, whether the volume is that folder, or lies below it, or has it inside. */
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gaps.h"
#include "place.h"
#include "volume.h"

enum { P_VOLUME, P_ACTION, P_GROUP, P_REASON, P_MOUNTPOINT, P_CONTAINERS, P_COLUMNS };

static const char *subject, *snapshot;
static int root; /* of the snapshot */
static bool btrfs;
static struct gaps gaps;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-in-snapshot [-V] VOLUMES <PLAN\n");
	exit(BD_USAGE);
}

static void
look(void)
{
	struct statfs fs;
	if (!(subject = getenv("BAUDOLO_SNAPSHOT_SUBJECT")) || !(snapshot = getenv("BAUDOLO_SNAPSHOT")))
		errx(BD_USAGE, "BAUDOLO_SNAPSHOT and BAUDOLO_SNAPSHOT_SUBJECT are not set: to be run by bd-snapshot");
	root = open(snapshot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || fstatfs(root, &fs) < 0)
		err(BD_FATAL, "%s", snapshot);
	btrfs = (unsigned long)fs.f_type == BTRFS_SUPER_MAGIC;
	if (gaps_find(&gaps, subject, root) < 0)
		exit(BD_FATAL);
}

/* Goes down to rel in the snapshot. Why that is not there, or NULL. */
static const char *
descend(const char *rel)
{
	const char *why = NULL;
	struct stat top, st;
	char *copy = xstrdup(rel), *next = copy;
	int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);
	if (dir < 0 || fstat(dir, &top) < 0)
		err(BD_FATAL, "%s", snapshot);
	for (char *name; !why && (name = strsep(&next, "/"));) {
		if (!*name || !strcmp(name, "."))
			continue;
		int fd = strcmp(name, "..") ? openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : (errno = ENOENT, -1);
		close(dir);
		dir = fd;
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
			why = "created since the snapshot";
		else if (fd < 0 || fstat(fd, &st) < 0)
			why = strerror(errno);
		else if (st.st_dev != top.st_dev || (btrfs && st.st_ino == BTRFS_EMPTY_SUBVOL_DIR_OBJECTID))
			why = "nested subvolume";
	}
	if (dir >= 0)
		close(dir);
	free(copy);
	return why;
}

/* Why the snapshot does not hold what lies at the absolute path, or NULL. */
static const char *
not_held(const char *path)
{
	const char *rest = path_within(subject, path), *why;
	if (!rest)
		return "not below the subject";
	if (!(why = gaps_around(&gaps, path)) && !(why = descend(rest)))
		why = gaps_inside(&gaps, path);
	return why;
}

/* The path in the snapshot, to be freed, or NULL, and why. */
static char *
find(char *const volume[], const char *mountpoint, const char **why)
{
	char *in = NULL;
	if (!strcmp(volume[VOLUME_BACKING], "foreign"))
		*why = "other driver";
	else if (strcmp(volume[VOLUME_BACKING], "plain"))
		*why = "driver options";
	else if (!mountpoint)
		*why = "no mountpoint";
	else {
		char *path = realpath(mountpoint, NULL);
		if (!path && errno == ENOENT) /* removed since, but the snapshot may have it */
			path = xstrdup(mountpoint);
		*why = path ? not_held(path) : strerror(errno);
		if (!*why) {
			const char *rest = path_within(subject, path);
			in = xasprintf("%s%s%s", snapshot, *rest ? "/" : "", rest);
		}
		free(path);
	}
	return in;
}

static int
by_name(const void *key, const void *row)
{
	return strcmp(key, *(char *const *)row);
}

static char **
volume_of(const struct table *volumes, const char *name)
{
	return volumes->rows ? bsearch(name, volumes->cell, volumes->rows, volumes->columns * sizeof *volumes->cell, by_name) : NULL;
}

static bool
to_copy(char *const row[])
{
	return !strcmp(row[P_ACTION], "live") || !strcmp(row[P_ACTION], "stop");
}

static int
load(struct table *volumes, struct table *plan, const char *file)
{
	struct tsv at = {.name = file};
	FILE *in = fopen(file, "re");
	if (!in) {
		warn("%s", file);
		return BD_FATAL;
	}
	int rc = table_read(volumes, in, file);
	fclose(in);
	for (size_t i = 0; !rc && i < volumes->rows; i++) {
		at.line = i + 1;
		if (!table_row(volumes, i)[VOLUME_NAME] || !table_row(volumes, i)[VOLUME_BACKING])
			return tsv_bad(&at, "no name, or no backing"), BD_USAGE;
	}
	if (!rc)
		rc = table_read(plan, stdin, "stdin");
	table_sort(volumes);
	at.name = "stdin";
	for (size_t i = 0; !rc && i < plan->rows; i++) {
		char **row = table_row(plan, i);
		at.line = i + 1;
		if (!row[P_VOLUME] || !row[P_ACTION])
			return tsv_bad(&at, "no volume, or no action"), BD_USAGE;
		if (to_copy(row) && !volume_of(volumes, row[P_VOLUME]))
			return tsv_bad(&at, "%s does not know this volume", file), BD_USAGE;
	}
	return rc;
}

int
main(int argc, char *argv[])
{
	static struct table volumes = {.columns = VOLUME_COLUMNS}, plan = {.columns = P_COLUMNS}; /* until exit */
	bd_start();
	for (int c; (c = getopt(argc, argv, "V")) != -1;)
		switch (c) {
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 1)
		usage();
	int status = load(&volumes, &plan, argv[optind]);
	if (status)
		return status;
	look();
	for (size_t i = 0; i < plan.rows; i++) {
		char **row = table_row(&plan, i), *in;
		const char *why;
		if (!to_copy(row)) {
			tsv_write(stdout, (const char *const *)row, P_COLUMNS);
			continue;
		}
		in = find(volume_of(&volumes, row[P_VOLUME]), row[P_MOUNTPOINT], &why);
		TSV_WRITE(stdout, row[P_VOLUME], "live", NULL, in ? "snapshot" : why, in ? in : row[P_MOUNTPOINT], row[P_CONTAINERS]);
		free(in);
	}
	return bd_finish(status);
}
