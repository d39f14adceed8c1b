/* snapshot.c - read-only snapshots of one btrfs subvolume or ZFS dataset.
 *
 * btrfs(8) and zfs(8) make and delete them. Nothing is ever deleted but what is called exactly as
 * ours are called; on btrfs it must also be a read-only snapshot of this very subject. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "snapshot.h"

enum { DIGITS = 14, FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

bool
snapshot_timestamp(const char *text)
{
	return strlen(text) == DIGITS && strspn(text, "0123456789") == DIGITS;
}

static const char *
prefix(const struct subject *s)
{
	return s->zfs ? "baudolo-" : ".baudolo-";
}

static bool
is_name(const struct subject *s, const char *name)
{
	size_t len = strlen(prefix(s));
	return !strncmp(name, prefix(s), len) && snapshot_timestamp(name + len);
}

static char *
join(const char *dir, const char *name)
{
	return xasprintf("%s/%s", strcmp(dir, "/") ? dir : "", name);
}

/* Runs btrfs or zfs; its output goes to out, or nowhere. It is not disturbed by the signals that
 * end us, which may reach it too, and the subject stays locked until it has ended. */
static int
tool(const struct subject *s, const char *const argv[], int out)
{
	struct child c;
	if (s->verbose) {
		char *line = shell_quote(argv);
		warnx("+ %s", line);
		free(line);
	}
	int rc = child_fork(&c);
	if (rc)
		return rc < 0 ? -1 : child_wait(&c);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out < 0 ? null : out, 1) < 0)
		_exit(126);
	fcntl(s->fd, F_SETFD, 0);
	const char *path = getenv("PATH");
	setenv("PATH", xasprintf("%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin"), 1); /* cron's has no sbin */
	child_exec(argv);
	return -1;
}

/* The subvolume that fd is the root of. -1: it is none; errno is 0 if that is all there is to say. */
static int
subvolume(int fd, struct btrfs_ioctl_get_subvol_info_args *info)
{
	struct stat st;
	struct statfs fs;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -1;
	if ((unsigned long)fs.f_type != BTRFS_SUPER_MAGIC || st.st_ino != BTRFS_FIRST_FREE_OBJECTID) {
		errno = 0;
		return -1;
	}
	memset(info, 0, sizeof *info);
	return ioctl(fd, BTRFS_IOC_GET_SUBVOL_INFO, info) < 0 ? -1 : 0; /* Linux 6.18 may say 1 */
}

/* Is what fd has open, under the name of a snapshot, one of the subject? In .zfs/snapshot there is nothing else. */
static bool
is_snapshot(const struct subject *s, int fd)
{
	struct btrfs_ioctl_get_subvol_info_args of, it;
	if (s->zfs)
		return true;
	return subvolume(s->fd, &of) == 0 && subvolume(fd, &it) == 0 && it.flags & BTRFS_ROOT_SUBVOL_RDONLY &&
	       !memcmp(it.parent_uuid, of.uuid, sizeof of.uuid);
}

static int
open_btrfs(struct subject *s)
{
	struct btrfs_ioctl_get_subvol_info_args info;
	if (subvolume(s->fd, &info) < 0) {
		if (errno)
			warn("%s", s->path);
		else
			warnx("%s: not the root of a btrfs subvolume", s->path);
		return -1;
	}
	s->home = s->path;
	s->home_fd = s->fd;
	return 0;
}

/* Sets the dataset, and where it is mounted if name is not a folder. */
static int
ask_zfs(struct subject *s, const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/ ";
	const char *const list[] = {"zfs", "list", "-H", "-t", "filesystem", "-o", "name,mountpoint", name, NULL};
	char *line = NULL;
	size_t room = 0;
	int fd = memfd_create("zfs", MFD_CLOEXEC);
	if (fd < 0) {
		warn("memory");
		return -1;
	}
	int rc = tool(s, list, fd);
	FILE *in = fdopen(fd, "r");
	if (!in)
		err(BD_FATAL, "memory");
	rewind(in);
	ssize_t len = getline(&line, &room, in);
	fclose(in);
	char *tab = len > 0 && line[len - 1] == '\n' ? strchr(line, '\t') : NULL;
	if (rc || !tab) {
		warnx("%s: zfs knows no such dataset", name);
		return -1;
	}
	line[len - 1] = '\0';
	*tab = '\0';
	if (!*line || line[strspn(line, allowed)]) {
		warnx("%s: zfs gives its dataset a name that cannot be one", name);
		return -1;
	}
	s->dataset = line;
	if (!s->path && tab[1] != '/') {
		warnx("%s: its mountpoint is '%s': name the folder instead", name, tab + 1);
		return -1;
	}
	if (!s->path)
		s->path = tab + 1;
	return 0;
}

static int
open_zfs(struct subject *s)
{
	s->home = join(s->path, ".zfs/snapshot");
	s->home_fd = openat(s->fd, ".zfs/snapshot", FOLDER | O_NOFOLLOW);
	if (s->home_fd < 0) {
		warnx("%s: not the mountpoint of a ZFS dataset: .zfs/snapshot: %s", s->path, strerror(errno));
		return -1;
	}
	return 0;
}

int
subject_open(struct subject *s, const char *name)
{
	bool folder = !s->zfs || *name == '/' || *name == '.';
	s->fd = -1;
	if (folder && !(s->path = realpath(name, NULL))) {
		warn("%s", name);
		return -1;
	}
	if (s->zfs && ask_zfs(s, folder ? s->path : name) < 0)
		return -1;
	if ((s->fd = open(s->path, FOLDER)) < 0) {
		warn("%s", s->path);
		return -1;
	}
	return s->zfs ? open_zfs(s) : open_btrfs(s);
}

static int
lock(const struct subject *s, int how)
{
	while (flock(s->fd, how) < 0)
		if (errno != EINTR) {
			warn("%s: lock", s->path);
			return -1;
		}
	return 0;
}

int
subject_lock(const struct subject *s)
{
	return lock(s, LOCK_EX);
}

int
subject_unlock(const struct subject *s)
{
	return lock(s, LOCK_UN);
}

static int
delete(const struct subject *s, const char *name)
{
	if (!is_name(s, name)) { /* nobody asks for that; here it would do harm */
		warnx("%s: not deleted: no name of a snapshot of ours", name);
		return -1;
	}
	char *what = s->zfs ? xasprintf("%s@%s", s->dataset, name) : join(s->home, name);
	const char *const btrfs[] = {"btrfs", "subvolume", "delete", what, NULL};
	const char *const zfs[] = {"zfs", "destroy", what, NULL};
	int rc = tool(s, s->zfs ? zfs : btrfs, -1);
	if (rc)
		warnx("%s: could not be deleted: %s ended with status %d", what, *(s->zfs ? zfs : btrfs), rc);
	free(what);
	return rc ? -1 : 0;
}

/* 0 deleted, or nobody's business; -1 a leftover that stays (said) */
static int
reap(const struct subject *s, const char *name)
{
	int fd = openat(s->home_fd, name, FOLDER | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || !is_snapshot(s, fd)) {
		warnx("%s/%s: left alone: not a snapshot of %s", s->home, name, s->path);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	int rc = flock(fd, LOCK_EX | LOCK_NB);
	bool used = rc < 0 && errno == EWOULDBLOCK;
	if (rc < 0 && !used)
		warn("%s/%s: lock", s->home, name);
	close(fd); /* zfs has to unmount it */
	if (used && s->verbose)
		warnx("%s/%s: in use", s->home, name);
	return used ? 0 : rc < 0 ? -1 : delete(s, name);
}

int
snapshot_reap(const struct subject *s)
{
	int rc = 0, fd = openat(s->home_fd, ".", FOLDER);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		warn("%s", s->home);
		return -1;
	}
	struct dirent *e;
	while (errno = 0, e = readdir(dir))
		if (is_name(s, e->d_name) && reap(s, e->d_name) < 0)
			rc = -1;
	if (errno) {
		warn("%s", s->home);
		rc = -1;
	}
	closedir(dir);
	return rc;
}

static bool
exists(const struct subject *s, const char *name)
{
	struct stat st;
	return fstatat(s->home_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static char *
free_name(const struct subject *s)
{
	char digits[sizeof "YYYYYYYYYYYYMMDDHHMMSS"], *name = NULL;
	time_t now = time(NULL);
	struct tm tm;
	do {
		free(name);
		strftime(digits, sizeof digits, "%Y%m%d%H%M%S", localtime_r(&now, &tm));
		name = xasprintf("%s%s", prefix(s), digits);
		now++;
	} while (exists(s, name));
	return name;
}

/* Ours from here on. */
static int
hold(const struct subject *s, struct snapshot *new)
{
	new->fd = openat(s->home_fd, new->name, FOLDER | O_NOFOLLOW);
	if (new->fd < 0 || flock(new->fd, LOCK_EX | LOCK_NB) < 0)
		warn("%s", new->path);
	else if (!is_snapshot(s, new->fd))
		warnx("%s: not a snapshot of %s", new->path, s->path);
	else
		return 0;
	if (new->fd >= 0)
		close(new->fd);
	return -1;
}

int
snapshot_make(const struct subject *s, const char *timestamp, struct snapshot *new)
{
	new->name = timestamp ? xasprintf("%s%s", prefix(s), timestamp) : free_name(s);
	new->path = join(s->home, new->name);
	if (exists(s, new->name)) { /* btrfs(8) would make one inside that */
		warnx("%s: exists already", new->path);
		return -1;
	}
	char *what = s->zfs ? xasprintf("%s@%s", s->dataset, new->name) : NULL;
	const char *const btrfs[] = {"btrfs", "subvolume", "snapshot", "-r", s->path, new->path, NULL};
	const char *const zfs[] = {"zfs", "snapshot", what, NULL};
	int rc = tool(s, s->zfs ? zfs : btrfs, -1);
	free(what);
	if (rc)
		warnx("%s: could not be made: %s ended with status %d", new->path, *(s->zfs ? zfs : btrfs), rc);
	else if (hold(s, new) == 0)
		return 0;
	if (!rc || exists(s, new->name))
		delete(s, new->name);
	return -1;
}

int
snapshot_remove(const struct subject *s, struct snapshot *old)
{
	close(old->fd); /* zfs has to unmount it */
	return delete(s, old->name);
}
