/* dump.h - dumps of databases, plain SQL: which are complete, and what wrote them. */
#ifndef BD_DUMP_H
#define BD_DUMP_H

#include "bd.h"

enum dump_kind {
	DUMP_POSTGRES, /* pg_dump: one database */
	DUMP_CLUSTER,  /* pg_dumpall */
	DUMP_MARIADB,  /* mariadb-dump, mysqldump: one database */
};

/* A dump is complete if it ends with the comment that its tool writes last. Of pg_dump and
 * pg_dumpall that is a block of three lines, after which only \unrestrict may come; blank lines
 * after it do not matter. Data can look like it: this tells a dump that was cut off, not a
 * forged one, so of a tool that runs the exit status counts too.
 *
 * The watch sees a dump pass, in pieces of any size, and remembers no more than its end. */
struct dump_watch {
	enum dump_kind kind;
	size_t len;
	char tail[512]; /* enough for the marker, \unrestrict with its key of 63 characters, and blank lines */
};
void dump_watch_begin(struct dump_watch *w, enum dump_kind kind);
void dump_watch_add(struct dump_watch *w, const void *data, size_t len);
bool dump_watch_complete(const struct dump_watch *w); /* if all of it has passed */

/* Looks at the beginning and the end of a whole file, wherever fd stands, and leaves it there.
 * BD_DONE: a complete dump of that kind. BD_FAILED: it is not, which was said with the reason: empty, of
 * another kind, compressed or an archive, or cut off. BD_FATAL: it cannot be read (said). */
int dump_check(int fd, const char *name, enum dump_kind kind);

/* What the dump says of the server it is from. text is its version as far as it is a number ("15.14",
 * "18beta1", "10.11.14"); series is what must not be newer than the target's: {15, 0} of PostgreSQL (the
 * major version since 10, {9, 6} before), {10, 11} of MariaDB and MySQL. */
enum dump_product { DUMP_FROM_POSTGRES, DUMP_FROM_MARIADB, DUMP_FROM_MYSQL };
struct dump_version {
	enum dump_product product;
	int series[2];
	char text[32];
};
/* The first version line of the file, read from its start with pread(2): of a cluster it comes after all roles.
 * BD_DONE found; BD_FAILED there is none (not said); BD_FATAL unreadable (said). */
int dump_version(int fd, const char *name, enum dump_kind kind, struct dump_version *v);

/* The same of what a server or a tool says of itself: "15.14 (Debian 15.14-0+deb12u1)" of SHOW server_version,
 * "10.11.14-MariaDB-0+deb12u2" or "5.5.5-10.3.39-MariaDB" or "8.0.34" of SELECT VERSION(). false: no version. */
bool dump_version_parse(const char *text, enum dump_kind kind, struct dump_version *v);
int dump_version_compare(const struct dump_version *a, const struct dump_version *b); /* of their series; <0, 0, >0 */
const char *dump_product(enum dump_product p); /* "PostgreSQL", "MariaDB", "MySQL" */

#endif
