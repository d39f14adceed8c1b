/* linker.h - what link.c and stay.c share: whether PREV's file can stand for the source's,
 * and source inodes with several names. */
#ifndef LINKER_H
#define LINKER_H

#include "tree.h"

struct inode { /* in a tsearch(3) tree */
	dev_t dev;
	ino_t ino, copy; /* copy: in DEST, where it is known */
	char *path;      /* of its first name in DEST, NULL: being copied */
	bool fresh;      /* no generation before PREV has it */
};

struct level { /* a folder that is being walked */
	int prev, dest;
	dev_t dev;
	bool trusted; /* the file system's ctime can be believed */
	bool dirty;   /* something was put into or taken out of DEST's */
	char **names; /* those in DEST's; only stay.c */
	size_t count, at;
};

struct linker {
	struct link_job *job;
	struct level *level;
	size_t depth, room;
	void *classes; /* source inodes with several links */
	uint64_t *taken; /* inodes of PREV that are spoken for; see linker.c */
	nlink_t link_max;
};

int linker_walk(struct link_job *j, const struct walk_ops *ops); /* which get a struct linker of it; -1 said */
struct level *linker_enter(struct linker *l, const struct walk_item *i); /* prev and dest are the caller's to set; NULL said */
struct level *linker_top(struct linker *l);
void linker_leave(struct linker *l); /* closes the descriptors */
int linker_below(int dir, const char *name); /* a descriptor for a folder, -1 without one (not said) */
int linker_said(const struct linker *l, const char *path); /* says errno; -1 */
uintmax_t linker_size(const struct walk_item *i); /* the bytes of a file, 0 for a link */
int linker_emit(struct linker *l, const struct walk_item *i); /* hands it out to be copied; -1 said */
int linker_unchanged(struct linker *l, const struct walk_item *i, struct stat *prev); /* 1: PREV's file of this name can stand for it, 0: it cannot, -1 said */
struct inode *linker_class(struct linker *l, const struct stat *st); /* of an inode with several links that was met before */
void linker_class_add(struct linker *l, const struct stat *st, const char *path, ino_t copy, bool fresh);
/* Counts a name that is linked. prev: its file in PREV, before that; NULL: one more name of class. Whether it is fresh: PREV's has no
 * more names than the source's, so none in another generation. */
bool linker_linked(struct linker *l, const struct walk_item *i, const struct stat *prev, const struct inode *class);
int linker_dress(const struct linker *l, const struct walk_item *i); /* gives DEST's folder, the top level's, owner, mode and attributes of the source's; -1 said */

#endif
