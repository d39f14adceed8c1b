/* container.h - what must be known of a container to stop and start it, and doing so. */
#ifndef BD_CONTAINER_H
#define BD_CONTAINER_H

#include "docker.h"
#include "table.h"

enum container_kind {
	CONTAINER_STOPPABLE,
	CONTAINER_DOWN,      /* does not run */
	CONTAINER_PAUSED,    /* a start would not bring that back */
	CONTAINER_TASK,      /* of a swarm: the orchestrator would replace it */
	CONTAINER_TRANSIENT, /* --rm: a stop would delete it */
	CONTAINER_OURS,      /* the one we run in */
};

struct container {
	const char *id, *name;
	enum container_kind kind;
	long grace; /* seconds between TERM and KILL; -1: no KILL */
	struct table about;
};

/* As docker_get. */
int container_inspect(struct docker *d, const char *name, struct container *c);
void container_free(struct container *c);
const char *container_word(enum container_kind kind); /* for records */

/* More of what is known of it, by key; one that is not known has no value:
 *	state      running or restarting
 *	created    sorts by time
 *	network, pid, ipc  id or name of the container whose it shares
 *	link       a container that it is linked to, by name; any number of them
 *	volume     a volume that it uses; any number of them
 *	project, service   of docker-compose
 *	depends    ",service:condition:restart", any number of them; just "," if it needs none
 *	health     starting, healthy or unhealthy
 *	layer      the folder its overlay is written to
 *	exit, oom  how it ended: status; yes if it was for lack of memory */
const char *container_get(const struct container *c, const char *key);
/* The same for keys with many values: *at, 0 at first, is where it goes on. NULL: no more. */
const char *container_next(const struct container *c, const char *key, size_t *at);

/* Both by id. As docker_post: d->status 304 if there was nothing to do. */
enum { GRACE_OWN = -2 };
int container_stop(struct docker *d, const char *id, long grace, long timeout);
int container_start(struct docker *d, const char *id);

#endif
