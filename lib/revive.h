/* revive.h - the containers of a journal run again. */
#ifndef BD_REVIVE_H
#define BD_REVIVE_H

#include "journal.h"

/* How long to wait, in seconds, for a daemon that does not answer, and for a container that another needs healthy. */
enum { REVIVE_PATIENCE = 60 };

/* Starts what is to run again, in order, and watches those that may still go down. They leave the journal one by one.
 * BD_DONE; BD_FAILED, each is named; BD_FATAL when Docker does not answer any more. */
int revive(struct journal *j, long patience, bool verbose);

bool revive_wait(long patience); /* for Docker to answer, in silence */
double revive_now(void);         /* seconds of CLOCK_MONOTONIC */

#endif
