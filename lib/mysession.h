/* mysession.h - a session of the client in a container with a server of MariaDB or MySQL. */
#ifndef BD_MYSESSION_H
#define BD_MYSESSION_H

#include "mytarget.h"

/* It is fed by in; what it writes comes line by line. */
struct my_session {
	ssize_t (*in)(void *arg, void *buf, size_t len);
	void (*line)(void *arg, const char *line);
	void (*error)(void *arg, const char *line); /* NULL: said */
	void *arg;
	bool force;       /* what fails does not end it, and its status is 0 nevertheless */
	const int *ready; /* as exec's */
};
int mysession_run(const struct mytarget *t, const struct my_session *s); /* as exec_run */
char *mysession_command(const struct mytarget *t); /* as it would be typed, to be freed */

#endif
