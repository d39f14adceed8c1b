/* mysafety.h - what a restore of MariaDB or MySQL is about to replace: dumped before, and put back after a failure. */
#ifndef BD_MYSAFETY_H
#define BD_MYSAFETY_H

#include "myrestore.h"
#include "safety.h"

struct mysafety {
	struct safety file;
	struct mydump dump; /* open, and known to be one that can be put back */
};

/* BD_DONE; BD_FAILED (said): nothing was changed. */
int mysafety_make(struct mysafety *s, struct myrestore *r);
/* After a failure, whatever signal comes; tells what became of it. The dump stays if need be. */
void mysafety_put_back(struct mysafety *s, struct myrestore *r);
void mysafety_drop(struct mysafety *s); /* it has served, or was not needed */

#endif
