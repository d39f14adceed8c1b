/* upgrade.h - a POST whose connection becomes a stream both ways, as Docker does for a command with input. */
#ifndef BD_UPGRADE_H
#define BD_UPGRADE_H

#include "docker.h"

struct upgrade {
	const char *what; /* for messages: the container */
	const char *path, *json;
	ssize_t (*in)(void *arg, void *buf, size_t len);     /* the length, 0 at the end, -1 to give up */
	int (*put)(void *arg, const void *data, size_t len); /* 0, or -1 to give up */
	void *arg;
	const int *ready; /* NULL, or in is not called before poll(2) has something there */
	const volatile sig_atomic_t *stop; /* NULL, or gives up once it is not 0 */
};

enum { UPGRADE_GAVE_UP = -2, UPGRADE_BROKE = -3 /* not said */ };

/* 0 at the end of what comes, also where not all of the input was taken; DOCKER_NONE; -1 said; UPGRADE_GAVE_UP;
 * UPGRADE_BROKE later than the answer, which over TCP is also what a command looks like that leaves input unread.
 * Unless 0, *curl is the connection, to be cleaned up: while it is there, the other end sees no end of input. */
int upgrade_run(struct docker *d, const struct upgrade *u, void **curl);

#endif
