/* inodes.c - what is known of inodes with several names: a hash table. */
#include <stdlib.h>

#include "inodes.h"

/* The slot of the inode, or the free one where it would be. There is always one. */
static struct inode_digest *
probe(const struct inodes *t, dev_t dev, ino_t ino)
{
	size_t h = (size_t)(((uint64_t)ino ^ (uint64_t)dev << 32) * 0x9e3779b97f4a7c15u >> 20); /* Fibonacci hashing */
	for (;; h++) {
		struct inode_digest *s = &t->slot[h & (t->room - 1)];
		if (!s->taken || (s->dev == dev && s->ino == ino))
			return s;
	}
}

struct inode_digest *
inodes_find(const struct inodes *t, const struct stat *st)
{
	struct inode_digest *s = t->room ? probe(t, st->st_dev, st->st_ino) : NULL;
	return s && s->taken ? s : NULL;
}

struct inode_digest *
inodes_add(struct inodes *t, const struct stat *st)
{
	if (4 * (t->used + 1) > 3 * t->room) {
		struct inodes old = *t;
		t->room = old.room ? 2 * old.room : 64;
		t->slot = xcalloc(t->room, sizeof *t->slot);
		for (size_t i = 0; i < old.room; i++)
			if (old.slot[i].taken)
				*probe(t, old.slot[i].dev, old.slot[i].ino) = old.slot[i];
		free(old.slot);
	}
	struct inode_digest *s = probe(t, st->st_dev, st->st_ino);
	*s = (struct inode_digest){.dev = st->st_dev, .ino = st->st_ino, .taken = true};
	t->used++;
	return s;
}

void
inodes_free(struct inodes *t)
{
	free(t->slot);
	*t = (struct inodes){0};
}
