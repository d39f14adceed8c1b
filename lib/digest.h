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
struct digester *digest_begin(int workers, void (*done)(void *arg, const struct digest *d), void *arg); /* NULL said */
void digest_put(struct digester *r, int fd, const char *name, void *item); /* done is called from here, for earlier ones */
void digest_drain(struct digester *r); /* and from here, until all are done */
void digest_end(struct digester *r);   /* drained */

#endif
