/* rsync.c - rsync where it sees nothing but SRC, DEST and the system's programs.
 *
 * Containers write the source: a folder swapped for a symlink between our walk and
 * rsync's would lead it out of the volume. So rsync runs in a mount namespace of its
 * own, whose root holds /s (read-only) and /d, neither of which lets a symlink be
 * followed, and /usr. Nothing is left behind: the namespace goes with its last process. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tree.h"

static const char *const system_dirs[] = {"usr", "lib", "lib32", "lib64", "bin", "sbin"};
enum { SYSTEM_DIRS = sizeof system_dirs / sizeof *system_dirs };

/* A mount of what path (below dir; "": dir itself) stands for, with all below it. */
static int
clone_tree(int dir, const char *path, uint64_t attributes)
{
	unsigned int empty = *path ? 0 : AT_EMPTY_PATH;
	int tree = open_tree(dir, path, empty | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr a = {.attr_set = attributes, .propagation = MS_PRIVATE}; /* what is unmounted elsewhere stays here */
	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof a) < 0)
		return -1;
	return tree;
}

int
rsync_tree(int dir, const char *path)
{
	return clone_tree(dir, path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSYMFOLLOW);
}

static int
place(int tree, const char *name)
{
	return mkdir(name, 0700) < 0 ? -1 : move_mount(tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH);
}

/* Makes one of the system's folders appear: as the symlink it is, or mounted read-only. */
static int
place_system(int root, const char *name, int tree)
{
	char target[256];
	ssize_t n = readlinkat(root, name, target, sizeof target - 1);
	if (n < 0 && errno != EINVAL && errno != ENOENT) /* not a symlink, not there */
		return -1;
	if (n < 0)
		return tree < 0 ? 0 : place(tree, name);
	target[n] = '\0';
	return symlink(target, name);
}

static int
confine(int src, int dest)
{
	int system[SYSTEM_DIRS];
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	for (size_t i = 0; i < SYSTEM_DIRS; i++) {
		int fd = openat(root, system_dirs[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		system[i] = fd < 0 ? -1 : clone_tree(fd, "", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
		if (fd < 0 ? errno != ENOENT && errno != ENOTDIR : system[i] < 0) /* not there, or a symlink */
			return -1;
	}
	int s = rsync_tree(src, "");
	if (s < 0 && errno == EINVAL) /* a detached mount: before Linux 6.15 it cannot be cloned, but it can be placed */
		s = src;
	int d = clone_tree(dest, "", MOUNT_ATTR_NOSYMFOLLOW);
	if (s < 0 || d < 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0700") < 0 || chdir("/tmp") < 0 ||
	    place(s, "s") < 0 || place(d, "d") < 0)
		return -1;
	for (size_t i = 0; i < SYSTEM_DIRS; i++)
		if (place_system(root, system_dirs[i], system[i]) < 0)
			return -1;
	close(root);
	/* pivot_root(2), NOTES: "." twice, then the old root lies over the new one. */
	return syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -1 : 0;
}

int
rsync_command(const char *argv[], size_t room, const char *const more[])
{
	static const char *const common[] = {"rsync", "-aHAXXS", "--numeric-ids", "--no-D", "--info=nonreg0",
	    "--modify-window=-1" /* else times of folders and symlinks that differ by less than a second stay */};
	size_t n = 0;
	for (size_t i = 0; i < sizeof common / sizeof *common && n + 3 < room; i++)
		argv[n++] = common[i];
	for (; more && *more && n + 3 < room; more++)
		argv[n++] = *more;
	argv[n++] = "/s/";
	argv[n++] = "/d/";
	argv[n] = NULL;
	return (int)n;
}

#define PATH "/usr/local/bin:/usr/bin:/bin"

/* Since 3.5 rsync resolves the paths of a list itself, by readlink(2), which no mount can
 * forbid; told not to, it leaves that to the kernel. An rsync that does not know the option
 * never did otherwise. 1 it knows it, 0 it does not, -1 said. */
static int
resolves_links(void)
{
	static int status = -1;
	if (status < 0)
		status = system("PATH=" PATH " exec rsync --insecure-links --version >/dev/null 2>&1");
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) /* rsync(1), EXIT VALUES: 1 is wrong usage */
		return !WEXITSTATUS(status);
	warnx("rsync --version ended with wait status %#x", (unsigned int)status);
	return -1;
}

int
rsync_spawn(struct child *c, int src, int dest, const char *const more[], int in)
{
	const char *argv[24];
	int n = rsync_command(argv, sizeof argv / sizeof *argv - 1, more), links = resolves_links();
	if (links < 0)
		return -1;
	if (links) {
		memmove(argv + 2, argv + 1, (size_t)n * sizeof *argv);
		argv[1] = "--insecure-links";
	}
	int rc = child_fork(c);
	if (rc)
		return rc;
	if (dup2(in, 0) < 0 || dup2(2, 1) < 0) { /* our stdout holds records */
		warn("dup2");
		_exit(126);
	}
	if (confine(src, dest) < 0) {
		warn("rsync cannot be confined to its source and target (needs Linux 5.14 and CAP_SYS_ADMIN)");
		_exit(126);
	}
	/* RSYNC_* and the rest of the environment must not change what rsync does. */
	clearenv();
	setenv("PATH", PATH, 1);
	setenv("LC_ALL", "C", 1);
	child_exec(argv);
	return -1;
}
