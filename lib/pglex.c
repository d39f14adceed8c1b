/* pglex.c - where a statement ends for psql(1): the rules of its own lexer (psqlscan.l), down to its notion of a BEGIN ATOMIC
 * body. */
#include <string.h>

#include "pglex.h"

enum {
	TEXT,    /* between statements, or in one and in nothing else */
	WORD,    /* an identifier or a key word */
	DASH,    /* one '-' */
	SLASH,   /* one '/' */
	LINE,    /* -- comment */
	BLOCK,   /* a comment that can hold others */
	BLOCK_STAR,
	BLOCK_SLASH,
	QUOTE,   /* '...' */
	ESCAPED, /* behind a backslash in one */
	QUOTED,  /* behind a ' in one: its end, or the first of two */
	NAME,    /* "..." */
	TAG,     /* $ and what may become a tag */
	BODY,    /* $tag$...$tag$ */
	META,    /* \... */
	REST,    /* of the line of COPY ... FROM stdin; */
	ROWS,
};

static int
bad(struct pglex *l, const char *why)
{
	l->fault = why;
	return -1;
}

static void
open_item(struct pglex *l, enum pgitem_kind kind)
{
	l->open = true;
	l->kind = kind;
	l->copy = l->copying = l->tail = false;
	l->depth = l->begins = l->words = 0;
	memset(l->initial, 0, sizeof l->initial);
	*l->before = '\0';
}

/* psql's way to know the body of CREATE [OR REPLACE] {FUNCTION|PROCEDURE} ... BEGIN ATOMIC ... END */
static void
count_begin(struct pglex *l)
{
	static const char *const leading[] = {"create", "function", "procedure", "or", "replace"};
	for (size_t i = 0; i < sizeof leading / sizeof *leading; i++)
		if (l->words < sizeof l->initial && !strcmp(l->word, leading[i]))
			l->initial[l->words] = *l->word;
	l->words++;
	const char *w = l->initial, *object = w[1] == 'o' && w[2] == 'r' ? w + 3 : w + 1;
	if (w[0] != 'c' || (*object != 'f' && *object != 'p') || l->depth)
		return;
	if (!strcmp(l->word, "begin") || (!strcmp(l->word, "case") && l->begins))
		l->begins++;
	else if (!strcmp(l->word, "end") && l->begins)
		l->begins--;
}

static void
end_word(struct pglex *l)
{
	l->word[l->word_len] = '\0';
	count_begin(l);
	if (l->words == 1)
		l->copying = !strcmp(l->word, "copy");
	else if (l->copying && !strcmp(l->before, "from") && !strcmp(l->word, "stdin"))
		l->copy = true;
	memcpy(l->before, l->word, sizeof l->before);
}

static void
add_to_word(struct pglex *l, char c)
{
	/* one that is longer is none of those that matter */
	if (l->word_len + 1 < sizeof l->word)
		l->word[l->word_len++] = pgitem_lower(c);
}

/* A byte of a statement that stands for itself. 1: the statement ends with it. */
static int
step_plain(struct pglex *l, char c)
{
	l->fresh = false;
	if (!pgitem_space(c) && c != '\'')
		l->tail = false;
	if (pgitem_starts_word(c)) {
		l->word_len = 0;
		add_to_word(l, c);
		l->state = WORD;
	} else if (c == '\'') {
		l->escapes = l->backslashes || l->tail;
		l->state = QUOTE;
	} else if (c == '"')
		l->state = NAME;
	else if (c == '$') {
		l->tag_len = 0;
		l->state = TAG;
	} else if (c == '-' || c == '/')
		l->state = c == '-' ? DASH : SLASH;
	else if (c == '(')
		l->depth++;
	else if (c == ')' && l->depth)
		l->depth--;
	else if (c == '\\')
		return bad(l, "a backslash in the middle of a statement: psql would take it for a command");
	else if (c == ';')
		return !l->depth && !l->begins;
	return 0;
}

static int
step_text(struct pglex *l, char c)
{
	if (l->open)
		return step_plain(l, c);
	if (pgitem_space(c))
		return 0;
	open_item(l, c == '\\' ? PGITEM_META : PGITEM_STATEMENT);
	if (c == '\\') {
		l->state = META;
		return 0;
	}
	int rc = step_plain(l, c);
	l->fresh = true;
	return rc;
}

/* At the second byte of what may be a comment: of its own, if a statement has not begun. */
static bool
step_comment(struct pglex *l, char c)
{
	if (c != (l->state == DASH ? '-' : '*'))
		return false;
	if (l->fresh)
		l->kind = PGITEM_COMMENT;
	l->state = l->state == DASH ? LINE : BLOCK;
	l->nest = 1;
	return true;
}

static int
step_tag(struct pglex *l, char c)
{
	if (c == '$') {
		l->tag_at = 0;
		l->state = BODY;
	} else if (pgitem_starts_word(c) || (l->tag_len && pgitem_in_word(c))) {
		if (l->tag_len == sizeof l->tag)
			return bad(l, "a dollar quote with a name longer than any");
		l->tag[l->tag_len++] = c;
	} else {
		l->state = TEXT;
		return step_plain(l, c);
	}
	return 0;
}

/* tag_at: 0 outside a possible end, else 1 + how much of the tag has matched behind its first $. */
static void
step_body(struct pglex *l, char c)
{
	if (l->tag_at && c == '$' && l->tag_at == l->tag_len + 1)
		l->state = TEXT;
	else if (c == '$')
		l->tag_at = 1;
	else if (l->tag_at && l->tag_at <= l->tag_len && c == l->tag[l->tag_at - 1])
		l->tag_at++;
	else
		l->tag_at = 0;
}

static int
step_block(struct pglex *l, char c)
{
	if (l->state == BLOCK_STAR && c == '/') {
		l->state = --l->nest ? BLOCK : TEXT;
		return !l->nest && l->kind == PGITEM_COMMENT;
	}
	if (l->state == BLOCK_SLASH && c == '*') {
		l->nest++;
		l->state = BLOCK;
	} else
		l->state = c == '*' ? BLOCK_STAR : c == '/' ? BLOCK_SLASH : BLOCK;
	return 0;
}

/* A row that is only \. ends the rows. */
static int
step_rows(struct pglex *l, char c)
{
	if (c != '\n') {
		if (l->row_len < sizeof l->row)
			l->row[l->row_len] = c;
		l->row_len++;
		return 0;
	}
	bool last = (l->row_len == 2 || (l->row_len == 3 && l->row[2] == '\r')) && l->row[0] == '\\' && l->row[1] == '.';
	l->row_len = 0;
	l->copy = !last;
	return last;
}

static int
step_rest(struct pglex *l, char c)
{
	if (!pgitem_space(c))
		return bad(l, "something stands behind COPY ... FROM stdin;");
	if (c == '\n') {
		l->state = ROWS;
		l->row_len = 0;
	}
	return 0;
}

/* 1: the item ends with this byte; 0; -1: l->fault */
static int
step(struct pglex *l, char c)
{
	switch (l->state) {
	case TEXT: return step_text(l, c);
	case WORD:
		if (pgitem_in_word(c)) {
			add_to_word(l, c);
			return 0;
		}
		end_word(l);
		l->state = TEXT;
		l->tail = c == '\'' && !strcmp(l->word, "e");
		return step_plain(l, c);
	case DASH:
	case SLASH:
		if (step_comment(l, c))
			return 0;
		l->state = TEXT;
		return step_plain(l, c);
	case LINE:
		if (c != '\n')
			return 0;
		l->state = TEXT;
		return l->kind == PGITEM_COMMENT;
	case BLOCK:
	case BLOCK_STAR:
	case BLOCK_SLASH: return step_block(l, c);
	case QUOTE:
		l->state = c == '\'' ? QUOTED : c == '\\' && l->escapes ? ESCAPED : QUOTE;
		return 0;
	case ESCAPED: l->state = QUOTE; return 0;
	case QUOTED:
		if (c == '\'') {
			l->state = QUOTE;
			return 0;
		}
		l->state = TEXT;
		l->tail = l->escapes; /* 'a' and in another line 'b' are one string */
		return step_plain(l, c);
	case NAME:
		if (c == '"')
			l->state = TEXT;
		return 0;
	case TAG: return step_tag(l, c);
	case BODY: step_body(l, c); return 0;
	case META: return c == '\n';
	case REST: return step_rest(l, c);
	default: return step_rows(l, c);
	}
}

size_t
pglex_skip(const struct pglex *l, const char *data, size_t len)
{
	const char *to = NULL, *other;
	switch (l->state) {
	case LINE: to = memchr(data, '\n', len); break;
	case ROWS:
		/* from the fourth byte of a row on it cannot be the last */
		if (l->row_len <= sizeof l->row)
			return 0;
		to = memchr(data, '\n', len);
		break;
	case QUOTE:
		to = memchr(data, '\'', len);
		if (l->escapes && (other = memchr(data, '\\', to ? (size_t)(to - data) : len)))
			to = other;
		break;
	case NAME: to = memchr(data, '"', len); break;
	case BODY:
		if (l->tag_at)
			return 0;
		to = memchr(data, '$', len);
		break;
	default: return 0;
	}
	return to ? (size_t)(to - data) : len;
}

bool
pglex_rows(const struct pglex *l)
{
	return l->state == ROWS;
}

int
pglex_step(struct pglex *l, char c)
{
	bool was_open = l->open;
	int rc = step(l, c), what = 0;
	if (rc < 0)
		return -1;
	if (!was_open && l->open)
		what |= PGLEX_BEGINS;
	if (rc) {
		what |= PGLEX_ENDS;
		l->state = l->copy ? REST : TEXT;
		l->open = l->copy;
	}
	return what;
}

bool
pglex_end(struct pglex *l)
{
	if (l->kind != PGITEM_STATEMENT && (l->state == META || l->state == LINE))
		l->open = false;
	return !l->open;
}
