/* pgscript.c - what pg_dump and pg_dumpall write, taken apart as psql(1) would: what ends a statement is decided by the
 * rules of psql's own lexer (psqlscan.l), down to its notion of a BEGIN ATOMIC body. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pgscript.h"

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

void
pgscript_begin(struct pgscript *s)
{
	s->line = 1;
	s->state = TEXT;
	s->pass = true;
}

static int
bad(const struct pgscript *s, const char *why)
{
	warnx("%s:%zu: %s", s->name, s->line, why);
	return -1;
}

/* These take no part of the locale's. */
static bool
is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
starts_word(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool
in_word(unsigned char c)
{
	return starts_word(c) || (c >= '0' && c <= '9') || c == '$';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int
emit(struct pgscript *s, const char *data, size_t len)
{
	return s->pass && s->emit && len ? s->emit(s->arg, data, len) : 0;
}

static int
judge(struct pgscript *s, bool whole)
{
	const struct pgscript_item item = {.kind = s->kind, .text = s->head, .len = s->head_len, .whole = whole,
		.copy = s->copy, .line = s->first_line};
	enum pgscript_verdict v = s->judge(s->arg, &item);
	s->judged = true;
	s->pass = v == PGSCRIPT_PASS;
	return v == PGSCRIPT_STOP ? -1 : emit(s, s->head, s->head_len);
}

/* Bytes of the item that is open, or what lies between two. */
static int
flush(struct pgscript *s, const char *data, size_t len)
{
	if (!s->open || s->judged)
		return emit(s, data, len);
	size_t room = sizeof s->head - s->head_len, part = len < room ? len : room;
	memcpy(s->head + s->head_len, data, part);
	s->head_len += part;
	if (part == len)
		return 0;
	return judge(s, false) < 0 ? -1 : emit(s, data + part, len - part);
}

static void
open_item(struct pgscript *s, enum pgscript_kind kind)
{
	s->open = true;
	s->kind = kind;
	s->judged = s->copy = s->copying = s->tail = false;
	s->head_len = s->depth = s->begins = s->words = 0;
	s->first_line = s->line;
	memset(s->initial, 0, sizeof s->initial);
	*s->before = '\0';
}

/* What decides how psql reads on. */
static int
look_at_set(struct pgscript *s)
{
	static const char *const unsafe[] = {"big5", "gbk", "gb18030", "johab", "sjis", "shift_jis_2004", "uhc"};
	const char *at = s->head, *end = s->head + s->head_len;
	if (!pgscript_words(&at, end, "SET"))
		return 0;
	bool strings = pgscript_words(&at, end, "standard_conforming_strings");
	if (!strings && !pgscript_words(&at, end, "client_encoding"))
		return 0;
	while (at < end && (is_space((unsigned char)*at) || *at == '=' || *at == '\''))
		at++;
	pgscript_words(&at, end, "TO");
	while (at < end && (is_space((unsigned char)*at) || *at == '\''))
		at++;
	size_t len = 0;
	while (at + len < end && in_word((unsigned char)at[len]))
		len++;
	if (strings)
		s->backslashes = len == 3 && !strncasecmp(at, "off", 3);
	for (size_t i = 0; !strings && i < sizeof unsafe / sizeof *unsafe; i++)
		if (len == strlen(unsafe[i]) && !strncasecmp(at, unsafe[i], len))
			return bad(s, "the encoding of the dump is not one that a server can have: make it with -E UTF8");
	return 0;
}

/* The item is complete; its bytes are flushed. */
static int
close_item(struct pgscript *s)
{
	if (!s->judged && judge(s, true) < 0)
		return -1;
	if (s->kind == PGSCRIPT_STATEMENT && s->copy) {
		s->state = REST;
		return 0;
	}
	if (s->kind == PGSCRIPT_STATEMENT && look_at_set(s) < 0)
		return -1;
	s->open = false;
	s->pass = true;
	s->state = TEXT;
	return 0;
}

/* psql's way to know the body of CREATE [OR REPLACE] {FUNCTION|PROCEDURE} ... BEGIN ATOMIC ... END */
static void
count_begin(struct pgscript *s)
{
	static const char *const leading[] = {"create", "function", "procedure", "or", "replace"};
	for (size_t i = 0; i < sizeof leading / sizeof *leading; i++)
		if (s->words < sizeof s->initial && !strcmp(s->word, leading[i]))
			s->initial[s->words] = *s->word;
	s->words++;
	const char *w = s->initial, *object = w[1] == 'o' && w[2] == 'r' ? w + 3 : w + 1;
	if (w[0] != 'c' || (*object != 'f' && *object != 'p') || s->depth)
		return;
	if (!strcmp(s->word, "begin") || (!strcmp(s->word, "case") && s->begins))
		s->begins++;
	else if (!strcmp(s->word, "end") && s->begins)
		s->begins--;
}

static void
end_word(struct pgscript *s)
{
	s->word[s->word_len] = '\0';
	count_begin(s);
	if (s->words == 1)
		s->copying = !strcmp(s->word, "copy");
	else if (s->copying && !strcmp(s->before, "from") && !strcmp(s->word, "stdin"))
		s->copy = true;
	memcpy(s->before, s->word, sizeof s->before);
}

static void
add_to_word(struct pgscript *s, char c)
{
	/* one that is longer is none of those that matter */
	if (s->word_len + 1 < sizeof s->word)
		s->word[s->word_len++] = lower(c);
}

/* A byte of a statement that stands for itself. 1: the statement ends with it. */
static int
step_plain(struct pgscript *s, char c)
{
	s->fresh = false;
	if (!is_space((unsigned char)c) && c != '\'')
		s->tail = false;
	if (starts_word((unsigned char)c)) {
		s->word_len = 0;
		add_to_word(s, c);
		s->state = WORD;
	} else if (c == '\'') {
		s->escapes = s->backslashes || s->tail;
		s->state = QUOTE;
	} else if (c == '"')
		s->state = NAME;
	else if (c == '$') {
		s->tag_len = 0;
		s->state = TAG;
	} else if (c == '-' || c == '/')
		s->state = c == '-' ? DASH : SLASH;
	else if (c == '(')
		s->depth++;
	else if (c == ')' && s->depth)
		s->depth--;
	else if (c == '\\')
		return bad(s, "a backslash in the middle of a statement: psql would take it for a command");
	else if (c == ';')
		return !s->depth && !s->begins;
	return 0;
}

static int
step_text(struct pgscript *s, char c)
{
	if (s->open)
		return step_plain(s, c);
	if (is_space((unsigned char)c))
		return 0;
	open_item(s, c == '\\' ? PGSCRIPT_META : PGSCRIPT_STATEMENT);
	if (c == '\\') {
		s->state = META;
		return 0;
	}
	int rc = step_plain(s, c);
	s->fresh = true;
	return rc;
}

/* At the second byte of what may be a comment: of its own, if a statement has not begun. */
static bool
step_comment(struct pgscript *s, char c)
{
	if (c != (s->state == DASH ? '-' : '*'))
		return false;
	if (s->fresh)
		s->kind = PGSCRIPT_COMMENT;
	s->state = s->state == DASH ? LINE : BLOCK;
	s->nest = 1;
	return true;
}

static int
step_tag(struct pgscript *s, char c)
{
	if (c == '$') {
		s->tag_at = 0;
		s->state = BODY;
	} else if (starts_word((unsigned char)c) || (s->tag_len && in_word((unsigned char)c))) {
		if (s->tag_len == sizeof s->tag)
			return bad(s, "a dollar quote with a name longer than any");
		s->tag[s->tag_len++] = c;
	} else {
		s->state = TEXT;
		return step_plain(s, c);
	}
	return 0;
}

/* tag_at: 0 outside a possible end, else 1 + how much of the tag has matched behind its first $. */
static void
step_body(struct pgscript *s, char c)
{
	if (s->tag_at && c == '$' && s->tag_at == s->tag_len + 1)
		s->state = TEXT;
	else if (c == '$')
		s->tag_at = 1;
	else if (s->tag_at && s->tag_at <= s->tag_len && c == s->tag[s->tag_at - 1])
		s->tag_at++;
	else
		s->tag_at = 0;
}

static int
step_block(struct pgscript *s, char c)
{
	if (s->state == BLOCK_STAR && c == '/') {
		s->state = --s->nest ? BLOCK : TEXT;
		return !s->nest && s->kind == PGSCRIPT_COMMENT;
	}
	if (s->state == BLOCK_SLASH && c == '*') {
		s->nest++;
		s->state = BLOCK;
	} else
		s->state = c == '*' ? BLOCK_STAR : c == '/' ? BLOCK_SLASH : BLOCK;
	return 0;
}

/* A row that is only \. ends the rows. */
static int
step_rows(struct pgscript *s, char c)
{
	if (c != '\n') {
		if (s->row_len < sizeof s->row)
			s->row[s->row_len] = c;
		s->row_len++;
		return 0;
	}
	bool last = (s->row_len == 2 || (s->row_len == 3 && s->row[2] == '\r')) && s->row[0] == '\\' && s->row[1] == '.';
	s->row_len = 0;
	s->copy = !last;
	return last;
}

static int
step_rest(struct pgscript *s, char c)
{
	if (!is_space((unsigned char)c))
		return bad(s, "something stands behind COPY ... FROM stdin;");
	if (c == '\n') {
		s->state = ROWS;
		s->row_len = 0;
	}
	return 0;
}

/* 1: the item ends with this byte; 0; -1 said */
static int
step(struct pgscript *s, char c)
{
	switch (s->state) {
	case TEXT: return step_text(s, c);
	case WORD:
		if (in_word((unsigned char)c)) {
			add_to_word(s, c);
			return 0;
		}
		end_word(s);
		s->state = TEXT;
		s->tail = c == '\'' && !strcmp(s->word, "e");
		return step_plain(s, c);
	case DASH:
	case SLASH:
		if (step_comment(s, c))
			return 0;
		s->state = TEXT;
		return step_plain(s, c);
	case LINE:
		if (c != '\n')
			return 0;
		s->state = TEXT;
		return s->kind == PGSCRIPT_COMMENT;
	case BLOCK:
	case BLOCK_STAR:
	case BLOCK_SLASH: return step_block(s, c);
	case QUOTE:
		s->state = c == '\'' ? QUOTED : c == '\\' && s->escapes ? ESCAPED : QUOTE;
		return 0;
	case ESCAPED: s->state = QUOTE; return 0;
	case QUOTED:
		if (c == '\'') {
			s->state = QUOTE;
			return 0;
		}
		s->state = TEXT;
		s->tail = s->escapes; /* 'a' and in another line 'b' are one string */
		return step_plain(s, c);
	case NAME:
		if (c == '"')
			s->state = TEXT;
		return 0;
	case TAG: return step_tag(s, c);
	case BODY: step_body(s, c); return 0;
	case META: return c == '\n';
	case REST: return step_rest(s, c);
	default: return step_rows(s, c);
	}
}

/* How many bytes change nothing but the line count. */
static size_t
skip(const struct pgscript *s, const char *data, size_t len)
{
	const char *to = NULL, *other;
	switch (s->state) {
	case LINE: to = memchr(data, '\n', len); break;
	case ROWS:
		/* from the fourth byte of a row on it cannot be the last */
		if (s->row_len <= sizeof s->row)
			return 0;
		to = memchr(data, '\n', len);
		break;
	case QUOTE:
		to = memchr(data, '\'', len);
		if (s->escapes && (other = memchr(data, '\\', to ? (size_t)(to - data) : len)))
			to = other;
		break;
	case NAME: to = memchr(data, '"', len); break;
	case BODY:
		if (s->tag_at)
			return 0;
		to = memchr(data, '$', len);
		break;
	default: return 0;
	}
	return to ? (size_t)(to - data) : len;
}

static void
count_lines(struct pgscript *s, const char *data, size_t len)
{
	for (const char *end = data + len; (data = memchr(data, '\n', (size_t)(end - data))); data++)
		s->line++;
}

int
pgscript_feed(struct pgscript *s, const char *data, size_t len)
{
	size_t from = 0;
	if (memchr(data, '\0', len))
		return bad(s, "NUL bytes in or after this line: the file is damaged");
	for (size_t i = 0; i < len;) {
		size_t n = skip(s, data + i, len - i);
		if (n) {
			if (s->state != ROWS)
				count_lines(s, data + i, n);
			i += n;
			continue;
		}
		bool was_open = s->open;
		int rc = step(s, data[i]);
		if (rc < 0)
			return -1;
		if (!was_open && s->open) { /* what lies before it is not its own */
			if (emit(s, data + from, i - from) < 0)
				return -1;
			from = i;
		}
		if (data[i++] == '\n')
			s->line++;
		/* what has been judged can only be told from what is judged later if it is gone by then */
		if (rc) {
			if (flush(s, data + from, i - from) < 0 || close_item(s) < 0)
				return -1;
			from = i;
		}
	}
	return flush(s, data + from, len - from);
}

int
pgscript_end(struct pgscript *s)
{
	if (s->open && (s->state == META || s->state == LINE) && s->kind != PGSCRIPT_STATEMENT)
		return close_item(s);
	if (!s->open)
		return 0;
	warnx("%s:%zu: the file ends in the middle of what begins here", s->name, s->first_line);
	return -1;
}

static void
skip_blank(const char **at, const char *end)
{
	while (*at < end && is_space((unsigned char)**at))
		++*at;
}

bool
pgscript_words(const char **at, const char *end, const char *words)
{
	const char *p = *at;
	while (*words) {
		size_t len = strcspn(words, " ");
		skip_blank(&p, end);
		if ((size_t)(end - p) < len || strncasecmp(p, words, len) || (p + len < end && in_word((unsigned char)p[len])))
			return false;
		p += len;
		words += len + (words[len] == ' ');
	}
	*at = p;
	return true;
}

bool
pgscript_is(const struct pgscript_item *item, const char *words)
{
	const char *at = item->text;
	return item->kind == PGSCRIPT_STATEMENT && pgscript_words(&at, item->text + item->len, words);
}

bool
pgscript_transaction(const struct pgscript_item *item)
{
	const char *at = item->text, *end = item->text + item->len;
	if (item->kind != PGSCRIPT_STATEMENT || (!pgscript_words(&at, end, "BEGIN") && !pgscript_words(&at, end, "COMMIT")))
		return false;
	skip_blank(&at, end);
	return item->whole && at + 1 == end && *at == ';';
}

bool
pgscript_meta(const struct pgscript_item *item, const char *command)
{
	size_t len = strlen(command);
	return item->kind == PGSCRIPT_META && item->len >= len && !memcmp(item->text, command, len) &&
	       (item->len == len || is_space((unsigned char)item->text[len]));
}

char *
pgscript_name(const char **at, const char *end)
{
	const char *p = *at;
	skip_blank(&p, end);
	if (p == end || (*p != '"' && !starts_word((unsigned char)*p)))
		return NULL;
	char *name = xcalloc((size_t)(end - p) + 1, 1), *to = name;
	if (*p != '"')
		while (p < end && in_word((unsigned char)*p))
			*to++ = lower(*p++);
	else
		for (p++; p < end; p++) {
			if (*p == '"' && ++p < end && *p != '"')
				break;
			if (p < end)
				*to++ = *p;
		}
	*at = p;
	return name;
}
