/* mounts.h - the columns of a mount: a container and a volume it uses, or a container without volumes. */
#ifndef BD_MOUNTS_H
#define BD_MOUNTS_H

#include <string.h>

#include "bd.h"

enum {
	MOUNT_VOLUME,
	MOUNT_CONTAINER,
	MOUNT_ID,
	MOUNT_STATE,
	MOUNT_IMAGE,
	MOUNT_DESTINATION,
	MOUNT_ACCESS,
	MOUNT_NETWORK, /* "container:ID" if it lives in that of another */
	MOUNT_CREATED,
	MOUNT_TASK,
	MOUNT_AUTOREMOVE, /* yes, no, NULL if not known: as all that follow it is only asked of running containers */
	MOUNT_PID,        /* id of the container whose pid namespace it lives in */
	MOUNT_IPC,
	MOUNT_SELF, /* yes, no */
	MOUNT_COLUMNS
};

int mount_check(const struct tsv *at, char *const row[]); /* for table_load */

/* Paused and restarting ones have to be stopped too. */
static inline bool
mount_is_running(const char *state)
{
	return state && (!strcmp(state, "running") || !strcmp(state, "paused") || !strcmp(state, "restarting"));
}

#endif
