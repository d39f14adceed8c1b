/* ending.h - what became of a command in a container, and ending one that outlives who asked for it. */
#ifndef BD_ENDING_H
#define BD_ENDING_H

#include "docker.h"

struct exec_state {
	bool running;
	int code;        /* exit status; -1: none yet, or none ever */
	pid_t pid;       /* as the daemon's host sees it; 0: none */
	char *container; /* its id */
};

/* As docker_get. */
int exec_inspect(struct docker *d, const char *id, struct exec_state *s);
void exec_state_free(struct exec_state *s);

int exec_runs(struct docker *d, const struct exec_state *s); /* whatever Docker says, if its process can be seen: 1, 0, -1 said */

/* It and what it started ends: by TERM, then by KILL. name is that of the container, for messages; NULL: look it up,
 * and say what was ended. 0: nothing runs (any more); -1 said: it may go on. */
int exec_end(struct docker *d, const char *id, const char *name);

#endif
