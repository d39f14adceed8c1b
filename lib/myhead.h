/* myhead.h - what begins a statement of a dump: what is told of it, what becomes of the statement, and how it is changed. */
#ifndef BD_MYHEAD_H
#define BD_MYHEAD_H

#include "mylex.h"
#include "myscript.h"

enum { MYHEAD = 1 << 16 }; /* so much of a statement is looked at */

struct myhead {
	char text[MYHEAD]; /* of the statement; changed in place */
	size_t len;
	struct mymode mode; /* in which it is read; SET changes it for those that follow */
	bool skip;          /* the statement is left out */
	char *after;        /* a statement that follows it; NULL: none; to be freed */
	/* of the table that was created last */
	bool deletes;       /* its engine knows DELETE */
	char *sequences;    /* of its defaults: ", `a` WRITE"...; to be freed */
};

/* Asks m->judge about the statement, and does what it says. NULL, or why that cannot be done, a constant. */
const char *myhead_judge(struct myhead *h, const struct myscript *m);

#endif
