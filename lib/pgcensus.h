/* pgcensus.h - all that must be known of a dump before any of it is replayed. */
#ifndef BD_PGCENSUS_H
#define BD_PGCENSUS_H

#include "dump.h"
#include "names.h"
#include "pgscript.h"

struct pgcensus {
	enum dump_kind kind;     /* what it should be: DUMP_POSTGRES or DUMP_CLUSTER */
	off_t size;
	size_t tables, indexes, sequences, others, objects; /* objects: large ones */
	bool in_public;          /* some of the tables are in the schema public */
	struct names settings;   /* parameters that it sets */
	struct names extensions, schemas; /* that it creates */
	struct names databases, roles;    /* of a cluster, those that it creates */
	struct names demoted;    /* roles that it leaves without SUPERUSER or LOGIN */
	char encoding[64];       /* of names in it, as psql knows it */
	/* for the census itself */
	size_t bad;
	bool ended;
	const char *name;
};

/* Reads all of the file. BD_DONE; BD_FAILED: it is not what pg_dump or pg_dumpall writes, or would not stay within one
 * transaction (each reason said); BD_FATAL: unreadable (said). */
int pgcensus_take(struct pgcensus *c, int fd, const char *name, enum dump_kind kind);
void pgcensus_free(struct pgcensus *c);

/* Locks that a transaction would hold at its end that creates all of it. */
size_t pgcensus_locks(const struct pgcensus *c);

#endif
