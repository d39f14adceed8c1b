/* group.h - the running containers, and which of them stop together.
 *
 *	group_read     all of them
 *	group_obstacle asked of the users of each volume
 *	group_stop     told for those of each volume that needs a stop; when all are told,
 *	group_close
 *	group_number   asked in the order in which the groups are to be counted */
#ifndef BD_GROUP_H
#define BD_GROUP_H

#include "table.h"

/* Why a container must not be stopped; the first that applies. */
enum obstacle {
	OBSTACLE_TASK,       /* a swarm would replace it */
	OBSTACLE_AUTOREMOVE, /* Docker would delete it */
	OBSTACLE_PAUSED,     /* a start would not bring that back */
	OBSTACLE_SELF,       /* we run in it */
	OBSTACLE_DEPENDANT,  /* what lives in a namespace of it would break, and must not be stopped either */
	OBSTACLE_NONE
};

enum { GROUP_NAMESPACES = 3 }; /* network, pid, ipc */

struct peer {
	const char *id, *name; /* the table's */
	enum obstacle obstacle;
	bool stops;
	size_t lender[GROUP_NAMESPACES]; /* the peers in whose namespaces it lives, or NOBODY */
	size_t parent;                   /* towards the one that stands for its group */
	size_t number;                   /* there: of the group, 0 for none yet */
};

struct groups {
	size_t len, count; /* of peers, of numbers given */
	struct peer *peer; /* by id */
};

#define NOBODY SIZE_MAX

/* mounts has MOUNT_COLUMNS, each with an id, and must stay. */
void group_read(struct groups *g, const struct table *mounts);
size_t group_find(const struct groups *g, const char *id); /* a peer; NOBODY: no such container runs */

/* a and b, who may be the same, stop, and together. */
void group_stop(struct groups *g, size_t a, size_t b);

/* Whoever lives in a namespace of one that stops, stops with it, and so on. */
void group_close(struct groups *g);
size_t group_number(struct groups *g, size_t who); /* from 1 */

/* Prints a record for each group: number, and the names of all that stop. -1 said. */
int group_print(struct groups *g);

#endif
