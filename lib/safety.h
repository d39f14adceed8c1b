/* safety.h - what a restore is about to replace, kept as a dump until the restore has succeeded. */
#ifndef BD_SAFETY_H
#define BD_SAFETY_H

#include "bd.h"

#define SAFETY_FOLDER "/var/lib/baudolo/safety"

struct safety {
	int dir;    /* the folder, as which file, and both as an absolute path */
	char *name;
	char *path;
};

/* Opens the folder, which is made if need be, with mode 0700, and settles on a name for a dump of that database, or of a
 * whole server if that is NULL: CONTAINER.DATABASE.TIME.PID.backup.sql. -1 said. */
int safety_begin(struct safety *s, const char *folder, const char *container, const char *database);
int safety_open(const struct safety *s);     /* the dump, to read; -1 said */
int safety_remove(struct safety *s);         /* it has served: the dump goes, if there is one; -1 said */
void safety_free(struct safety *s);          /* the path is NULL from then on */

#endif
