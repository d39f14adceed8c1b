/* pgpipe.h - what psql(1) gets next, and how far: it may have to answer before more is given. */
#ifndef BD_PGPIPE_H
#define BD_PGPIPE_H

#include "bd.h"

struct pgpipe {
	int ready;        /* an eventfd: readable while psql may have more */
	bool waits;       /* for an answer */
	char *data;
	size_t len, room, gone;
	size_t until;     /* while it waits: what lies behind that stays */
};
void pgpipe_begin(struct pgpipe *q);
void pgpipe_end(struct pgpipe *q);

void pgpipe_put(struct pgpipe *q, const char *data, size_t len);
void pgpipe_text(struct pgpipe *q, const char *text);
void pgpipe_wait(struct pgpipe *q);         /* what is put from now on waits for the answer to what was put before */
void pgpipe_answered(const struct pgpipe *q); /* more may be asked for */

bool pgpipe_asked(const struct pgpipe *q);  /* it waits, and psql has all that is to be answered */
void pgpipe_go_on(struct pgpipe *q, bool rest); /* without the rest, should it not be wanted */
bool pgpipe_empty(struct pgpipe *q);        /* all is gone */
size_t pgpipe_give(struct pgpipe *q, void *buf, size_t len);

#endif
