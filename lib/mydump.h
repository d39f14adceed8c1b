/* mydump.h - a dump of MariaDB or MySQL as a restore sees it: what it needs of a server, and how it is changed to suit one. */
#ifndef BD_MYDUMP_H
#define BD_MYDUMP_H

#include "dump.h"
#include "myscript.h"

struct mydump_name {
	char *name, *host;  /* host: of definers that are no role */
	uintmax_t count;    /* statements with it */
	bool off;           /* of variables: what is SET is left out; of definers: becomes CURRENT_USER */
};

struct mydump_names {
	struct mydump_name *at;
	size_t count;
};

struct mydump {
	int fd;
	const char *path; /* for messages */
	/* what it is */
	bool has_version;
	struct dump_version from;
	char *database; /* it is from, as its head tells; NULL: it does not */
	struct mydump_names databases, variables, definers, things; /* things: VIEW, TRIGGER, ... */
	uintmax_t longest; /* statement */
	/* of mydump_read */
	struct myscript script;
	char *buf;
	size_t len, at, room;
	struct dump_watch watch;
	bool ended;
};

/* Reads all of it. Only fd and path are to be set.
 * BD_DONE; BD_FAILED: it cannot be restored, which was said with the reason; BD_FATAL: unreadable (said). */
int mydump_survey(struct mydump *d);
bool mydump_creates(const struct mydump *d, const char *thing);

/* From its start: what the client is to be given, at most len bytes. 0 at the end, -1 said. */
int mydump_rewind(struct mydump *d);
ssize_t mydump_read(struct mydump *d, void *buf, size_t len);
void mydump_free(struct mydump *d); /* fd stays open */

#endif
