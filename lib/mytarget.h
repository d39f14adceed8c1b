/* mytarget.h - a database of a MariaDB or MySQL server in a container, as an account sees it.
 *
 * Everything goes through the client in the container: over TCP to 127.0.0.1, since over the socket `'u'@'%'` is
 * not found where there is a `''@'localhost'`; over the socket where TCP is denied. The password is in the client's
 * environment only. */
#ifndef BD_MYTARGET_H
#define BD_MYTARGET_H

#include <signal.h>

#include "dump.h"
#include "exec.h"

struct mytarget {
	struct docker *d;
	const char *container, *database, *user;
	const char *password; /* NULL: none */
	const volatile sig_atomic_t *stop;
	/* found out */
	const char *client;
	bool socket;
	char *account;   /* which the server took user for: app@% */
	struct dump_version serving;
	uintmax_t packet; /* the longest statement it takes */
	unsigned privileges; /* see mygrants.h */
};

/* Finds the client and a way to connect, and asks who is there. BD_DONE, BD_FAILED, BD_FATAL (said). */
int mytarget_open(struct mytarget *t);
void mytarget_free(struct mytarget *t);

/* What the answers to sql say, `column TAB column LF` each row, LF, TAB and \ within a value escaped as \n, \t and \\ by
 * the client; *out is to be freed. BD_DONE; BD_FAILED: the server refused, BD_FATAL (said). */
int mytarget_query(struct mytarget *t, const char *sql, char **out);
void mytarget_unescape(char *s); /* a value of a row, in place */
void mytarget_quote(FILE *out, const char *name); /* as a name in SQL */

const char *mytarget_dumper(const struct mytarget *t); /* the tool that belongs to the client */

#endif
