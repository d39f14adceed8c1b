/* place.h - where a path really lies: bind mounts give a folder more than one. */
#ifndef BD_PLACE_H
#define BD_PLACE_H

#include "bd.h"

/* What follows dir in path, "" if that is dir itself, NULL if it lies elsewhere. Both are absolute. */
const char *path_within(const char *dir, const char *path);

/* A line of /proc/self/mountinfo, see proc(5). */
struct mount_line {
	const char *dev;  /* MAJOR:MINOR of the file system; one for all subvolumes of a btrfs */
	const char *root; /* the folder in it that is mounted */
	const char *at;   /* where */
};
int mounts_read(void (*each)(void *arg, const struct mount_line *m), void *arg); /* -1 said */

struct place {
	char *dev, *path; /* as dev above, and the path in it */
};
int place_of(struct place *p, const char *path); /* absolute; its end need not exist yet. -1 said */
bool place_holds(const struct place *a, const struct place *b); /* b is a, or lies below it */
int place_mounted_below(const char *path, const struct place *place); /* whether a mount below path holds it: 1, 0, -1 said */
void place_free(struct place *p);

/* Whether the open folder is, or lies below, the other one, as it is reached: 1, 0, -1 (errno). */
int folder_within(int folder, int other);

#endif
