/* feed.h - paths for an rsync that is started with the first of them: without any, there is none. */
#ifndef BD_FEED_H
#define BD_FEED_H

#include "tree.h"

enum feed_end { FEED_DONE, FEED_VANISHED /* some were gone, which a hot copy allows */, FEED_FAILED };

struct feed {
	/* The caller's. */
	int src, dest;
	bool cold;    /* nothing may vanish */
	bool verbose; /* its command is said */
	FILE *told;   /* where the paths are kept, each ended by NUL */
	/* Ours. */
	struct child child;
	FILE *to;
	bool ended;   /* before it had its whole list */
	char why[100]; /* result: why rsync, or the noting of paths, has failed; else "" */
};

int feed_write(FILE *to, const char *path); /* as rsync has to be told it: a line that begins with # or ; is a comment; -1 (errno) */
int feed_put(void *arg, const char *path); /* arg: a struct feed; -1: it takes no more */
enum feed_end feed_end(struct feed *f, bool complete); /* at once if the list is not complete, else when rsync is done */
void feed_command(const char *argv[], size_t room, bool cold); /* what would be run */

#endif
