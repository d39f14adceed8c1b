/* pgscript.h - what pg_dump and pg_dumpall write, taken apart as psql(1) would, in constant memory.
 *
 * Bytes go in, in pieces of any size; statements, comments between them and lines that begin with a backslash are
 * judged one by one as they pass, and come out as they were or not at all. The rows of COPY ... FROM stdin share the
 * fate of their statement, and are never mistaken for anything else; nor are the insides of quotes, $tag$ bodies, BEGIN
 * ATOMIC bodies and comments. What psql would take for something else than we do is an error: NUL bytes, a
 * backslash in the middle of a statement, an encoding whose characters can end in an ASCII byte. */
#ifndef BD_PGSCRIPT_H
#define BD_PGSCRIPT_H

#include "bd.h"

enum pgscript_kind {
	PGSCRIPT_STATEMENT,
	PGSCRIPT_COMMENT, /* one line, or one block */
	PGSCRIPT_META,    /* a line that begins with a backslash */
};
struct pgscript_item {
	enum pgscript_kind kind;
	const char *text; /* its beginning; not NUL-terminated */
	size_t len;
	bool whole;       /* text is all of it (of COPY: without the rows) */
	bool copy;        /* rows follow */
	size_t line;      /* in which it begins, from 1 */
};
enum pgscript_verdict { PGSCRIPT_STOP = -1 /* said */, PGSCRIPT_PASS, PGSCRIPT_DROP };

enum { PGSCRIPT_HEAD = 1 << 18 }; /* text is never longer; the columns that a table can have fit, so that all of a COPY does */

struct pgscript {
	const char *name; /* for messages */
	enum pgscript_verdict (*judge)(void *arg, const struct pgscript_item *item);
	int (*emit)(void *arg, const char *data, size_t len); /* NULL: nothing comes out; 0, or -1 (said) */
	void *arg;
	size_t line; /* of the next byte */
	/* the rest is its own */
	int state;
	bool open, fresh, judged, pass, backslashes, escapes, tail, copying, copy;
	enum pgscript_kind kind;
	size_t first_line, depth, begins, words, word_len, tag_len, tag_at, nest, row_len;
	char initial[4], row[3], word[16], before[16], tag[256];
	size_t head_len;
	char head[PGSCRIPT_HEAD];
};

void pgscript_begin(struct pgscript *s); /* after name, judge, emit and arg are set, all else 0 */
int pgscript_feed(struct pgscript *s, const char *data, size_t len); /* 0, -1 said */
int pgscript_end(struct pgscript *s); /* the input has ended; -1: in the middle of something (said) */

/* Reading an item's text. *at moves on; end is the end of the text. */
bool pgscript_words(const char **at, const char *end, const char *words); /* these words come next, in any case, or false and *at stays */
bool pgscript_is(const struct pgscript_item *item, const char *words);  /* it begins with them */
bool pgscript_transaction(const struct pgscript_item *item); /* it is BEGIN; or COMMIT; and nothing more */
bool pgscript_meta(const struct pgscript_item *item, const char *command); /* it is the command \restrict, say */
char *pgscript_name(const char **at, const char *end); /* the name that comes next, as the server has it; to be freed; NULL: none */

#endif
