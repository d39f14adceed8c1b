/* verify.h - compares a volume, as several generations have it, with what its contents.mtree say. */
#ifndef BD_VERIFY_H
#define BD_VERIFY_H

#include "digest.h"
#include "inodes.h"

enum verify_status { VERIFY_OK, VERIFY_BAD, VERIFY_UNVOUCHED /* there is no contents.mtree */ };

struct verify_side { /* the volume in one generation */
	const char *generation;
	int dir, why;    /* its folder, closed by us; -1: there is none, or it cannot be opened (errno) */
	enum verify_status status; /* result */
	bool partly;     /* result: its list, or a folder, could not be read, so that not all was compared */
	uintmax_t files, bytes;    /* result: files compared by content; bytes read for that */
};

struct verify_finding {
	const struct verify_side *side;
	const char *path, *what; /* what: a keyword of mtree(5), or missing, extra, content, unreadable, malformed, unvouched */
	const char *expected, *found; /* KEYWORD=VALUE, a reason, or NULL */
	ino_t ino;       /* of the file that is not as it should be, 0 where there is none */
};

struct verify {
	const char *volume;
	const char *path;        /* only this and what is below it; NULL: all */
	const char *from;        /* only from this path on; NULL: all */
	bool quick;              /* metadata only: nothing is read */
	struct digester *digester; /* begun with verify_done and NULL */
	bool (*enough)(void *arg); /* asked before each path: true ends it. Or NULL */
	void (*found)(void *arg, const struct verify_finding *f);
	void *arg;
	uintmax_t bytes;         /* to be read so far, of all volumes */
	char *next;              /* result: the path it ended before, to be freed; NULL: it is complete */
};

void verify_done(void *arg, const struct digest *d);
void verify_volume(struct verify *v, struct verify_side *side, size_t sides); /* each inode is read once */

#endif
