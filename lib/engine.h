/* engine.h - the database engine in a container: what dumps it, and where its data lies. */
#ifndef BD_ENGINE_H
#define BD_ENGINE_H

#include <signal.h>

#include "docker.h"

/* Of a record of bd-engines. */
enum {
	ENGINE_CONTAINER,
	ENGINE_ID,
	ENGINE_INSTANCE,
	ENGINE_WORD, /* NULL, and so are all that follow: it could not be asked */
	ENGINE_TOOL,
	ENGINE_VERSION,
	ENGINE_MOUNT,
	ENGINE_COLUMNS
};

struct engine {
	const char *word;  /* "postgres" or "mariadb", which is MySQL too */
	const char *tool;  /* pg_dumpall, mariadb-dump or mysqldump */
	char *version;     /* of the tool, as far as it is a number: "15.14"; NULL if it does not tell */
	char *mount;       /* destination of the volume that holds the data directory; NULL if none is known to */
};

/* Asks the container, an id that is called name in messages. BD_DONE; BD_FAILED: it has no such tool; -1 said. */
int engine_ask(struct docker *d, const char *id, const char *name, const volatile sig_atomic_t *stop, struct engine *e);
void engine_free(struct engine *e);

#endif
