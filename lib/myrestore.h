/* myrestore.h - a restore of a database of MariaDB or MySQL: everything is looked at, all refusals are printed, and only
 * then is something changed. */
#ifndef BD_MYRESTORE_H
#define BD_MYRESTORE_H

#include "mycontent.h"
#include "mydump.h"
#include "restore.h"

struct myrestore {
	struct restore job;
	struct docker docker;
	struct mytarget target;
	struct mydump dump;
	struct mycontent now; /* what the database holds */
};

/* Reads all of the dump, and asks the server. BD_DONE; else the status to end with (said). To be freed in any case. */
int myrestore_look(struct myrestore *r);
void myrestore_free(struct myrestore *r);

/* Refuses what has a statement that the server does not take. */
void myrestore_check_packet(struct myrestore *r, const char *what, uintmax_t longest);

#endif
