/* execs.h - the journal of commands: what was started in containers, on disk before that.
 *
 * A record is exec container, both ids. Who writes it holds a shared lock on the file, by a descriptor
 * that the children may share; who replays it needs it alone. */
#ifndef BD_EXECS_H
#define BD_EXECS_H

#include "table.h"

int execs_open(const char *path); /* to add to, for struct exec; made if it is not there; -1 said */
int execs_note(int fd, const char *exec, const char *container); /* safe on disk; -1 said */

struct execs {
	const char *path; /* the caller's */
	const char *name; /* in the folder dir */
	int dir, fd;
	struct table t;   /* exec container */
};

/* 0, also if it is not there any more; BD_LOCKED somebody writes it, BD_USAGE malformed, BD_FATAL; all said. */
int execs_take(struct execs *j, const char *path);
/* Removes the file, or makes it just the rows whose left is true. 0, or -1 said. */
int execs_leave(struct execs *j, const bool left[]);
void execs_close(struct execs *j); /* leaves the file as it is */

#endif
