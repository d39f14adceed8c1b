/* linker.c - whether a file of PREV can stand for the source's.
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

#include "bad.h"
#include "linker.h"
#include "mtree.h"

#define XFS_MAGIC 0x58465342 /* fs/xfs/libxfs/xfs_format.h: XFS_SB_MAGIC, not in linux/magic.h */

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

struct inode *
linker_class(struct linker *l, const struct stat *st)
{
	struct inode key = {.dev = st->st_dev, .ino = st->st_ino};
	void *found = st->st_nlink > 1 ? tfind(&key, &l->classes, by_inode) : NULL;
	return found ? *(struct inode **)found : NULL;
}

void
linker_class_add(struct linker *l, const struct stat *st, const char *path, ino_t copy, bool fresh)
{
	struct inode *i = xcalloc(1, sizeof *i);
	*i = (struct inode){.dev = st->st_dev, .ino = st->st_ino, .copy = copy, .path = path ? xstrdup(path) : NULL, .fresh = fresh};
	if (!tsearch(i, &l->classes, by_inode))
		err(BD_FATAL, "memory");
}

bool
linker_linked(struct linker *l, const struct walk_item *i, const struct stat *prev, const struct inode *class)
{
	struct link_job *j = l->job;
	bool fresh = prev ? prev->st_nlink <= i->st.st_nlink : class->fresh;
	j->linked++;
	j->fresh += fresh;
	if (prev) {
		j->shared += linker_size(i);
		j->fresh_bytes += fresh ? linker_size(i) : 0;
	}
	return fresh;
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

int
linker_said(const struct linker *l, const char *path)
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

static bool
ctime_moves(int fd)
{
	struct statfs s;
	return fstatfs(fd, &s) == 0 &&
	    (s.f_type == EXT4_SUPER_MAGIC || s.f_type == XFS_MAGIC || s.f_type == BTRFS_SUPER_MAGIC);
}

int
linker_below(int dir, const char *name)
{
	return dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

struct level *
linker_top(struct linker *l)
{
	return &l->level[l->depth - 1];
}

struct level *
linker_enter(struct linker *l, const struct walk_item *i)
{
	if (l->depth == l->room) {
		l->room = l->room ? 2 * l->room : 32;
		l->level = xrealloc(l->level, l->room, sizeof *l->level);
	}
	if (same_inode(&i->st, &l->job->built)) {
		snprintf(l->job->why, sizeof l->job->why, "the backups lie in it");
		return NULL;
	}
	struct level *now = &l->level[l->depth];
	*now = (struct level){.prev = -1, .dest = -1, .dev = i->st.st_dev};
	now->trusted = l->depth && now[-1].dev == now->dev ? now[-1].trusted : ctime_moves(i->fd);
	l->depth++;
	return now;
}

void
linker_leave(struct linker *l)
{
	struct level *now = linker_top(l);
	if (now->prev >= 0 && now->prev != now->dest)
		close(now->prev);
	if (now->dest >= 0)
		close(now->dest);
	folder_names_free(now->names, now->count);
	l->depth--;
}

/* Names put aside count for the limit, too. */
int
linker_walk(struct link_job *j, const struct walk_ops *ops)
{
	long max = fpathconf(j->dest, _PC_LINK_MAX);
	struct linker l = {.job = j, .link_max = max < 1 ? 1 : (nlink_t)max};
	int rc = walk(j->src, j->label, ops, &l);
	while (l.depth)
		linker_leave(&l);
	free(l.level);
	tdestroy(l.classes, inode_free);
	free(l.taken);
	return rc;
}

uintmax_t
linker_size(const struct walk_item *i)
{
	return S_ISREG(i->st.st_mode) ? (uintmax_t)i->st.st_size : 0;
}

int
linker_emit(struct linker *l, const struct walk_item *i)
{
	struct link_job *j = l->job;
	if (strlen(i->path) > LINK_PATH_MAX || l->depth > LINK_DEPTH_MAX) {
		errno = ENAMETOOLONG;
		return linker_said(l, i->path);
	}
	if (S_ISDIR(i->st.st_mode))
		return j->emit(j->arg, i->path);
	linker_top(l)->dirty = true;
	j->copied++;
	return j->emit(j->arg, i->path);
}

int
linker_dress(const struct linker *l, const struct walk_item *i)
{
	int dest = l->level[l->depth - 1].dest;
	if (fchown(dest, i->st.st_uid, i->st.st_gid) < 0 || fchmod(dest, i->st.st_mode & 07777) < 0)
		return linker_said(l, i->path);
	return copy_xattrs(i->fd, dest, *i->path ? i->path : l->job->label);
}

/* Whether PREV's contents.mtree knows the file, so that its digest is known without reading it: bd-digest would take
 * that of a damaged copy otherwise, and nothing would ever tell. The target of a symlink it takes from the copy. */
static bool
vouched(const struct link_job *j, const struct walk_item *i)
{
	if (!j->list || !S_ISREG(i->st.st_mode))
		return !j->list;
	char *path = xasprintf("files/%s", i->path);
	const struct mtree_entry *e = mtree_find(j->list, path);
	free(path);
	return e && mtree_is(e, &i->st);
}

int
linker_unchanged(struct linker *l, const struct walk_item *i, struct stat *prev)
{
	struct link_job *j = l->job;
	const struct level *now = linker_top(l);
	bool proven = j->known && index_find(j->known, i->path, &i->st) && now->trusted && i->st.st_dev == now->dev;
	if (now->prev < 0)
		return 0;
	if (fstatat(now->prev, i->name, prev, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : linker_said(l, i->path);
	if (!same_stat(&i->st, prev) || (j->bad && bad_has(j->bad, prev->st_ino, now->prev, i->name)))
		return 0;
	if (i->st.st_nlink > 1 && prev->st_nlink + i->st.st_nlink > l->link_max)
		return 0;
	if (proven && vouched(j, i)) /* its other names may be other files by now, of which one may have come first */
		return i->st.st_nlink > 1 ? take(l, prev) : 1;
	int same = same_content(i->dir, now->prev, i->name, &i->st);
	return same > 0 && prev->st_nlink > 1 ? take(l, prev) : same;
}
