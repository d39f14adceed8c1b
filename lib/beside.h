/* beside.h - a volume walked beside its contents.mtree: what is there and what should be, both in the byte order of paths. */
#ifndef BD_BESIDE_H
#define BD_BESIDE_H

#include "mtree.h"
#include "tree.h"

struct beside {
	/* The caller's. */
	const char *path; /* only this and what is below it; NULL: all */
	const char *from; /* only from this path on; NULL: all */
	void (*wrong)(void *arg, const char *path, const char *what, int why); /* unreadable, why: errno; malformed, 0 */
	void *arg;
	/* Ours. */
	char *name; /* of the contents.mtree, for messages */
	struct walker *walker;
	struct walk_item disk;
	struct mtree_in mtree;
	bool on_disk, on_list; /* disk and mtree.e are at hand */
	bool whole;            /* the list could be read so far: what is not in it is extra */
};

int beside_open(struct beside *b, int dir, const char *volume, const char *generation); /* -1 (errno): the contents.mtree, or the folder */
void beside_close(struct beside *b);

const char *beside_first(const struct beside *b); /* the first path at hand, of either; NULL at the end */
bool beside_there(const struct beside *b, const char *path);  /* it is on disk */
bool beside_listed(const struct beside *b, const char *path); /* it is in the list */
void beside_pass(struct beside *b, const char *path); /* moves on, if that is the path at hand */

#endif
