/* link.c - hard-links from PREV what is provably the same, hands out the rest.
 *
 * Provably: the index recorded this path with this inode and ctime, on a file system
 * whose ctime moves with every change, and PREV's copy has the same type, mode, owner,
 * size and mtime. Without that proof a file that looks equal is compared by content.
 *
 * Two names share an inode in DEST iff they do in the source. So a source inode with
 * several links is decided once, at its first name; and an inode of PREV that was
 * found equal serves one source inode only. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tree.h"

#define XFS_MAGIC 0x58465342 /* fs/xfs/libxfs/xfs_format.h: XFS_SB_MAGIC, not in linux/magic.h */
enum { SETTLED = 30 };       /* seconds: write(2) stamps ctime when it begins and may go on */

struct inode { /* in a tsearch(3) tree */
	dev_t dev;
	ino_t ino;
	char *path; /* of its first name in DEST, NULL: being copied */
};

struct level {
	int prev, dest;
	dev_t dev;
	bool trusted; /* the file system's ctime can be believed */
	bool dirty;   /* rsync will put something into this folder */
};

struct linker {
	struct link_job *job;
	struct level *level;
	size_t depth, room;
	void *classes; /* source inodes with several links */
	uint64_t *taken; /* inodes of PREV that content comparison has used; see take() */
	long link_max;
};

static int
by_inode(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

static void
inode_free(void *p)
{
	struct inode *i = p;
	free(i->path);
	free(i);
}

static struct inode *
inode_find(void **tree, const struct stat *st)
{
	struct inode key = {.dev = st->st_dev, .ino = st->st_ino};
	void *found = tfind(&key, tree, by_inode);
	return found ? *(struct inode **)found : NULL;
}

static void
inode_add(void **tree, const struct stat *st, const char *path)
{
	struct inode *i = xcalloc(1, sizeof *i);
	*i = (struct inode){.dev = st->st_dev, .ino = st->st_ino, .path = path ? xstrdup(path) : NULL};
	if (!tsearch(i, tree, by_inode))
		err(BD_FATAL, "memory");
}

/* Whether the inode may be linked for a source inode that was found equal to it: false
 * from the second time on. A Bloom filter, so memory does not grow with the number of
 * files; where it errs, a file is copied that could have been linked. */
static bool
take(struct linker *l, const struct stat *st)
{
	enum { PROBES = 4, BITS = 27 };
	if (!l->taken)
		l->taken = xcalloc((size_t)1 << (BITS - 6), sizeof *l->taken);
	uint64_t h = (uint64_t)st->st_ino * 0x9e3779b97f4a7c15u + (uint64_t)st->st_dev;
	bool fresh = false;
	for (int i = 0; i < PROBES; i++) {
		h ^= h >> 31; /* the finalizer of splitmix64 */
		h *= 0x94d049bb133111ebu;
		h ^= h >> 29;
		uint64_t bit = h >> (64 - BITS), mask = (uint64_t)1 << (bit & 63);
		fresh = fresh || !(l->taken[bit >> 6] & mask);
		l->taken[bit >> 6] |= mask;
	}
	return fresh;
}

static int
said(const struct linker *l, const char *path)
{
	struct link_job *j = l->job;
	if (!*path)
		path = ".";
	int why = errno;
	char *shown = tsv_show(path);
	snprintf(j->why, sizeof j->why, "%s: %s", strerror(why), shown); /* the path may be cut off */
	warnx("%s: %s: %s", j->label, shown, strerror(why));
	free(shown);
	return -1;
}

void
device_add(struct devices *d, dev_t dev)
{
	d->dev = xrealloc(d->dev, d->count + 1, sizeof *d->dev);
	d->dev[d->count++] = dev;
}

bool
device_known(const struct devices *d, dev_t dev)
{
	for (size_t i = 0; d && i < d->count; i++)
		if (d->dev[i] == dev)
			return true;
	return false;
}

static bool
ctime_moves(int fd)
{
	struct statfs s;
	return fstatfs(fd, &s) == 0 &&
	    (s.f_type == EXT4_SUPER_MAGIC || s.f_type == XFS_MAGIC || s.f_type == BTRFS_SUPER_MAGIC);
}

/* A descriptor for the folder `name` below dir, -1 without one (not said). */
static int
below(int dir, const char *name)
{
	return dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
enter(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	if (l->depth == l->room) {
		l->room = l->room ? 2 * l->room : 32;
		l->level = xrealloc(l->level, l->room, sizeof *l->level);
	}
	const struct level *up = l->depth ? &l->level[l->depth - 1] : NULL;
	struct level *now = &l->level[l->depth];
	*now = (struct level){.dev = i->st.st_dev};
	if (i->st.st_ino == l->job->built.st_ino && i->st.st_dev == l->job->built.st_dev) {
		snprintf(l->job->why, sizeof l->job->why, "the backups lie in it");
		return -1;
	}
	now->prev = up ? below(up->prev, i->name) : below(l->job->prev, ".");
	now->dest = up ? below(up->dest, i->name) : below(l->job->dest, ".");
	if (now->dest < 0)
		return said(l, i->path);
	if (!up && l->job->seen && index_put(l->job->seen, "", &i->st) < 0)
		return -1;
	l->depth++;
	if (up && up->dev == now->dev) {
		now->trusted = up->trusted;
		return 0;
	}
	if (!device_known(l->job->synced, now->dev) && syncfs(i->fd) < 0)
		return said(l, i->path);
	now->trusted = ctime_moves(i->fd);
	return 0;
}

static int
emit(struct linker *l, const struct walk_item *i)
{
	struct link_job *j = l->job;
	if (strlen(i->path) > LINK_PATH_MAX || l->depth > LINK_DEPTH_MAX) {
		errno = ENAMETOOLONG;
		return said(l, i->path);
	}
	if (S_ISDIR(i->st.st_mode))
		return j->emit(j->arg, i->path);
	l->level[l->depth - 1].dirty = true;
	j->copied++;
	return j->emit(j->arg, i->path);
}

static int
leave(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	struct level *now = &l->level[--l->depth];
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, i->st.st_mtim};
	int rc = 0;
	if (fchown(now->dest, i->st.st_uid, i->st.st_gid) < 0 || fchmod(now->dest, i->st.st_mode & 07777) < 0)
		rc = said(l, i->path);
	if (rc == 0)
		rc = copy_xattrs(i->fd, now->dest, *i->path ? i->path : l->job->label);
	if (rc == 0 && futimens(now->dest, times) < 0)
		rc = said(l, i->path);
	if (rc == 0 && now->dirty && l->depth)
		rc = emit(l, i); /* its times, once rsync has filled it */
	if (!l->depth)
		l->job->root_mtime = i->st.st_mtim;
	close(now->dest);
	if (now->prev >= 0)
		close(now->prev);
	return rc;
}

/* 1: PREV's file of this name can stand for the source's, 0: it cannot, -1 said. */
static int
unchanged(struct linker *l, const struct walk_item *i, struct stat *prev)
{
	struct link_job *j = l->job;
	const struct level *now = &l->level[l->depth - 1];
	bool proven = j->known && index_find(j->known, i->path, &i->st) && now->trusted && i->st.st_dev == now->dev;
	if (now->prev < 0)
		return 0;
	if (fstatat(now->prev, i->name, prev, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : said(l, i->path);
	if (!same_stat(&i->st, prev))
		return 0;
	if (i->st.st_nlink > 1 && prev->st_nlink + i->st.st_nlink > (nlink_t)l->link_max)
		return 0;
	if (proven)
		return 1;
	int same = same_content(i->dir, now->prev, i->name, &i->st);
	return same > 0 && prev->st_nlink > 1 ? take(l, prev) : same;
}

/* 1 linked, 0 cannot be linked but could be copied, -1 said. */
static int
try_link(struct linker *l, const struct walk_item *i, int dir, const char *from)
{
	if (linkat(dir, from, l->level[l->depth - 1].dest, i->name, 0) == 0) {
		l->job->linked++;
		return 1;
	}
	/* Too many links, another file system, or one that knows no hard links. */
	return errno == EMLINK || errno == EXDEV || errno == EPERM || errno == EOPNOTSUPP ? 0 : said(l, i->path);
}

static int
file(struct linker *l, const struct walk_item *i)
{
	struct stat prev;
	struct inode *class = i->st.st_nlink > 1 ? inode_find(&l->classes, &i->st) : NULL;
	if (class && class->path) {
		int rc = try_link(l, i, l->job->dest, class->path);
		return rc ? rc : said(l, i->path);
	}
	if (class)
		return emit(l, i);
	int rc = unchanged(l, i, &prev);
	if (rc > 0)
		rc = try_link(l, i, l->level[l->depth - 1].prev, i->name);
	if (rc < 0)
		return -1;
	if (i->st.st_nlink > 1)
		inode_add(&l->classes, &i->st, rc ? i->path : NULL);
	if (rc)
		return 0;
	if (S_ISREG(i->st.st_mode))
		l->job->bytes += (uintmax_t)i->st.st_size;
	return emit(l, i);
}

static int
entry(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	struct link_job *j = l->job;
	if (S_ISDIR(i->st.st_mode))
		return mkdirat(l->level[l->depth - 1].dest, i->name, 0700) < 0 ? said(l, i->path) : 0;
	if (!S_ISREG(i->st.st_mode) && !S_ISLNK(i->st.st_mode))
		return 0; /* sockets, FIFOs and devices are not kept */
	if (j->seen && i->st.st_ctim.tv_sec < j->t0.tv_sec - SETTLED && index_put(j->seen, i->path, &i->st) < 0)
		return -1;
	return file(l, i) < 0 ? -1 : 0;
}

int
link_tree(struct link_job *j)
{
	static const struct walk_ops ops = {.entry = entry, .enter = enter, .leave = leave};
	struct linker l = {.job = j, .link_max = fpathconf(j->dest, _PC_LINK_MAX)};
	if (l.link_max < 1)
		l.link_max = 1;
	int rc = walk(j->src, j->label, &ops, &l);
	while (l.depth > 0) {
		struct level *now = &l.level[--l.depth];
		close(now->dest);
		if (now->prev >= 0)
			close(now->prev);
	}
	free(l.level);
	tdestroy(l.classes, inode_free);
	free(l.taken);
	return rc;
}
