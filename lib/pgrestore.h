/* pgrestore.h - what bd-restore-postgres and bd-restore-cluster share: everything is looked at, all refusals
 * are printed, and only then is something changed. Refusals and failures are lines `ERROR: ...` on stderr. */
#ifndef BD_PGRESTORE_H
#define BD_PGRESTORE_H

#include "pgreplay.h"

struct pgrestore {
	const char *program;     /* for the command that puts a safety dump back */
	enum dump_kind kind;
	bool empty, any_space, any_version, dry, verbose, no_safety;
	bool put_back;           /* the dump is a safety dump: what is there is half restored, and goes; errors end nothing */
	const char *safety_dir, *user, *container, *database, *file;
	long lock_seconds;
	/* set by pgrestore_look() */
	size_t refusals;
	bool unusable;           /* the dump: what its census says means nothing */
	int fd;
	struct docker docker;
	struct pgtarget target;
	struct pgcensus census;
	struct pgfacts facts;
	char *safety;            /* path of the safety dump; NULL: none was made */
};

/* Parses [-efknpvSV] [-s DIR] [-u USER] [-w SECONDS]; what is left starts at optind. */
void pgrestore_options(struct pgrestore *r, int argc, char *argv[], void (*usage)(void));
void pgrestore_refuse(struct pgrestore *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads all of the dump and asks the server; refuses what both programs refuse. BD_DONE, also when it has refused
 * something (r->refusals); else the exit status (said). */
int pgrestore_look(struct pgrestore *r);

/* Dumps what is there into r->safety, and says which command puts it back. 0, or -1 (said). */
int pgrestore_make_safety(struct pgrestore *r);
/* Opens the safety dump, takes its census and asks the server anew, into *back, which is otherwise as r. 0, or -1 (said). */
int pgrestore_open_safety(const struct pgrestore *r, struct pgrestore *back);
void pgrestore_close_safety(struct pgrestore *back); /* in any case */
void pgrestore_say_command(const struct pgrestore *r, const char *what); /* that puts the safety dump back */
int pgrestore_remove_safety(struct pgrestore *r);

int pgrestore_signal(void); /* that has come, or 0 */
void pgrestore_go_on(void); /* in spite of it */
void pgrestore_close(struct pgrestore *r);

#endif
