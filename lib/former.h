/* former.h - a volume in the generation that it was linked from: the digests that its contents.mtree has. */
#ifndef BD_FORMER_H
#define BD_FORMER_H

#include "mtree.h"
#include "tree.h"

struct former {
	const char *volume;
	int dir;               /* the volume there, -1: without a contents.mtree, or there is none at all */
	char *name;            /* of the contents.mtree, for messages */
	struct mtree_in mtree;
	int *level;            /* what it has at the folders above where the walk is, the root's first; -1: no such folder */
	size_t depth, room;
};

/* Of the generations, newest first, the newest other one that has files of the volume; self is the volume that is being built. */
void former_open(struct former *f, const char *volume, int self, int repo, char *const *generations);
void former_close(struct former *f);

/* To be told of each folder that the walk enters and leaves, and asked in its order. The digest of this very inode,
 * NULL: it is not known. It is ours, until the next call. */
void former_enter(struct former *f, const struct walk_item *i);
void former_leave(struct former *f);
const char *former_digest(struct former *f, const struct walk_item *i);

int former_is(struct former *f, int mtree); /* whether its contents.mtree is this one, byte for byte, from where that is read: 1, 0, -1 (errno) */

#endif
