/* mylex.h - tokens of SQL as mariadb-dump and mysqldump write it: what begins a statement is read with it. */
#ifndef BD_MYLEX_H
#define BD_MYLEX_H

#include "bd.h"

struct mymode { /* of SQL_MODE, what decides how to read on */
	bool no_escapes, ansi;
};
bool mymode_escapes(const struct mymode *m, char quote); /* a backslash within these quotes means something */

enum { MYLEX_NAME = 512 }; /* bytes of a name: 64 characters, each of them quoted */

struct mylex {
	const char *at, *end; /* what is left */
	struct mymode mode;
	const char *start;    /* of the token */
	char kind;            /* 'w' word, 'q' quoted, 0 at the end, else the character itself */
	char text[MYLEX_NAME]; /* of a word or what is quoted, cut to fit */
};
char mylex(struct mylex *l); /* the next token's kind; blanks, comments and the marks around what is executed are passed over */
bool mylex_is(const struct mylex *l, const char *word); /* in any case */
bool mylex_named(const struct mylex *l);                /* the token can be a name */

/* Bytes: what stands at the beginning of them. */
bool mylex_starts(const char *at, const char *end, const char *text);
bool mylex_executed(const char *at, const char *end); /* a comment that is executed */
bool mylex_dashes(const char *at, const char *end);   /* a comment to the end of its line */
bool mylex_in_word(char c);

#endif
