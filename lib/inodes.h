/* inodes.h - what is known of inodes with several names, so that each is read once. */
#ifndef BD_INODES_H
#define BD_INODES_H

#include "bd.h"

struct inodes {
	struct inode_digest *slot;
	size_t used, room;
};
struct inode_digest {
	dev_t dev;
	ino_t ino;
	bool taken;
	char hex[HASH_HEX]; /* "" until it is known */
};
struct inode_digest *inodes_find(const struct inodes *t, const struct stat *st); /* NULL: never seen */
struct inode_digest *inodes_add(struct inodes *t, const struct stat *st); /* valid until the next one is added */
void inodes_free(struct inodes *t);

#endif
