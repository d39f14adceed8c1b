/* mycontent.h - what a database of MariaDB or MySQL holds, and how it is emptied. */
#ifndef BD_MYCONTENT_H
#define BD_MYCONTENT_H

#include "mytarget.h"

struct mycontent {
	struct mycontent_item {
		char *kind; /* TABLE, SEQUENCE, VIEW, PACKAGE BODY, PACKAGE, PROCEDURE, FUNCTION, EVENT */
		char *name;
	} *at;
	size_t count;
};

int mycontent_list(struct mytarget *t, struct mycontent *c); /* BD_DONE, BD_FAILED, BD_FATAL (said) */
char *mycontent_summary(const struct mycontent *c);          /* "2 tables, 1 view"; "nothing"; to be freed */
void mycontent_free(struct mycontent *c);

/* Statements that lock all tables, so that nothing has been dropped if one cannot be had; and that drop everything. */
void mycontent_lock(const struct mycontent *c, FILE *out);
void mycontent_drop(const struct mycontent *c, FILE *out);

/* Names what a dump by this account would not hold, each on a line of *names, to be freed; "": nothing. As mycontent_list. */
int mycontent_undumped(struct mytarget *t, char **names);

#endif
