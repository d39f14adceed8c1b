/* myscript.c - the scripts that mariadb-dump and mysqldump write. The rules of splitting are those of
 * add_line() in the client's mysql.cc. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "myhead.h"

enum {
	LOOK = 64,         /* so many bytes are seen ahead: the longest delimiter, or the start of a comment */
	WINDOW = 1 << 16,  /* of the input */
};

struct my_state {
	char in[WINDOW + LOOK];
	size_t have;
	enum { CODE, STRING, COMMENT, LINE } where;
	char quote;       /* that ends the string */
	bool within;      /* a statement has begun */
	bool heading;     /* and is still being collected */
	struct myhead head;
	uintmax_t length; /* of the statement so far */
	char delimiter[LOOK / 4];
};

static int
fault(struct myscript *m, const char *why)
{
	m->fault = why;
	return -1;
}

static int
emit(struct myscript *m, const void *data, size_t len)
{
	return m->out && len ? m->out(m->arg, data, len) : 0;
}

/* So that the client's line numbers are those of the script. */
static int
emit_lines(struct myscript *m, const void *data, size_t len)
{
	const char *p = data, *end = p + len;
	while (m->out && (p = memchr(p, '\n', (size_t)(end - p)))) {
		if (emit(m, "\n", 1) < 0)
			return -1;
		p++;
	}
	return 0;
}

/* The statement has begun and will not be looked at any further. */
static int
flush_head(struct myscript *m, bool whole)
{
	struct my_state *s = m->s;
	if (!s->heading)
		return 0;
	s->heading = false;
	m->fault = myhead_judge(&s->head, m);
	if (m->fault)
		return -1;
	if (!s->head.skip)
		return emit(m, s->head.text, s->head.len);
	return whole ? emit_lines(m, s->head.text, s->head.len) : fault(m, "a statement that must be left out is too long");
}

/* The next len bytes of the statement: how many they are, -1. */
static ssize_t
pass(struct myscript *m, const char *data, size_t len)
{
	struct my_state *s = m->s;
	struct myhead *h = &s->head;
	s->length += len;
	if (s->heading && h->len + len <= sizeof h->text) {
		memcpy(h->text + h->len, data, len);
		h->len += len;
		return (ssize_t)len;
	}
	return flush_head(m, false) < 0 || emit(m, data, len) < 0 ? -1 : (ssize_t)len;
}

static void
begin_statement(struct my_state *s, char first)
{
	s->within = true;
	s->heading = !memchr("IiRr", first, 4); /* INSERT and REPLACE are most of any dump, and none of our business */
	s->length = s->head.len = 0;
	s->head.skip = false;
}

/* With what follows it. */
static int
end_statement(struct myscript *m)
{
	struct my_state *s = m->s;
	size_t len = strlen(s->delimiter);
	if (flush_head(m, true) < 0)
		return -1;
	if (s->length > m->longest)
		m->longest = s->length;
	char *after = s->head.after;
	s->head.after = NULL;
	s->within = false;
	int rc = s->head.skip ? 0 : emit(m, s->delimiter, len);
	if (rc == 0 && after)
		rc = emit(m, after, strlen(after)) < 0 ? -1 : emit(m, s->delimiter, len);
	free(after);
	return rc;
}

static ssize_t
in_code(struct myscript *m, const char *p, const char *end)
{
	struct my_state *s = m->s;
	const char d = *s->delimiter, *q = p;
	while (q < end && *q != d && *q != '\'' && *q != '"' && *q != '`' && *q != '\\' && *q != '#' && *q != '-' && *q != '/')
		q++;
	if (q > p)
		return pass(m, p, (size_t)(q - p));
	if (mylex_starts(p, end, s->delimiter))
		return end_statement(m) < 0 ? -1 : (ssize_t)strlen(s->delimiter);
	switch (*p) {
	case '\\':
		if (mylex_starts(p, end, "\\N")) /* NULL */
			return pass(m, p, 2);
		return fault(m, "it holds a command for the client, which no dump does");
	case '#':
		s->where = LINE;
		break;
	case '-':
		if (mylex_dashes(p, end))
			s->where = LINE;
		break;
	case '/':
		if (mylex_starts(p, end, "/*") && !mylex_executed(p, end)) {
			s->where = COMMENT;
			return pass(m, p, 2);
		}
		break;
	case '\'': case '"': case '`':
		s->where = STRING;
		s->quote = *p;
	}
	return pass(m, p, 1);
}

static ssize_t
in_string(struct myscript *m, const char *p, const char *end)
{
	struct my_state *s = m->s;
	const char quote = s->quote, *q = p;
	bool escapes = mymode_escapes(&s->head.mode, quote);
	while (q < end && *q != quote && (*q != '\\' || !escapes))
		q++;
	if (q > p)
		return pass(m, p, (size_t)(q - p));
	if (*p == quote) {
		s->where = CODE; /* of a doubled one, too: the second begins it again */
		return pass(m, p, 1);
	}
	return pass(m, p, end - p > 1 ? 2 : 1);
}

/* A comment within a statement; between them it is left out. */
static ssize_t
in_comment(struct myscript *m, const char *p, const char *end)
{
	struct my_state *s = m->s;
	const char stop = s->where == LINE ? '\n' : '*';
	const char *q = memchr(p, stop, (size_t)(end - p));
	size_t len = q ? (size_t)(q - p) : (size_t)(end - p);
	if (len == 0) {
		len = 1;
		if (stop == '\n' || mylex_starts(p, end, "*/")) {
			len = stop == '\n' ? 1 : 2;
			s->where = CODE;
		}
	}
	if (s->within)
		return pass(m, p, len);
	return emit_lines(m, p, len) < 0 ? -1 : (ssize_t)len;
}

/* Nothing that begins something else. */
static bool
is_delimiter(const char *word, size_t len)
{
	static const char wrong[] = "'\"`\\#";
	for (size_t i = 0; i < len; i++)
		if (!word[i] || strchr(wrong, word[i]))
			return false;
	return len > 0 && len < sizeof ((struct my_state *)0)->delimiter && *word != '-' && !mylex_starts(word, word + len, "/*");
}

/* DELIMITER ;; for the client itself. Returns 0 if it is none. The rest of its line is left out. */
static ssize_t
set_delimiter(struct myscript *m, const char *p, const char *end)
{
	struct my_state *s = m->s;
	const char *to = end - p > LOOK ? p + LOOK : end;
	if (to - p < 10 || strncasecmp(p, "DELIMITER", 9) || (p[9] != ' ' && p[9] != '\t'))
		return 0;
	const char *word = p + 9;
	while (word < to && (*word == ' ' || *word == '\t'))
		word++;
	size_t len = 0;
	while (word + len < to && !isspace((unsigned char)word[len]))
		len++;
	if (!is_delimiter(word, len))
		return fault(m, "a DELIMITER that no dump has");
	memcpy(s->delimiter, word, len);
	s->delimiter[len] = '\0';
	s->where = LINE;
	return emit(m, p, (size_t)(word + len - p)) < 0 ? -1 : word + len - p;
}

/* Between statements: returns how many bytes were dealt with, 0 where one begins, -1. */
static ssize_t
between(struct myscript *m, const char *p, const char *end)
{
	static const char *const sandbox[] = {"/*!999999\\-", "/*M!999999\\-"};
	struct my_state *s = m->s;
	if (isspace((unsigned char)*p))
		return emit(m, p, 1) < 0 ? -1 : 1;
	if (mylex_starts(p, end, "--") || *p == '#' || mylex_starts(p, end, sandbox[0]) || mylex_starts(p, end, sandbox[1])) {
		s->where = LINE;
		return 1;
	}
	if (mylex_starts(p, end, "/*") && !mylex_executed(p, end)) {
		s->where = COMMENT;
		return 2;
	}
	if (mylex_starts(p, end, s->delimiter)) /* an empty statement */
		return (ssize_t)strlen(s->delimiter);
	return set_delimiter(m, p, end);
}

static ssize_t
step(struct myscript *m, const char *p, const char *end)
{
	struct my_state *s = m->s;
	if (s->where == CODE && !s->within) {
		ssize_t n = between(m, p, end);
		if (n)
			return n;
		begin_statement(s, *p);
	}
	switch (s->where) {
	case STRING:
		return in_string(m, p, end);
	case COMMENT: case LINE:
		return in_comment(m, p, end);
	default:
		return in_code(m, p, end);
	}
}

/* All of the window but what needs to be seen together with what comes next. */
static int
run(struct myscript *m, bool last)
{
	struct my_state *s = m->s;
	size_t done = 0;
	while (done < s->have && (last || s->have - done >= LOOK)) {
		ssize_t n = step(m, s->in + done, s->in + s->have);
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	memmove(s->in, s->in + done, s->have - done);
	s->have -= done;
	return 0;
}

void
myscript_begin(struct myscript *m)
{
	m->s = xcalloc(1, sizeof *m->s);
	m->s->delimiter[0] = ';';
	m->longest = m->read = 0;
	m->fault = NULL;
}

int
myscript_add(struct myscript *m, const void *data, size_t len)
{
	struct my_state *s = m->s;
	const char *from = data;
	m->read += len;
	while (len) {
		size_t n = sizeof s->in - s->have < len ? sizeof s->in - s->have : len;
		memcpy(s->in + s->have, from, n);
		s->have += n;
		from += n;
		len -= n;
		if (run(m, false) < 0)
			return -1;
	}
	return 0;
}

int
myscript_end(struct myscript *m)
{
	int rc = m->fault ? -1 : run(m, true);
	if (rc == 0 && (m->s->within || m->s->where == STRING || m->s->where == COMMENT))
		rc = fault(m, "it ends within a statement");
	free(m->s->head.sequences);
	free(m->s->head.after);
	free(m->s);
	m->s = NULL;
	return rc;
}
