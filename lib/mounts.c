/* mounts.c - what a record of bd-mounts must be. */
#include "mounts.h"

int
mount_check(const struct tsv *at, char *const row[])
{
	static const int flags[] = {MOUNT_AUTOREMOVE, MOUNT_SELF};
	if (!row[MOUNT_CONTAINER] || strchr(row[MOUNT_CONTAINER], ' ')) /* our lists of them are separated by spaces */
		return tsv_bad(at, "field %d is no container name", MOUNT_CONTAINER + 1);
	if (!row[MOUNT_ID])
		return tsv_bad(at, "field %d: a container without an id", MOUNT_ID + 1);
	if (!row[MOUNT_STATE])
		return tsv_bad(at, "field %d: a container without a state", MOUNT_STATE + 1);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (row[flags[i]] && strcmp(row[flags[i]], "yes") && strcmp(row[flags[i]], "no"))
			return tsv_bad(at, "field %d is neither yes nor no", flags[i] + 1);
	return 0;
}
