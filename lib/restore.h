/* restore.h - what the restores of databases share: options and operands, refusals, and the signals that end them. */
#ifndef BD_RESTORE_H
#define BD_RESTORE_H

#include <signal.h>

#include "bd.h"

struct restore {
	bool empty, any_space, any_version, dry, verbose, no_safety;
	bool put_back; /* the dump is a safety dump: what is there is half restored, and goes; errors end nothing */
	const char *safety_dir, *user, *container, *database, *file;
	char *password; /* NULL: none. What we run does not find it in the environment. */
	long lock_seconds;
	size_t refusals;
};

extern volatile sig_atomic_t restore_stop; /* HUP, INT or TERM, once it has come */

/* [-OPTIONS] CONTAINER DATABASE DUMP; DATABASE is no operand if it is set, and then there is no default for the user. */
void restore_begin(struct restore *r, int argc, char *argv[], const char *options, const char *synopsis);
void restore_refuse(struct restore *r, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* ERROR: ..., and counts */
void restore_end(struct restore *r);

#endif
