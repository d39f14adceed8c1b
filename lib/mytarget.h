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

enum my_privilege {
	MY_MAY_SELECT = 1 << 0,
	MY_MAY_INSERT = 1 << 1,
	MY_MAY_DELETE = 1 << 2,
	MY_MAY_CREATE = 1 << 3,
	MY_MAY_DROP = 1 << 4,
	MY_MAY_ALTER = 1 << 5,
	MY_MAY_LOCK_TABLES = 1 << 6,
	MY_MAY_CREATE_VIEW = 1 << 7,
	MY_MAY_SHOW_VIEW = 1 << 8,
	MY_MAY_TRIGGER = 1 << 9,
	MY_MAY_CREATE_ROUTINE = 1 << 10,
	MY_MAY_ALTER_ROUTINE = 1 << 11,
	MY_MAY_EVENT = 1 << 12,
	MY_MAY_SET_USER = 1 << 13, /* a DEFINER that is somebody else */
	MY_MAY_ALL = (1 << 14) - 1,
};

/* What SHOW GRANTS says of the database, in the rows of mytarget_query. */
unsigned mygrants(const char *lines, const char *database);
char *mygrants_names(unsigned privileges); /* "CREATE, DROP"; to be freed */

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
	unsigned privileges;
};

/* Finds the client and a way to connect, and asks who is there. BD_DONE, BD_FAILED, BD_FATAL (said). */
int mytarget_open(struct mytarget *t);
void mytarget_free(struct mytarget *t);

/* What the answers to sql say, `column TAB column LF` each row, LF, TAB and \ within a value escaped as \n, \t and \\ by
 * the client; *out is to be freed. BD_DONE; BD_FAILED: the server refused, BD_FATAL (said). */
int mytarget_query(struct mytarget *t, const char *sql, char **out);
void mytarget_unescape(char *s); /* a value of a row, in place */
void mytarget_quote(FILE *out, const char *name); /* as a name in SQL */

/* A session that is fed by in; what it writes comes line by line. As exec_run. */
struct my_session {
	ssize_t (*in)(void *arg, void *buf, size_t len);
	void (*line)(void *arg, const char *line);
	void (*error)(void *arg, const char *line); /* NULL: said */
	void *arg;
	bool force;       /* what fails does not end it, and its status is 0 nevertheless */
	const int *ready; /* as exec's */
};
int mytarget_session(struct mytarget *t, const struct my_session *s);
char *mytarget_command(const struct mytarget *t); /* as it would be typed, to be freed */

#endif
