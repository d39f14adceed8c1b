/* command.h - runs COMMAND between two things that must both be done. */
#ifndef BD_COMMAND_H
#define BD_COMMAND_H

#include <signal.h>

#include "bd.h"

/* Holds back HUP, INT and TERM from here on, which *ending then has; those that are ignored, as by nohup, stay so. */
void command_hold(sigset_t *ending);

/* Passes these signals on, and waits for COMMAND and all that descends from it, which inherit the descriptor family.
 * Its exit status, 128+n for signal n; BD_FATAL said. */
int command_run(const char *const command[], int family, const sigset_t *ending, bool verbose);

#endif
