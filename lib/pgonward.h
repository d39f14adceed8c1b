/* pgonward.h - a dump replayed on and on: what fails costs itself and nothing else.
 *
 * psql would take the rows behind a COPY that the server refuses for commands: so each COPY is tried without rows, in the
 * transaction in which it is then done, and its rows are left out if that fails, or if the table has rows already. psql would end
 * where it cannot connect: what belongs in a database that could not be created is left out. */
#ifndef BD_PGONWARD_H
#define BD_PGONWARD_H

#include "pgitem.h"
#include "pgpipe.h"

struct pgonward {
	struct pgpipe *pipe;
	const char *container; /* for messages */
	bool cluster;          /* the dump is one of pg_dumpall */
	bool warns;            /* psql knows \warn */
	/* found out */
	size_t failures;
	/* the rest is its own */
	enum { PGONWARD_NO_ROWS, PGONWARD_ASKING, PGONWARD_ROWS, PGONWARD_NO_MORE } rows;
	char *table, *ending; /* whose rows these are; whose end psql has yet to tell of */
	char *created;        /* the database that was to be created just now */
	bool yes, copied, connects, skips;
	char where[256];      /* the database that psql is in */
};

/* What comes next of the dump; puts what has to come before it. If the pipe waits then, nothing else may come before pgonward_go. */
void pgonward_item(struct pgonward *w, const struct pgitem *item);
bool pgonward_drops(const struct pgonward *w); /* what comes now is left out */
void pgonward_go(struct pgonward *w);          /* psql has answered, and the pipe need not wait any more */
void pgonward_last(struct pgonward *w);        /* behind all of the dump */

void pgonward_answer(struct pgonward *w, const char *line); /* that psql wrote */
void pgonward_error(struct pgonward *w, const char *line);  /* on stderr: said, up to a number */
void pgonward_end(struct pgonward *w);         /* says how many more errors there were */

#endif
