/* container.h - what must be known of a container to stop and start it, and doing so. */
#ifndef BD_CONTAINER_H
#define BD_CONTAINER_H

#include "docker.h"

enum container_kind {
	CONTAINER_STOPPABLE,
	CONTAINER_DOWN,      /* does not run */
	CONTAINER_PAUSED,    /* a start would not bring that back */
	CONTAINER_TASK,      /* of a swarm: the orchestrator would replace it */
	CONTAINER_TRANSIENT, /* --rm: a stop would delete it */
	CONTAINER_OURS,      /* the one we run in */
};

struct container {
	char *id, *name;
	enum container_kind kind;
	long grace; /* seconds between TERM and KILL; -1: no KILL */
};

/* As docker_get. */
int container_inspect(struct docker *d, const char *name, struct container *c);
void container_free(struct container *c);

/* grace -2: the container's own. As docker_post: d->status 304 if it did not run. Gives up some time after
 * the grace has passed; the daemon may still stop it then. */
enum { GRACE_OWN = -2 };
int container_stop(struct docker *d, const struct container *c, long grace);

/* As docker_post: d->status 304 if it runs already. */
int container_start(struct docker *d, const struct container *c);

#endif
