/* mysuit.h - what of a dump of MariaDB or MySQL does not suit the server and the account that replays it. */
#ifndef BD_MYSUIT_H
#define BD_MYSUIT_H

#include "mydump.h"
#include "mytarget.h"

/* Settles which variables of the dump are not set, since the server does not know them or they are not a database's, and which
 * definers the account has to replace by itself; a WARNING for each if it is to tell. -1: the server does not say (said). */
int mysuit(struct mytarget *t, struct mydump *d, bool tell);

#endif
