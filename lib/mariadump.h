/* mariadump.h - the options of mariadb-dump or mysqldump: those that the tool knows and the account may use. */
#ifndef BD_MARIADUMP_H
#define BD_MARIADUMP_H

#include "exec.h"

struct mariadump {
	const char *container, *label, *tool, *database, *username;
	bool socket; /* not over TCP, which is denied */
	const char *const *env; /* with the password */
	int journal;
	const volatile sig_atomic_t *stop;
	/* what was found out */
	bool routines, events; /* the account may read all of them */
	bool tablespaces, statistics, gtid; /* the tool wants to be told to leave these out */
};

/* Asks the server through its client, if there is one, and the tool. 0; else the status of what failed, as exec_run's,
 * which is said as command, with its last words in why. */
int mariadump_ask(struct docker *d, struct mariadump *m, const char **command, char *why, size_t size);

enum { MARIADUMP_ARGS = 32 };
void mariadump_argv(const struct mariadump *m, const char *argv[MARIADUMP_ARGS]);

#endif
