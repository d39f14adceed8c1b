/* gaps.h - the places below a folder, the subject, that a snapshot of it leaves empty: mounts and btrfs subvolumes. */
#ifndef BD_GAPS_H
#define BD_GAPS_H

#include "bd.h"

struct gaps {
	char **mount, **folder; /* mount points; the folders that have subvolumes in them: absolute paths */
	size_t mounts, folders;
};

/* snapshot: a descriptor of the subject's snapshot, which is a subvolume, too, but no gap. -1 said. */
int gaps_find(struct gaps *g, const char *subject, int snapshot);
const char *gaps_around(const struct gaps *g, const char *path); /* is it, or lies it in, a mount? How, or NULL */
const char *gaps_inside(const struct gaps *g, const char *path); /* lies one in it? Which, or NULL */

#endif
