/* pgtarget.h - the PostgreSQL server in a container, asked and told through the psql(1) there.
 *
 * psql finds all it needs to connect in its environment, which travels in a request's body: nothing of it is in an
 * argument list. It reads no psqlrc, asks for no password, and stops at the first error; errors are terse, so that
 * they quote no statement, which could hold a password. */
#ifndef BD_PGTARGET_H
#define BD_PGTARGET_H

#include "dump.h"
#include "exec.h"
#include "names.h"

struct pgtarget {
	struct docker *d;
	const char *container, *user, *database;
	const volatile sig_atomic_t *stop;
	char *env[16];
};
void pgtarget_begin(struct pgtarget *t, struct docker *d, const char *container, const char *user, const char *database,
                    const char *password, long lock_seconds);
void pgtarget_end(struct pgtarget *t);

/* Runs argv (psql_argv, say) there, with what e says of input and output. As exec_run(). */
extern const char *const pgtarget_psql[];
int pgtarget_run(const struct pgtarget *t, const char *const argv[], struct exec *e);

void pgtarget_say(void *target, const char *line); /* `program: CONTAINER: line` on stderr; for lines.h */

/* The answer to SQL, one record a line: fields separated by TAB, as psql prints them. names in it are in the encoding
 * that psql calls so. 0, or -1 (said). */
int pgtarget_ask(const struct pgtarget *t, const char *encoding, const char *sql, char **answer);

/* What has to be known before anything is changed. */
struct pgfacts {
	struct dump_version version;
	bool super, standby, creates, creates_in_public, plpgsql;
	bool restricts;          /* its psql knows \restrict */
	long long free, drop;    /* locks: what is free, what emptying takes */
	long long slots;         /* locks for each 1 of max_locks_per_transaction */
	long long size;          /* of the database, in bytes */
	struct names settings, extensions;
	struct names keep, theirs, foreign; /* see pgempty.h */
	struct names databases, roles, staying; /* of a cluster: what emptying drops; roles that exist and stay */
	struct names closed, bound;  /* databases that cannot be dumped, and that can be neither dropped nor emptied */
	struct names subscriptions;  /* of the database */
};
int pgtarget_facts(const struct pgtarget *t, const char *encoding, enum dump_kind kind, struct pgfacts *f); /* 0, -1 said */
void pgfacts_free(struct pgfacts *f);

#endif
