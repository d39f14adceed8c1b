/* digest.h - the digests of many files, computed by several threads, given back in the order they were asked for. */
#ifndef BD_DIGEST_H
#define BD_DIGEST_H

#include "bd.h"

struct digest {
	int fd;             /* what is to be read, from its start; closed by us. -1: nothing */
	const char *name;   /* for messages; the caller's, as is item */
	void *item;
	char hex[HASH_HEX]; /* the result; "" if nothing was to be read or it failed */
	int why;            /* why it failed (errno), 0 if it did not */
};

struct digester;
enum { DIGEST_WORKERS = 64 };
int digest_workers(void); /* as many as there are processors, but not more than that */
struct digester *digest_begin(int workers, void (*done)(void *arg, const struct digest *d), void *arg); /* NULL said */
void digest_put(struct digester *r, int fd, const char *name, void *item); /* done is called from here, for earlier ones */
void digest_drain(struct digester *r); /* and from here, until all are done */
void digest_end(struct digester *r);   /* drained */

/* What is known of inodes with several names, so that each is read once. */
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
