/* backups.h - the folders below BACKUPS, for the programs that make generations and remove them. */
#ifndef BD_BACKUPS_H
#define BD_BACKUPS_H

#include "bd.h"

/* A descriptor for dir/name, made 0755 if need be: the mode that the admin has given it stays. -1: it is not there, and was not
 * to be made. Whatever else is wrong ends the program with BD_FATAL. */
int backups_folder(int dir, const char *name, bool make);
int backups_hidden(int top, const char *name, bool make); /* the same of BACKUPS/.baudolo/NAME, BACKUPS being open as top */

/* What runs of the host have left in BACKUPS/.baudolo/NAME, open as *folder from now on: those that begin with `HASH.`,
 * and NULL; to be freed. None if there is no such folder; ends as above. */
char **backups_left(const char *backups, const char *name, const char *hash, int *folder);

#endif
