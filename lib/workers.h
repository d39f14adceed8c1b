/* workers.h - a few processes that share many items, each taking the next one: the death of one costs the item it was at. */
#ifndef BD_WORKERS_H
#define BD_WORKERS_H

#include "bd.h"

enum { WORKERS_MAX = 64 };

struct workers {
	size_t items;
	void (*work)(void *arg, size_t item);             /* in a worker; what it finds has to go where we see it */
	void (*died)(void *arg, size_t item, int status); /* here: its worker ended with this status while at it */
	void *arg;
};

/* Returns when every process that belonged to them is gone: 0, or the signal that ended them, which is held back. */
int workers_run(const struct workers *w, int width);

#endif
