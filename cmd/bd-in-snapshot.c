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
#include "plan.h"
#include "volume.h"

static const char *subject, *snapshot;
static int root; /* of the snapshot */
static bool btrfs;
static struct gaps gaps;
static const char *volumes_file;
static struct table volumes = {.columns = VOLUME_COLUMNS}, plan = {.columns = PLAN_COLUMNS};

static void
look(void)
{
	struct statfs fs;
	if (!(subject = getenv("BAUDOLO_SNAPSHOT_SUBJECT")) || !(snapshot = getenv("BAUDOLO_SNAPSHOT")))
		errx(BD_USAGE, "BAUDOLO_SNAPSHOT and BAUDOLO_SNAPSHOT_SUBJECT are not set: to be run by bd-snapshot");
	root = folder_open(snapshot);
	if (fstatfs(root, &fs) < 0)
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
		if (fd < 0 && is_missing(errno))
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

static char **
volume_of(const char *name)
{
	return table_find(&volumes, &name, 1);
}

static int
check_volume(const struct tsv *at, char *const row[])
{
	return row[VOLUME_NAME] && row[VOLUME_BACKING] ? 0 : tsv_bad(at, "no name, or no backing");
}

static int
check_planned(const struct tsv *at, char *const row[])
{
	if (plan_check(at, row) < 0)
		return -1;
	return !plan_copies(row) || volume_of(row[PLAN_VOLUME]) ? 0 : tsv_bad(at, "%s does not know this volume", volumes_file);
}

int
main(int argc, char *argv[])
{
	volumes_file = *bd_operands(argc, argv, "V", 1, 1, "bd-in-snapshot [-V] VOLUMES <PLAN");
	int status = table_load(&volumes, volumes_file, check_volume);
	table_sort(&volumes);
	if (!status)
		status = table_load(&plan, "-", check_planned);
	if (status)
		return status;
	look();
	for (size_t i = 0; i < plan.rows; i++) {
		char **row = table_row(&plan, i), *in;
		const char *why;
		if (!plan_copies(row)) {
			tsv_write(stdout, (const char *const *)row, PLAN_COLUMNS);
			continue;
		}
		in = find(volume_of(row[PLAN_VOLUME]), row[PLAN_MOUNTPOINT], &why);
		TSV_WRITE(stdout, row[PLAN_VOLUME], "live", NULL, in ? "snapshot" : why, in ? in : row[PLAN_MOUNTPOINT], row[PLAN_CONTAINERS]);
		free(in);
	}
	return bd_finish(status);
}
