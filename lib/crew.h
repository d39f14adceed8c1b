/* crew.h - many things that each take time, done by children, several at once. */
#ifndef BD_CREW_H
#define BD_CREW_H

#include "bd.h"

struct crew {
	bool (*begin)(void *arg, size_t item);            /* here, just before; false: neither this one nor the rest. Or NULL */
	int (*work)(void *arg, size_t item);              /* in a child, which ends with this status */
	void (*done)(void *arg, size_t item, int status); /* here; 128+n for signal n, -1 if there was no child */
	void *arg;
};

/* Begins with the items in their order; returns when all that began are done. */
void crew_run(const struct crew *c, const size_t item[], size_t items);

#endif
