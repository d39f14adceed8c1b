/* pgrestore.h - what bd-restore-postgres and bd-restore-cluster share: everything is looked at, all refusals
 * are printed, and only then is something changed. */
#ifndef BD_PGRESTORE_H
#define BD_PGRESTORE_H

#include "pgreplay.h"
#include "restore.h"
#include "safety.h"

struct pgrestore {
	struct restore job;
	const char *program;     /* for the command that puts a safety dump back */
	enum dump_kind kind;
	char *(*emptying)(const struct pgrestore *r, bool whole); /* SQL, to be freed */
	/* set by pgrestore_begin() */
	char *where;             /* what is restored, for messages */
	/* set by pgrestore_look() */
	bool unusable;           /* the dump: what its census says means nothing */
	int fd;
	struct docker docker;
	struct pgtarget target;
	struct pgcensus census;
	struct pgfacts facts;
	struct safety safety;    /* its path is NULL: none was made */
};

void pgrestore_begin(struct pgrestore *r, int argc, char *argv[], const char *synopsis); /* as restore_begin */

/* Reads all of the dump and asks the server; refuses what both programs refuse. BD_DONE, also when it has refused
 * something; else the exit status (said). */
int pgrestore_look(struct pgrestore *r);

enum pgreplay_end pgrestore_replay(const struct pgrestore *r, bool whole); /* empties first, if that is wanted */
int pgrestore_as_it_was(struct pgrestore *r); /* says that; the status to exit with */
int pgrestore_ended(void);                    /* the one of a failure: that of a signal, if one has come */

void pgrestore_forget(struct pgrestore *r); /* the dump, and what is known of it */
void pgrestore_close(struct pgrestore *r);

#endif
