/* snapshot.h - read-only snapshots of one btrfs subvolume or ZFS dataset, the subject.
 *
 * btrfs: SUBJECT/.baudolo-TIMESTAMP; zfs: DATASET@baudolo-TIMESTAMP, seen at
 * MOUNTPOINT/.zfs/snapshot/baudolo-TIMESTAMP. A snapshot belongs to whoever holds a flock(2) on its
 * root folder; one that nobody holds was left by a dead run. */
#ifndef BD_SNAPSHOT_H
#define BD_SNAPSHOT_H

#include "bd.h"

struct subject {
	bool zfs, verbose; /* verbose: the commands that are run are shown */
	char *path;        /* absolute, without symlinks */
	char *dataset;     /* zfs only */
	char *home;        /* the folder its snapshots appear in */
	int fd, home_fd;
};

struct snapshot {
	char *name, *path;
	int fd; /* its root, locked: it is in use until the last copy of this is closed */
};

bool snapshot_timestamp(const char *text); /* is it 14 digits? */

/* zfs: name is a folder if it begins with / or ., else a dataset. -1 said. What is opened lives until exit. */
int subject_open(struct subject *s, const char *name);
/* Between opening a snapshot or making it and locking it, nobody else may: one lock around each of these. -1 said. */
int subject_lock(const struct subject *s);
int subject_unlock(const struct subject *s);

/* All with the subject locked. -1 said. A timestamp of NULL is the next free second. */
int snapshot_reap(const struct subject *s); /* deletes what dead runs left; -1: not all of it */
int snapshot_make(const struct subject *s, const char *timestamp, struct snapshot *new);
int snapshot_remove(const struct subject *s, struct snapshot *old);

#endif
