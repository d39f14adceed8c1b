/* stop.h - stops containers, and makes sure that they are down. */
#ifndef BD_STOP_H
#define BD_STOP_H

#include <signal.h>

#include "container.h"
#include "journal.h"
#include "report.h"

struct stop {
	long grace;              /* seconds, or GRACE_OWN */
	long patience;           /* seconds on top of that after which a stop has failed */
	bool verbose;
	const char **volume;     /* nobody else may use these */
	size_t volumes;
	const sigset_t *ending;  /* blocked signals that make us stop no more */
	struct report *report;
	struct journal *journal; /* entry i is container i */
	struct container *container;
	struct stopping {
		double asked, took; /* seconds; asked is 0 if it was not */
		bool stopped; /* by us */
		bool killed;
	} *time;
	size_t count;
	int status;
	bool busy;
};

/* Takes c over if it may be stopped, and forgets it if not; that is said and reported. */
void stop_add(struct stop *s, struct container *c);
size_t stop_find(const struct stop *s, const char *id); /* count if it is not there */

/* Puts them in order, and in the journal. -1 said: none may be stopped. */
int stop_begin(struct stop *s);

/* Stops them. Whoever else uses one of the volumes is stopped, too, or named and reported as busy.
 * BD_DONE: all are down; 128+n: signal n came; BD_FATAL said. */
int stop_all(struct stop *s, struct docker *d);

/* The order in which they stop, to be freed: indices, count of them. */
size_t *stop_order(const struct stop *s);

#endif
