/* bd-preflight - looks, before anything is stopped or written, whether a plan can be carried out, and
 * prints it again: a volume that holds the backups, or lies in them, is planned to fail.
 *
 * Room: what all files of the sources' file systems take bounds what a generation can. Only if the target has
 * less than that are the volumes walked that no generation holds yet; the others cost what changes, which
 * nobody knows before. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "place.h"
#include "plan.h"
#include "tree.h"

struct room {
	uintmax_t bytes, inodes;
};

static struct table plan = {.columns = PLAN_COLUMNS};
static char **generations;
static int repo = -1;

/* Where the files of a volume are that is to be copied, or NULL. */
static const char *
source(char *const row[])
{
	return plan_copies(row) ? row[PLAN_MOUNTPOINT] : NULL;
}

static int
check(const struct tsv *at, char *const row[])
{
	if (row[PLAN_MOUNTPOINT] && *row[PLAN_MOUNTPOINT] != '/')
		return tsv_bad(at, "the mountpoint is no absolute path");
	return plan_check(at, row);
}

/* Why a volume there cannot be copied to the backups, or NULL. */
static const char *
entangled(const char *mountpoint, const struct place *backups)
{
	struct place volume;
	const char *why = NULL;
	if (place_of(&volume, mountpoint) < 0)
		return NULL; /* the copy will say what is wrong with it */
	if (place_holds(&volume, backups) || place_mounted_below(mountpoint, backups) > 0)
		why = "the backups folder lies in it";
	else if (place_holds(backups, &volume))
		why = "it lies in the backups folder";
	place_free(&volume);
	return why;
}

static void
set(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

static int
untangle(const char *root)
{
	struct place backups;
	if (place_of(&backups, root) < 0)
		return -1;
	for (size_t i = 0; i < plan.rows; i++) {
		char **row = table_row(&plan, i);
		const char *why = source(row) ? entangled(source(row), &backups) : NULL;
		if (!why)
			continue;
		set(&row[PLAN_ACTION], "fail");
		set(&row[PLAN_REASON], why);
	}
	place_free(&backups);
	return 0;
}

/* What there is room for where path, or the folder above it that exists, lies; it must be writable. */
static int
room_at(const char *path, struct room *free_room)
{
	struct statvfs fs;
	char *at = xstrdup(path), *slash;
	int rc;
	while ((rc = statvfs(at, &fs)) < 0 && errno == ENOENT && (slash = strrchr(at, '/')))
		slash[slash == at] = '\0';
	if (rc == 0 && access(at, W_OK) < 0) /* root, too, is told of a read-only file system */
		rc = -1;
	if (rc < 0)
		warn("%s", at);
	free(at);
	if (rc < 0)
		return -1;
	free_room->bytes = fs.f_blocks ? (uintmax_t)fs.f_bfree * fs.f_frsize : UINTMAX_MAX; /* not every one counts them */
	free_room->inodes = fs.f_files ? fs.f_ffree : UINTMAX_MAX;                          /* btrfs does not */
	return 0;
}

static bool
fits(const struct room *need, const struct room *have)
{
	return need->bytes <= have->bytes && need->inodes <= have->inodes;
}

/* What the file systems of the volumes hold in all. */
static struct room
upper_bound(void)
{
	struct room all = {0};
	static struct devices seen;
	for (size_t i = 0; i < plan.rows; i++) {
		char **row = table_row(&plan, i);
		struct statvfs fs;
		struct stat st;
		if (!source(row) || stat(source(row), &st) < 0 || device_known(&seen, st.st_dev) ||
		    statvfs(source(row), &fs) < 0)
			continue;
		device_add(&seen, st.st_dev);
		all.bytes += (uintmax_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize;
		all.inodes += fs.f_files - fs.f_ffree;
	}
	return all;
}

static bool
held(const char *volume)
{
	struct stat st;
	for (size_t i = 0; generations && generations[i]; i++) {
		char *path = xasprintf("%s/%s/files", generations[i], volume);
		bool is = fstatat(repo, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (!is && errno != ENOENT && errno != ENOTDIR)
			warn("%s: room is counted for all of it", path);
		free(path);
		if (is)
			return true;
	}
	return false;
}

static int
count(void *arg, const struct walk_item *i)
{
	struct room *need = arg;
	nlink_t names = S_ISDIR(i->st.st_mode) ? 1 : i->st.st_nlink; /* each pays its share of the inode */
	need->bytes += (uintmax_t)i->st.st_blocks * 512 / names; /* 512: stat(2) */
	need->inodes++;
	return 0;
}

/* What the volumes need of which there is no copy yet. */
static struct room
lower_bound(void)
{
	static const struct walk_ops ops = {.entry = count};
	struct room need = {0};
	for (size_t i = 0; i < plan.rows; i++) {
		char **row = table_row(&plan, i);
		int fd = source(row) && !held(row[PLAN_VOLUME]) ? open(source(row), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		walk(fd, row[PLAN_VOLUME], &ops, &need); /* what cannot be read is said, and will fail its volume */
		close(fd);
	}
	return need;
}

static int
enough(const char *root)
{
	struct room have, need = upper_bound();
	if (room_at(root, &have) < 0)
		return BD_FATAL;
	if (fits(&need, &have) || (need = lower_bound(), fits(&need, &have)))
		return BD_DONE;
	warnx("%s: the volumes that are new need %ju MiB and %ju inodes, and there are %ju MiB and %ju inodes free", root,
	    need.bytes >> 20, need.inodes, have.bytes >> 20, have.inodes);
	return BD_FAILED;
}

int
main(int argc, char *argv[])
{
	static const char synopsis[] = "bd-preflight [-V] BACKUPS REPOSITORY <PLAN";
	char **operand = bd_operands(argc, argv, "V", 2, 2, synopsis);
	const char *root = operand[0];
	if (*root != '/')
		bd_usage(synopsis);
	int status = table_load(&plan, "-", check);
	if (status)
		return status;
	repo = repository(operand[1], &generations);
	if (untangle(root) < 0 || (status = enough(root)) == BD_FATAL)
		return BD_FATAL;
	for (size_t i = 0; i < plan.rows; i++)
		tsv_write(stdout, (const char *const *)table_row(&plan, i), PLAN_COLUMNS);
	return bd_finish(status);
}
