/* guardian.h - a process that starts the containers of a journal when we die. */
#ifndef BD_GUARDIAN_H
#define BD_GUARDIAN_H

#include <signal.h>

#include "journal.h"

struct guardian {
	pid_t pid;
	int control;
	int family; /* to be left open in COMMAND, and closed here */
};

/* It does not hear the signals of deaf. No connection to Docker may be open. -1 said. */
int guardian_start(struct guardian *g, struct journal *j, const sigset_t *deaf, long patience);
void guardian_dismiss(struct guardian *g); /* returns when it has gone */

#endif
