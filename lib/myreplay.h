/* myreplay.h - the one session of the client that empties a database of MariaDB or MySQL and replays a dump into it. */
#ifndef BD_MYREPLAY_H
#define BD_MYREPLAY_H

#include "mycontent.h"
#include "mydump.h"

enum my_outcome {
	MY_REPLAYED,  /* to its last statement, as the server has answered */
	MY_UNTOUCHED, /* not begun: the database is as it was */
	MY_PARTLY,    /* to its last statement, but for those that failed and were said */
	MY_SPOILT,    /* some of it, or it is not known how much */
};

/* now is what the database holds, which is dropped if that is wanted. Another restore of it is waited for, and its tables
 * are locked, all at once, before the first change. Whatever fails is said, and ends it before that in any case;
 * after that unless it is to go on, which is for a dump that the server wrote itself. */
enum my_outcome myreplay(struct mytarget *t, struct mydump *dump, const struct mycontent *now, bool empty, bool go_on);

#endif
