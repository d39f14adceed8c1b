/* pgreplay.h - a dump into a PostgreSQL server.
 *
 * Whole: BEGIN, the emptying, the dump without its own BEGIN and COMMIT, and COMMIT, which is sent only after the
 * end marker has passed, the file has proved to be what the census saw, and psql has done all that came before. Whatever else ends the connection
 * rolls everything back. In pieces each statement stands for itself.
 *
 * On and on: in pieces, and what fails costs itself and nothing else; see pgonward.h. */
#ifndef BD_PGREPLAY_H
#define BD_PGREPLAY_H

#include "pgcensus.h"
#include "pgtarget.h"

struct pgreplay {
	const struct pgtarget *t;
	const struct pgcensus *census;
	const struct pgfacts *facts;
	int fd;
	const char *name;
	bool whole;
	const char *before; /* SQL that comes first, in the transaction if there is one; NULL: none */
	bool go_on;         /* after errors; not if whole */
	bool emptied;       /* it empties: schemas that stay are not created again */
	const char *self;   /* of a cluster: the role that replays, whose ALTER ROLE comes last */
};

enum pgreplay_end {
	PGREPLAY_DONE,
	PGREPLAY_NOTHING, /* everything is as it was */
	PGREPLAY_PARTLY,  /* on and on: all is done but what is said */
	PGREPLAY_TORN,    /* in pieces: some of it is done */
	PGREPLAY_UNKNOWN, /* the connection was lost at the COMMIT, and the server does not answer any more: all or nothing */
};
enum pgreplay_end pgreplay_run(const struct pgreplay *r); /* what psql says is said */

#endif
