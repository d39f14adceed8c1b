/* dumper.h - the dump of one database in a container, as a file that is complete or not there. */
#ifndef BD_DUMPER_H
#define BD_DUMPER_H

#include "docker.h"
#include "dump.h"

struct dumper {
	const char *container; /* its id */
	const char *label;     /* its name, for messages */
	const char *tool;      /* pg_dump, pg_dumpall, mariadb-dump or mysqldump */
	enum dump_kind kind;
	const char *database;  /* NULL: all of the cluster */
	const char *username, *password;
	bool socket;           /* of MariaDB: not over TCP, which is denied */
	int dir;               /* where the file is made, */
	const char *name;      /* and as what; 0600 */
	int journal;           /* as in struct exec */
	const volatile sig_atomic_t *stop;
	/* 0, or so many seconds are enough to wait for a lock. Of PostgreSQL the tool sees to that; mariadb-dump and mysqldump
	 * cannot, so once nothing has come from them for so long, SIGALRM is raised, whose handler has to set stop to it. */
	unsigned lock_wait;
	bool verbose;          /* the command is printed on stderr */
};

struct dumper_result {
	uintmax_t bytes, ms;
	char reason[400]; /* of a failure */
};

/* Sets the reason, unless there is one. */
void dumper_because(struct dumper_result *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* 0; -1: no file has appeared, nor is a temporary left; reason says why, as stderr does. What the tool writes on stderr is
 * said as `program: LABEL: line`. What the account of a MariaDB server may not read of routines, events and triggers is left
 * out with a WARNING. r may be in memory that others read after our death. */
int dumper_run(struct docker *d, const struct dumper *j, struct dumper_result *r);

#endif
