/* twins.h - names that are one file in a volume and two in its backup. */
#ifndef BD_TWINS_H
#define BD_TWINS_H

#include "bd.h"

/* rsync makes links that are in the backup; it leaves two names one file that are two equal files in the backup, or a file
 * that is the backup's own. Such names, which are all in the backup, are removed from the volume, so that another copy makes
 * them what they should be: *cut says how many. label is for messages; -1 said. */
int twins_cut(int backup, int volume, const char *label, uintmax_t *cut);

#endif
