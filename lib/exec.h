/* exec.h - a command in a container, over the Docker Engine API. */
#ifndef BD_EXEC_H
#define BD_EXEC_H

#include <signal.h>

#include "docker.h"
#include "lines.h"

struct exec {
	const char *container;     /* name or id */
	const char *const *argv;   /* no shell is needed in the container */
	const char *const *env;    /* "NAME=VALUE"..., or NULL; travels in a request's body only */
	const char *user;          /* NULL: the container's own */
	int journal;               /* -1, or where the id is written and fsynced before the start; see bd-end(1) */
	/* Its input; NULL: none. Fills buf; the length, 0 at the end, -1 to give up (said): the command is then
	 * ended, and sees no end of input if that can be helped. */
	ssize_t (*in)(void *arg, void *buf, size_t len);
	/* What it writes; NULL: dropped. 0, or -1 to give up (said): the command is then ended. */
	int (*out)(void *arg, const void *data, size_t len);
	int (*err)(void *arg, const void *data, size_t len);
	void *arg;
	struct lines *out_lines, *err_lines; /* instead of out, of err: fed with it, not ended */
	const volatile sig_atomic_t *stop; /* NULL, or ends the command once it is not 0 */
	const int *ready; /* NULL, or a descriptor: in is not called before poll(2) has something there, so that it need not block */
};

enum { EXEC_FAILED = -1 /* said */, EXEC_NONE = -2 /* no such container, not said */ };

/* Exit status of the command, 0 to 255, or one of these; d can be used again. 126 and 127 may be Docker's own, for a
 * command that it cannot run or does not find, and then it says why through out. */
int exec_run(struct docker *d, const struct exec *e);

/* A whole small output in memory: input may be NULL; what it writes to stderr is said, line by line, as
 * `program: CONTAINER: line`. *output is to be freed. */
int exec_text(struct docker *d, const struct exec *e, const char *input, char **output);

#endif
