/* room.h - how much room the disk below a folder in a container has. */
#ifndef BD_ROOM_H
#define BD_ROOM_H

#include "docker.h"

/* folder is an expression of jq over what Docker tells of the container. Where its volume lies on this host, to be freed;
 * NULL: it lies in none, or Docker is elsewhere, or that cannot be told, and neither can the room. */
char *room_find(struct docker *d, const char *container, const char *folder, long long *bytes);

#endif
