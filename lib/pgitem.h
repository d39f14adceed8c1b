/* pgitem.h - a statement, comment or command of psql(1) in a dump, and how its text is read. */
#ifndef BD_PGITEM_H
#define BD_PGITEM_H

#include "bd.h"

enum pgitem_kind {
	PGITEM_STATEMENT,
	PGITEM_COMMENT, /* one line, or one block */
	PGITEM_META,    /* a line that begins with a backslash */
};
struct pgitem {
	enum pgitem_kind kind;
	const char *text; /* its beginning; not NUL-terminated */
	size_t len;
	bool whole;       /* text is all of it (of COPY: without the rows) */
	bool copy;        /* rows follow */
	size_t line;      /* in which it begins, from 1 */
};

/* *at moves on; end is the end of the text. */
bool pgitem_words(const char **at, const char *end, const char *words); /* these come next, in any case, or false and *at stays */
char *pgitem_name(const char **at, const char *end); /* the name that comes next, as the server has it; to be freed; NULL: none */

bool pgitem_is(const struct pgitem *item, const char *words);     /* a statement that begins with them */
char *pgitem_after(const struct pgitem *item, const char *words); /* and the name that follows them, to be freed; NULL: none */
bool pgitem_transaction(const struct pgitem *item);               /* BEGIN; or COMMIT; and nothing more */
bool pgitem_meta(const struct pgitem *item, const char *command); /* the command \restrict, say */

/* Bytes as psql and the server see them, whatever the locale. */
bool pgitem_space(char c);
bool pgitem_starts_word(char c);
bool pgitem_in_word(char c);
char pgitem_lower(char c);

#endif
