/* pgscript.h - what pg_dump and pg_dumpall write, taken apart as psql(1) would, in constant memory.
 *
 * Bytes go in, in pieces of any size; statements, comments between them and lines that begin with a backslash are
 * judged one by one as they pass, and come out as they were or not at all. The rows of COPY ... FROM stdin share the
 * fate of their statement, and are never mistaken for anything else; nor are the insides of quotes, $tag$ bodies, BEGIN
 * ATOMIC bodies and comments. What psql would take for something else than we do is an error: NUL bytes, a
 * backslash in the middle of a statement, an encoding whose characters can end in an ASCII byte. */
#ifndef BD_PGSCRIPT_H
#define BD_PGSCRIPT_H

#include "pglex.h"

enum pgscript_verdict { PGSCRIPT_STOP = -1 /* said */, PGSCRIPT_PASS, PGSCRIPT_DROP };

enum { PGSCRIPT_HEAD = 1 << 18 }; /* text is never longer; the columns that a table can have fit, so that all of a COPY does */

struct pgscript {
	const char *name; /* for messages */
	enum pgscript_verdict (*judge)(void *arg, const struct pgitem *item);
	int (*emit)(void *arg, const char *data, size_t len); /* NULL: nothing comes out; 0, or -1 (said) */
	void *arg;
	size_t line; /* of the next byte */
	/* the rest is its own */
	struct pglex lex;
	bool open, judged, pass; /* of the item */
	size_t first_line, head_len;
	char head[PGSCRIPT_HEAD];
};

void pgscript_begin(struct pgscript *s); /* after name, judge, emit and arg are set, all else 0 */
int pgscript_feed(struct pgscript *s, const char *data, size_t len); /* 0, -1 said */
int pgscript_end(struct pgscript *s); /* the input has ended; -1: in the middle of something (said) */

#endif
