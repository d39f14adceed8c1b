/* twins.c - names that are one file in a volume and two in its backup. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <search.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree.h"
#include "twins.h"

struct twin { /* an inode of the volume, and of which one of the backup it is the copy */
	dev_t dev, of_dev;
	ino_t ino, of_ino;
};

struct twins {
	int backup;
	void *known; /* a tsearch(3) tree of inodes with several names */
	uintmax_t *cut;
};

static int
by_inode(const void *a, const void *b)
{
	const struct twin *x = a, *y = b;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* What has the path in the backup; -1: nothing, a container made it meanwhile. */
static int
stat_backup(int backup, const char *path, struct stat *st)
{
	static const struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, backup, path, &how, sizeof how);
	if (fd < 0)
		return -1;
	int rc = fstat(fd, st);
	close(fd);
	return rc;
}

/* Whether the volume's inode is the copy of this one of the backup, and of no other. */
static bool
is_copy(struct twins *s, const struct stat *st, const struct stat *of)
{
	struct twin *t = xcalloc(1, sizeof *t), **found;
	*t = (struct twin){st->st_dev, of->st_dev, st->st_ino, of->st_ino};
	found = tsearch(t, &s->known, by_inode);
	if (!found)
		errx(BD_FATAL, "memory");
	if (*found != t)
		free(t);
	return (*found)->of_dev == of->st_dev && (*found)->of_ino == of->st_ino &&
	       (of->st_dev != st->st_dev || of->st_ino != st->st_ino);
}

static int
entry(void *arg, const struct walk_item *i)
{
	struct twins *s = arg;
	struct stat of;
	if (S_ISDIR(i->st.st_mode) || i->st.st_nlink < 2 || stat_backup(s->backup, i->path, &of) < 0 || is_copy(s, &i->st, &of))
		return 0;
	++*s->cut;
	return unlinkat(i->dir, i->name, 0) < 0 && errno != ENOENT ? (warn("%s", i->path), -1) : 0;
}

int
twins_cut(int backup, int volume, const char *label, uintmax_t *cut)
{
	static const struct walk_ops ops = {.entry = entry};
	struct twins s = {.backup = backup, .cut = cut};
	*cut = 0;
	int rc = walk(volume, label, &ops, &s);
	tdestroy(s.known, free);
	return rc;
}
