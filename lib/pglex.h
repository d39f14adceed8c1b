/* pglex.h - where a statement, comment or command ends for psql(1), byte by byte.
 *
 * What psql would take for something else than we do is a fault. */
#ifndef BD_PGLEX_H
#define BD_PGLEX_H

#include "pgitem.h"

struct pglex { /* all 0 to begin with */
	bool open;             /* within an item */
	enum pgitem_kind kind; /* of the one that is open, or was closed last: a comment is one from its second byte on */
	bool copy;             /* it is a COPY whose rows follow */
	bool backslashes;      /* mean something in strings: standard_conforming_strings is off */
	const char *fault;     /* a constant */
	/* the rest is its own */
	int state;
	bool fresh, escapes, tail, copying;
	size_t depth, begins, words, word_len, tag_len, tag_at, nest, row_len;
	char initial[4], row[3], word[16], before[16], tag[256];
};

/* The next byte: what of these it does, or -1: l->fault. A COPY ends twice: before its rows, and it stays open, and behind them. */
enum { PGLEX_BEGINS = 1, PGLEX_ENDS = 2 };
int pglex_step(struct pglex *l, char c);
size_t pglex_skip(const struct pglex *l, const char *data, size_t len); /* so many bytes need no step: they do nothing */
bool pglex_rows(const struct pglex *l); /* what is skipped lies within a row of a COPY, and holds no LF */
bool pglex_end(struct pglex *l); /* the input has ended, which ends some items; whether none is left open */

#endif
