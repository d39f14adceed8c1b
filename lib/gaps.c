/* gaps.c - the places below a folder that a snapshot of it leaves empty.
 *
 * The kernel has lists of both kinds, so nothing is searched, however many files there are. */
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gaps.h"
#include "place.h"

static void
add(char ***list, size_t *len, char *path)
{
	*list = xrealloc(*list, *len + 1, sizeof **list);
	(*list)[(*len)++] = path;
}

struct below {
	struct gaps *gaps;
	const char *subject;
};

static void
add_mount(void *arg, const struct mount_line *m)
{
	struct below *b = arg;
	const char *rest = path_within(b->subject, m->at);
	if (rest && *rest)
		add(&b->gaps->mount, &b->gaps->mounts, xstrdup(m->at));
}

/* The folder with this inode number in the subvolume fd. */
static int
add_folder(struct gaps *g, const char *subject, int fd, uint64_t inode)
{
	struct btrfs_ioctl_ino_lookup_args in = {.objectid = inode};
	if (ioctl(fd, BTRFS_IOC_INO_LOOKUP, &in) < 0)
		return errno == ENOENT ? 0 : -1; /* removed meanwhile */
	size_t len = strlen(in.name); /* it ends in a slash, unless it is empty */
	add(&g->folder, &g->folders,
	    len ? xasprintf("%s/%.*s", strcmp(subject, "/") ? subject : "", (int)len - 1, in.name) : xstrdup(subject));
	return 0;
}

/* The subject is asked: a snapshot does not know which subvolumes were left out of it. */
static int
find_folders(struct gaps *g, const char *subject, int fd, int snapshot)
{
	struct btrfs_ioctl_get_subvol_info_args own;
	struct btrfs_ioctl_get_subvol_rootref_args refs = {0};
	uint64_t last = 0;
	if (ioctl(snapshot, BTRFS_IOC_GET_SUBVOL_INFO, &own) < 0)
		return -1;
	for (bool more = true; more;) {
		more = ioctl(fd, BTRFS_IOC_GET_SUBVOL_ROOTREF, &refs) < 0;
		if (more && errno != EOVERFLOW) /* which says that there are more than fit */
			return -1;
		for (int i = 0; i < refs.num_items; i++) {
			if (refs.rootref[i].treeid == own.treeid || refs.rootref[i].dirid == last)
				continue;
			last = refs.rootref[i].dirid;
			if (add_folder(g, subject, fd, last) < 0)
				return -1;
		}
	}
	return 0;
}

int
gaps_find(struct gaps *g, const char *subject, int snapshot)
{
	struct statfs fs;
	*g = (struct gaps){0};
	int fd = open(subject, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;
	if (fd >= 0 && fstatfs(fd, &fs) == 0)
		rc = (unsigned long)fs.f_type == BTRFS_SUPER_MAGIC ? find_folders(g, subject, fd, snapshot) : 0;
	if (rc < 0)
		warn("%s: its subvolumes", subject);
	if (fd >= 0)
		close(fd);
	return rc < 0 ? -1 : mounts_read(add_mount, &(struct below){.gaps = g, .subject = subject});
}

const char *
gaps_around(const struct gaps *g, const char *path)
{
	for (size_t i = 0; i < g->mounts; i++) {
		const char *rest = path_within(g->mount[i], path);
		if (rest)
			return *rest ? "below another mount" : "own mount";
	}
	return NULL;
}

const char *
gaps_inside(const struct gaps *g, const char *path)
{
	for (size_t i = 0; i < g->mounts; i++)
		if (path_within(path, g->mount[i]))
			return "holds a mount";
	for (size_t i = 0; i < g->folders; i++)
		if (path_within(path, g->folder[i]))
			return "holds a nested subvolume";
	return NULL;
}
