/* myscript.h - the scripts that mariadb-dump and mysqldump write, statement by statement as they stream past.
 *
 * Splits as the client `mariadb --binary-mode` does: strings, quoted names, comments, the comments that are
 * executed (with ! or M!), DELIMITER, and what SQL_MODE makes of backslashes and double quotes. What begins a statement is looked
 * at and can be changed; what follows passes through, so that memory is constant whatever the length.
 *
 * What comes out is the script without the comments between statements and without the line that makes clients enter
 * the sandbox mode, which many do not know; line numbers stay. LOCK TABLES names the sequences of the table's defaults,
 * too, without which no row can be inserted. */
#ifndef BD_MYSCRIPT_H
#define BD_MYSCRIPT_H

#include "bd.h"

enum my_kind {
	MY_DATABASE, /* CREATE DATABASE, DROP DATABASE, USE; name */
	MY_SET,      /* a system variable that SET assigns or reads; name in lower case. Asked for each of a statement */
	MY_DEFINER,  /* CREATE with a DEFINER other than CURRENT_USER: name and host; of a role host is NULL */
	MY_CREATE,   /* what is created, after its definer: name is VIEW, TRIGGER, EVENT, PROCEDURE, ... in upper case */
	MY_LOCK,     /* LOCK TABLES name, whose rows come next */
};

struct my_item {
	enum my_kind kind;
	const char *name, *host;
	bool emptied; /* of MY_LOCK: its engine, as far as it was seen, knows DELETE */
};

enum my_verdict {
	MY_PASS,
	MY_SKIP,  /* the statement is left out */
	MY_MINE,  /* of MY_DEFINER: CURRENT_USER instead */
	MY_EMPTY, /* of MY_LOCK: a DELETE of all rows follows */
};

struct myscript {
	enum my_verdict (*judge)(void *arg, const struct my_item *item); /* or NULL: all pass */
	int (*out)(void *arg, const void *data, size_t len);             /* or NULL; -1 to give up (said) */
	void *arg;
	const char *database; /* NULL, or the one it is from: defaults name their sequences with it, which is left out */
	uintmax_t longest;  /* statement so far, in bytes */
	uintmax_t read;     /* bytes of input */
	const char *fault;  /* why it cannot be replayed: a constant */
	struct my_state *s; /* its own */
};

/* Only judge, out, arg and database are to be set. What is begun is to be ended. */
void myscript_begin(struct myscript *m);
int myscript_add(struct myscript *m, const void *data, size_t len); /* -1: m->fault, or out gave up if that is NULL */
int myscript_end(struct myscript *m); /* the same; -1 also if the script ends within a statement */

#endif
