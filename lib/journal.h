/* journal.h - the containers that are to run again, on disk before the first of them is stopped.
 *
 * A record is container id prior state order sent span needs; a later one of the same id
 * replaces the earlier. Whoever has the journal open for writing holds a lock on it. */
#ifndef BD_JOURNAL_H
#define BD_JOURNAL_H

#include <time.h>

#include "bd.h"

enum journal_state {
	JOURNAL_RUNNING,  /* not asked to stop */
	JOURNAL_STOPPING, /* asked, not answered */
	JOURNAL_STOPPED,
	JOURNAL_LEFT, /* runs again, or is nothing of ours any more */
};

struct entry {
	char *name, *id;
	char *prior; /* running or restarting */
	enum journal_state state;
	size_t order; /* it starts when all with a lower one have */
	time_t sent;  /* when it was asked to stop; 0: it was answered, or never asked */
	long span;    /* seconds after that in which it may still go down */
	char *needs;  /* network:ID pid:ID ipc:ID healthy:ID, separated by blanks; or NULL */
	/* What became of it; not in the file. */
	bool up, ran; /* it runs; it did when it was to be started */
	double at;    /* when that was answered, in seconds of CLOCK_MONOTONIC */
};

struct journal {
	const char *path; /* the caller's */
	const char *name; /* in the folder dir; NULL if there is no file */
	int dir, fd;
	struct entry *entry;
	size_t count;
};

/* All say what is wrong. create makes a new journal in the file path, or in memory if that is NULL: 0,
 * BD_LOCKED, BD_FATAL also if one is there already. open takes over one that was left behind: 0, also if
 * its owner has just removed it, BD_LOCKED, BD_USAGE malformed, BD_FATAL. read takes what print printed. */
int journal_create(struct journal *j, const char *path);
int journal_open(struct journal *j, const char *path);
int journal_read(struct journal *j, FILE *in, const char *name);
int journal_reload(struct journal *j); /* as open, of what another process with the same descriptor wrote; 0 or -1 */

/* Takes over e's strings. It is in the file once journal_write says so, and safe there if durable. */
struct entry *journal_add(struct journal *j, const struct entry *e);
int journal_write(struct journal *j, size_t first, bool durable); /* of entries from first on; 0 or -1 */
int journal_mark(struct journal *j, size_t i, enum journal_state state); /* writes that */
int journal_print(const struct journal *j, FILE *out); /* those that are to run again */

/* Nobody else has it open. Removes the file, or makes it just those that are to run again. 0 or -1. */
int journal_close(struct journal *j);
void journal_leave(struct journal *j); /* leaves the file as it is */

#endif
