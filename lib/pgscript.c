/* pgscript.c - what pg_dump and pg_dumpall write, taken apart as psql(1) would. */
#include <string.h>
#include <strings.h>

#include "pgscript.h"

void
pgscript_begin(struct pgscript *s)
{
	s->line = 1;
	s->pass = true;
}

static int
bad(const struct pgscript *s, const char *why)
{
	warnx("%s:%zu: %s", s->name, s->line, why);
	return -1;
}

static int
emit(struct pgscript *s, const char *data, size_t len)
{
	return s->pass && s->emit && len ? s->emit(s->arg, data, len) : 0;
}

static int
judge(struct pgscript *s, bool whole)
{
	const struct pgitem item = {.kind = s->lex.kind, .text = s->head, .len = s->head_len, .whole = whole,
		.copy = s->lex.copy, .line = s->first_line};
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
open_item(struct pgscript *s)
{
	s->open = true;
	s->judged = false;
	s->head_len = 0;
	s->first_line = s->line;
}

/* What decides how psql reads on. */
static int
look_at_set(struct pgscript *s)
{
	static const char *const unsafe[] = {"big5", "gbk", "gb18030", "johab", "sjis", "shift_jis_2004", "uhc"};
	const char *at = s->head, *end = s->head + s->head_len;
	if (!pgitem_words(&at, end, "SET"))
		return 0;
	bool strings = pgitem_words(&at, end, "standard_conforming_strings");
	if (!strings && !pgitem_words(&at, end, "client_encoding"))
		return 0;
	while (at < end && (pgitem_space(*at) || *at == '=' || *at == '\''))
		at++;
	pgitem_words(&at, end, "TO");
	while (at < end && (pgitem_space(*at) || *at == '\''))
		at++;
	size_t len = 0;
	while (at + len < end && pgitem_in_word(at[len]))
		len++;
	if (strings)
		s->lex.backslashes = len == 3 && !strncasecmp(at, "off", 3);
	for (size_t i = 0; !strings && i < sizeof unsafe / sizeof *unsafe; i++)
		if (len == strlen(unsafe[i]) && !strncasecmp(at, unsafe[i], len))
			return bad(s, "the encoding of the dump is not one that a server can have: make it with -E UTF8");
	return 0;
}

/* The item has ended, or all of it but the rows; its bytes are flushed. */
static int
close_item(struct pgscript *s)
{
	if (!s->judged && judge(s, true) < 0)
		return -1;
	if (s->lex.open)
		return 0;
	if (s->lex.kind == PGITEM_STATEMENT && look_at_set(s) < 0)
		return -1;
	s->open = false;
	s->pass = true;
	return 0;
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
		size_t n = pglex_skip(&s->lex, data + i, len - i);
		if (n) {
			if (!pglex_rows(&s->lex))
				count_lines(s, data + i, n);
			i += n;
			continue;
		}
		int what = pglex_step(&s->lex, data[i]);
		if (what < 0)
			return bad(s, s->lex.fault);
		if (what & PGLEX_BEGINS) { /* what lies before it is not its own */
			if (emit(s, data + from, i - from) < 0)
				return -1;
			from = i;
			open_item(s);
		}
		if (data[i++] == '\n')
			s->line++;
		/* what has been judged can only be told from what is judged later if it is gone by then */
		if (what & PGLEX_ENDS) {
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
	if (pglex_end(&s->lex))
		return s->open ? close_item(s) : 0;
	warnx("%s:%zu: the file ends in the middle of what begins here", s->name, s->first_line);
	return -1;
}
