/* crew.h - many things that each take time, done by children, several at once. */
#ifndef BD_CREW_H
#define BD_CREW_H

#include <signal.h>

#include "bd.h"

enum { CREW_MAX = 64 }; /* so many at once */

struct crew {
	bool (*begin)(void *arg, size_t item);            /* here, just before; false: neither this one nor the rest. Or NULL */
	int (*work)(void *arg, size_t item);              /* in a child, which ends with this status */
	void (*done)(void *arg, size_t item, int status); /* here; 128+n for signal n, -1 if there was no child */
	void *arg;
	size_t width; /* how many at once; 0: CREW_MAX */
	/* NULL, or set by a signal's handler: that signal is passed on to all at work, and no more begin. Its
	 * signals are blocked by the caller, but for unblocked while we wait, and for the work to unblock. */
	const volatile sig_atomic_t *stop;
	const sigset_t *unblocked;
};

/* Begins with the items in their order; returns when all that began are done. */
void crew_run(const struct crew *c, const size_t item[], size_t items);

#endif
