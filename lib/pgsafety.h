/* pgsafety.h - what a restore of PostgreSQL is about to replace: dumped before, and put back after a failure. */
#ifndef BD_PGSAFETY_H
#define BD_PGSAFETY_H

#include "pgrestore.h"

/* Dumps what is there into r->safety, and says which command puts it back. 0, or -1 (said). */
int pgsafety_make(struct pgrestore *r);
/* Opens that, takes its census and asks the server anew, into *back, which is otherwise as r, and ends with
 * pgrestore_forget() in any case. 0, or -1 (said). */
int pgsafety_open(const struct pgrestore *r, struct pgrestore *back);
/* After a failure, whatever signal comes; tells what became of it. The status to exit with. The dump stays if need be. */
int pgsafety_put_back(struct pgrestore *r);

#endif
