/* myscript.c - the scripts that mariadb-dump and mysqldump write. The rules of splitting are those of
 * add_line() in the client's mysql.cc. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "myscript.h"

enum {
	LOOK = 64,         /* so many bytes are seen ahead: the longest delimiter, or the start of a comment */
	WINDOW = 1 << 16,  /* of the input */
	HEAD = 1 << 16,    /* of a statement that is looked at */
	NAME = 512,        /* bytes of a name: 64 characters, each of them quoted */
	WORDS = 32,        /* before what CREATE creates */
};

enum where { CODE, STRING, COMMENT, LINE };

struct my_state {
	unsigned char in[WINDOW + LOOK];
	size_t have;
	char head[HEAD];
	size_t head_len;
	bool heading; /* the statement is still being collected */
	bool within;  /* a statement has begun */
	enum where where;
	unsigned char quote; /* that ends the string */
	uintmax_t length;    /* of the statement so far */
	char delimiter[LOOK / 4];
	size_t delimiter_len;
	bool no_escapes, ansi; /* of SQL_MODE */
	bool deletes;          /* the table created last has an engine that knows DELETE */
	enum my_verdict verdict;
	char *sequences; /* of the table created last: ", `a` WRITE"...; to be freed */
	char *after;     /* what follows the statement; to be freed */
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

/* Tokens of the beginning of a statement. */
struct lexer {
	const char *at, *end;
	const char *start; /* of the token */
	char kind;         /* 'w' word, 'q' quoted, 0 at the end, else the character itself */
	char text[NAME];   /* of a word or what is quoted, cut to fit */
	bool no_escapes, ansi;
};

static bool
is_word(unsigned char c)
{
	return isalnum(c) || c == '_' || c == '$' || c >= 0x80;
}

static bool
starts(const char *at, const char *end, const char *text)
{
	size_t len = strlen(text);
	return (size_t)(end - at) >= len && !memcmp(at, text, len);
}

static bool
executed(const char *at, const char *end)
{
	return starts(at, end, "/*!") || starts(at, end, "/*M!");
}

static bool
dashes(const char *at, const char *end)
{
	return starts(at, end, "--") && (end - at == 2 || isspace((unsigned char)at[2]));
}

/* Over blanks, comments, and the marks around what is executed. */
static void
lex_blank(struct lexer *l)
{
	const char *p = l->at, *to;
	for (;;)
		if (p < l->end && isspace((unsigned char)*p))
			p++;
		else if (executed(p, l->end)) {
			p += p[2] == 'M' ? 4 : 3;
			while (p < l->end && isdigit((unsigned char)*p))
				p++;
		} else if (starts(p, l->end, "/*")) {
			to = memmem(p + 2, (size_t)(l->end - p - 2), "*/", 2);
			p = to ? to + 2 : l->end;
		} else if (starts(p, l->end, "*/"))
			p += 2;
		else if (p < l->end && (*p == '#' || dashes(p, l->end))) {
			to = memchr(p, '\n', (size_t)(l->end - p));
			p = to ? to + 1 : l->end;
		} else
			break;
	l->at = p;
}

static void
lex_quoted(struct lexer *l)
{
	char quote = *l->at++;
	bool escapes = !l->no_escapes && quote != '`' && !(quote == '"' && l->ansi);
	size_t n = 0;
	while (l->at < l->end) {
		char c = *l->at++;
		if (c == quote) {
			if (l->at == l->end || *l->at != quote)
				break;
			l->at++;
		} else if (c == '\\' && escapes && l->at < l->end)
			c = *l->at++;
		if (n + 1 < sizeof l->text)
			l->text[n++] = c;
	}
	l->text[n] = '\0';
}

static char
lex(struct lexer *l)
{
	lex_blank(l);
	l->start = l->at;
	*l->text = '\0';
	if (l->at == l->end)
		return l->kind = 0;
	if (*l->at == '\'' || *l->at == '"' || *l->at == '`') {
		lex_quoted(l);
		return l->kind = 'q';
	}
	if (!is_word((unsigned char)*l->at))
		return l->kind = *l->at++;
	size_t n = 0;
	for (; l->at < l->end && is_word((unsigned char)*l->at); l->at++)
		if (n + 1 < sizeof l->text)
			l->text[n++] = *l->at;
	l->text[n] = '\0';
	return l->kind = 'w';
}

static bool
is(const struct lexer *l, const char *word)
{
	return l->kind == 'w' && !strcasecmp(l->text, word);
}

static enum my_verdict
ask(struct myscript *m, enum my_kind kind, const char *name, const char *host)
{
	struct my_item i = {.kind = kind, .name = name, .host = host};
	return m->judge ? m->judge(m->arg, &i) : MY_PASS;
}

/* USE, or what follows CREATE DATABASE, up to the name. */
static void
judge_database(struct myscript *m, struct lexer *l)
{
	while (lex(l) == 'w' && (is(l, "IF") || is(l, "NOT") || is(l, "EXISTS")))
		;
	if (l->kind == 'w' || l->kind == 'q')
		m->s->verdict = ask(m, MY_DATABASE, l->text, NULL);
}

static bool
has_mode(const char *modes, const char *const names[])
{
	for (size_t i = 0; names[i]; i++)
		if (strcasestr(modes, names[i]))
			return true;
	return false;
}

/* The modes that include ANSI_QUOTES are those of sql_mode_expand() in the server. What is put back from a variable
 * is what the script began with, which has neither. */
static void
note_mode(struct my_state *s, const char *modes)
{
	static const char *const escapes[] = {"NO_BACKSLASH_ESCAPES", NULL},
		*const quotes[] = {"ANSI", "ORACLE", "MSSQL", "POSTGRESQL", "DB2", "MAXDB", NULL};
	s->no_escapes = has_mode(modes, escapes);
	s->ansi = has_mode(modes, quotes);
}

static void
judge_variable(struct myscript *m, const char *name)
{
	char lower[NAME];
	size_t n = 0;
	for (; name[n] && n + 1 < sizeof lower; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	lower[n] = '\0';
	struct my_item i = {.kind = MY_SET, .name = lower};
	if (m->judge && m->judge(m->arg, &i) == MY_SKIP)
		m->s->verdict = MY_SKIP;
}

/* After @@, or where a name is assigned to: [GLOBAL|SESSION|LOCAL] [.] NAME, with the name in l->text. */
static void
lex_scope(struct lexer *l)
{
	if (!is(l, "GLOBAL") && !is(l, "SESSION") && !is(l, "LOCAL"))
		return;
	if (lex(l) == '.')
		lex(l);
}

/* SET a = 1, @b = @@c, GLOBAL d = 'e' */
static void
judge_set(struct myscript *m, struct lexer *l)
{
	bool left = true;
	for (lex(l); l->kind; lex(l)) {
		if (l->kind == ',')
			left = true;
		else if (l->kind == '@' && l->at < l->end && *l->at == '@') {
			lex(l);
			lex(l);
			lex_scope(l);
			if (l->kind == 'w' || l->kind == 'q')
				judge_variable(m, l->text);
			left = false; /* @@a = 1 has been judged, too */
		} else if (l->kind == '@') {
			lex(l);
			left = false;
		} else if (left && (l->kind == 'w' || l->kind == 'q')) {
			char name[NAME];
			lex_scope(l);
			memcpy(name, l->text, sizeof name);
			struct lexer next = *l;
			if (lex(&next) == ':')
				lex(&next);
			left = false;
			if (next.kind != '=')
				continue; /* SET NAMES */
			judge_variable(m, name);
			if (!strcasecmp(name, "sql_mode")) {
				lex(&next);
				note_mode(m->s, next.kind == 'q' || next.kind == 'w' ? next.text : "");
			}
		}
	}
}

/* The bytes of the head, and the lexer goes on behind what takes their place. -1: the head is full. */
static int
replace(struct my_state *s, struct lexer *l, const char *start, const char *end, const char *text)
{
	size_t len = strlen(text), from = (size_t)(start - s->head), to = (size_t)(end - s->head);
	if (s->head_len - (to - from) + len > HEAD)
		return -1;
	memmove(s->head + from + len, s->head + to, s->head_len - to);
	memcpy(s->head + from, text, len);
	s->head_len = s->head_len - (to - from) + len;
	l->at = s->head + from + len;
	l->end = s->head + s->head_len;
	return 0;
}

/* What stands after DEFINER =. */
static int
judge_definer(struct myscript *m, struct lexer *l)
{
	char user[NAME];
	lex(l);
	const char *from = l->start;
	if ((l->kind != 'w' && l->kind != 'q') || is(l, "CURRENT_USER") || is(l, "CURRENT_ROLE"))
		return 0;
	memcpy(user, l->text, sizeof user);
	struct lexer next = *l;
	bool host = lex(&next) == '@' && (lex(&next) == 'q' || next.kind == 'w');
	while (host && next.kind == 'w' && next.at < next.end && strchr(".-%", *next.at)) { /* localhost.localdomain, bare */
		next.at++;
		while (next.at < next.end && is_word((unsigned char)*next.at))
			next.at++;
	}
	if (host)
		*l = next;
	enum my_verdict v = ask(m, MY_DEFINER, user, host ? l->text : NULL);
	if (v == MY_SKIP)
		m->s->verdict = v;
	if (v != MY_MINE)
		return 0;
	bool apart = l->at == l->end || !is_word((unsigned char)*l->at);
	if (replace(m->s, l, from, l->at, apart ? "CURRENT_USER" : "CURRENT_USER ") < 0)
		return fault(m, "a definer cannot be replaced: the statement is too long");
	return 0;
}

/* A table's engine stands behind its columns; a comment of a column that looks like it does no harm. */
static bool
knows_delete(const struct my_state *s)
{
	static const char *const engine[] = {") ENGINE=InnoDB", ") ENGINE=MyISAM", ") ENGINE=Aria"};
	for (size_t i = 0; i < sizeof engine / sizeof *engine; i++)
		if (memmem(s->head, s->head_len, engine[i], strlen(engine[i])))
			return true;
	return false;
}

/* After NEXTVAL: ( [`database` .] `sequence` ) */
static void
note_sequence(struct myscript *m, struct lexer *l)
{
	struct my_state *s = m->s;
	struct lexer first = *l;
	if (lex(&first) != '(' || (lex(&first) != 'q' && first.kind != 'w'))
		return;
	struct lexer name = first, dot = first;
	if (lex(&dot) == '.') {
		name = dot;
		if (lex(&name) != 'q' && name.kind != 'w')
			return;
	}
	const char *from = first.start;
	if (from != name.start && m->database && !strcmp(first.text, m->database))
		from = name.start;
	char *lock = xasprintf(", %.*s WRITE", (int)(name.at - from), from);
	if (!s->sequences || !strstr(s->sequences, lock)) {
		char *all = xasprintf("%s%s", s->sequences ? s->sequences : "", lock);
		free(s->sequences);
		s->sequences = all;
	}
	free(lock);
	*l = name;
	if (from != first.start) {
		char *rest = xasprintf("%.*s", (int)(name.at - from), from);
		replace(s, l, first.start, name.at, rest); /* is shorter */
		free(rest);
	}
}

static void
judge_table(struct myscript *m, struct lexer *l)
{
	struct my_state *s = m->s;
	s->deletes = knows_delete(s);
	free(s->sequences);
	s->sequences = NULL;
	while (lex(l))
		if (is(l, "NEXTVAL"))
			note_sequence(m, l);
}

static int
judge_create(struct myscript *m, struct lexer *l)
{
	static const char *const things[] = {"VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE", "TABLE",
		"SEQUENCE", "SERVER", "USER", "ROLE", NULL};
	for (int n = 0; n < WORDS && lex(l); n++) {
		if (is(l, "DATABASE") || is(l, "SCHEMA")) {
			judge_database(m, l);
			return 0;
		}
		if (is(l, "DEFINER")) {
			struct lexer next = *l;
			if (lex(&next) == '=') {
				*l = next;
				if (judge_definer(m, l) < 0)
					return -1;
			}
			continue;
		}
		for (size_t i = 0; things[i]; i++)
			if (is(l, things[i])) {
				if (!strcmp(things[i], "TABLE"))
					judge_table(m, l);
				if (ask(m, MY_CREATE, things[i], NULL) == MY_SKIP)
					m->s->verdict = MY_SKIP;
				n = WORDS;
				break;
			}
	}
	return 0;
}

/* LOCK TABLES `t` WRITE */
static void
judge_lock(struct myscript *m, struct lexer *l)
{
	if (!(lex(l) == 'w' && (is(l, "TABLES") || is(l, "TABLE"))))
		return;
	if (lex(l) != 'q' && l->kind != 'w')
		return;
	struct my_item i = {.kind = MY_LOCK, .name = l->text, .emptied = m->s->deletes};
	if (m->judge && m->judge(m->arg, &i) == MY_EMPTY)
		m->s->after = xasprintf(" DELETE FROM %.*s%s", (int)(l->at - l->start), l->start, m->s->delimiter);
	m->s->deletes = false;
	if (m->s->sequences)
		replace(m->s, l, m->s->head + m->s->head_len, m->s->head + m->s->head_len, m->s->sequences);
	free(m->s->sequences);
	m->s->sequences = NULL;
}

/* Decides what becomes of the statement that begins with the head. */
static int
judge(struct myscript *m)
{
	struct my_state *s = m->s;
	struct lexer l = {.at = s->head, .end = s->head + s->head_len, .no_escapes = s->no_escapes, .ansi = s->ansi};
	s->verdict = MY_PASS;
	lex(&l);
	if (is(&l, "USE"))
		judge_database(m, &l);
	else if (is(&l, "SET"))
		judge_set(m, &l);
	else if (is(&l, "LOCK"))
		judge_lock(m, &l);
	else if (is(&l, "CREATE"))
		return judge_create(m, &l);
	else if (is(&l, "DROP")) {
		lex(&l);
		if (is(&l, "DATABASE") || is(&l, "SCHEMA"))
			judge_database(m, &l);
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
	if (judge(m) < 0)
		return -1;
	if (s->verdict != MY_SKIP)
		return emit(m, s->head, s->head_len);
	return whole ? emit_lines(m, s->head, s->head_len) : fault(m, "a statement that must be left out is too long");
}

/* The next len bytes of the statement. */
static int
pass(struct myscript *m, const unsigned char *data, size_t len)
{
	struct my_state *s = m->s;
	s->length += len;
	if (s->heading && s->head_len + len <= HEAD) {
		memcpy(s->head + s->head_len, data, len);
		s->head_len += len;
		return 0;
	}
	if (flush_head(m, false) < 0)
		return -1;
	return emit(m, data, len);
}

static int
end_statement(struct myscript *m)
{
	struct my_state *s = m->s;
	if (flush_head(m, true) < 0)
		return -1;
	if (s->length > m->longest)
		m->longest = s->length;
	int rc = 0;
	if (s->verdict != MY_SKIP)
		rc = emit(m, s->delimiter, s->delimiter_len);
	if (rc == 0 && s->after)
		rc = emit(m, s->after, strlen(s->after));
	free(s->after);
	s->after = NULL;
	s->within = s->heading = false;
	s->length = s->head_len = 0;
	return rc;
}

/* One byte, or the mark it begins; returns how many bytes it took, -1. */
static ssize_t
pass_mark(struct myscript *m, const unsigned char *p, size_t len)
{
	return pass(m, p, len) < 0 ? -1 : (ssize_t)len;
}

static ssize_t
in_code(struct myscript *m, const unsigned char *p, const unsigned char *end)
{
	struct my_state *s = m->s;
	const unsigned char *q = p;
	unsigned char d = (unsigned char)*s->delimiter;
	while (q < end && *q != d && *q != '\'' && *q != '"' && *q != '`' && *q != '\\' && *q != '#' && *q != '-' && *q != '/')
		q++;
	if (q > p)
		return pass_mark(m, p, (size_t)(q - p));
	const char *at = (const char *)p, *to = (const char *)end;
	if (starts(at, to, s->delimiter))
		return end_statement(m) < 0 ? -1 : (ssize_t)s->delimiter_len;
	switch (*p) {
	case '\\':
		if (starts(at, to, "\\N")) /* NULL */
			return pass_mark(m, p, 2);
		return fault(m, "it holds a command for the client, which no dump does");
	case '#':
		s->where = LINE;
		break;
	case '-':
		if (dashes(at, to))
			s->where = LINE;
		break;
	case '/':
		if (starts(at, to, "/*") && !executed(at, to)) {
			s->where = COMMENT;
			return pass_mark(m, p, 2);
		}
		break;
	case '\'': case '"': case '`':
		s->where = STRING;
		s->quote = *p;
	}
	return pass_mark(m, p, 1);
}

static ssize_t
in_string(struct myscript *m, const unsigned char *p, const unsigned char *end)
{
	struct my_state *s = m->s;
	const unsigned char quote = s->quote, *q = p;
	bool escapes = !s->no_escapes && quote != '`' && !(quote == '"' && s->ansi);
	while (q < end && *q != quote && (*q != '\\' || !escapes))
		q++;
	if (q > p)
		return pass_mark(m, p, (size_t)(q - p));
	if (*p == quote) {
		s->where = CODE; /* of a doubled one, too: the second begins it again */
		return pass_mark(m, p, 1);
	}
	return pass_mark(m, p, end - p > 1 ? 2 : 1);
}

/* A comment within a statement; between them it is left out. */
static ssize_t
in_comment(struct myscript *m, const unsigned char *p, const unsigned char *end)
{
	struct my_state *s = m->s;
	const char stop = s->where == LINE ? '\n' : '*';
	const unsigned char *q = memchr(p, stop, (size_t)(end - p));
	size_t len = q ? (size_t)(q - p) : (size_t)(end - p);
	if (len == 0) {
		len = 1;
		if (stop == '\n' || starts((const char *)p, (const char *)end, "*/")) {
			len = stop == '\n' ? 1 : 2;
			s->where = CODE;
		}
	}
	if (s->within)
		return pass_mark(m, p, len);
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
	return len > 0 && len < sizeof ((struct my_state *)0)->delimiter && *word != '-' && !starts(word, word + len, "/*");
}

/* DELIMITER ;; for the client itself. Returns 0 if it is none. The rest of its line is left out. */
static ssize_t
set_delimiter(struct myscript *m, const unsigned char *p, const unsigned char *end)
{
	struct my_state *s = m->s;
	const char *at = (const char *)p, *to = end - p > LOOK ? at + LOOK : (const char *)end;
	if (to - at < 10 || strncasecmp(at, "DELIMITER", 9) || (at[9] != ' ' && at[9] != '\t'))
		return 0;
	const char *word = at + 9;
	while (word < to && (*word == ' ' || *word == '\t'))
		word++;
	size_t len = 0;
	while (word + len < to && !isspace((unsigned char)word[len]))
		len++;
	if (!is_delimiter(word, len))
		return fault(m, "a DELIMITER that no dump has");
	memcpy(s->delimiter, word, len);
	s->delimiter[len] = '\0';
	s->delimiter_len = len;
	s->where = LINE;
	return emit(m, at, (size_t)(word + len - at)) < 0 ? -1 : word + len - at;
}

/* Between statements: returns how many bytes were dealt with, 0 where one begins, -1. */
static ssize_t
between(struct myscript *m, const unsigned char *p, const unsigned char *end)
{
	static const char *const sandbox[] = {"/*!999999\\-", "/*M!999999\\-"};
	struct my_state *s = m->s;
	const char *at = (const char *)p, *to = (const char *)end;
	if (isspace(*p))
		return emit(m, p, 1) < 0 ? -1 : 1;
	if (starts(at, to, "--") || *p == '#') {
		s->where = LINE;
		return 1;
	}
	for (size_t i = 0; i < sizeof sandbox / sizeof *sandbox; i++)
		if (starts(at, to, sandbox[i])) {
			s->where = LINE;
			return 1;
		}
	if (starts(at, to, "/*") && !executed(at, to)) {
		s->where = COMMENT;
		return 2;
	}
	if (starts(at, to, s->delimiter)) /* an empty statement */
		return (ssize_t)s->delimiter_len;
	return set_delimiter(m, p, end);
}

static ssize_t
step(struct myscript *m, const unsigned char *p, const unsigned char *end)
{
	struct my_state *s = m->s;
	if (s->where == CODE && !s->within) {
		ssize_t n = between(m, p, end);
		if (n)
			return n;
		s->within = true;
		s->verdict = MY_PASS;
		s->heading = !memchr("IiRr", *p, 4); /* INSERT and REPLACE are most of any dump, and none of our business */
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
	m->s->delimiter_len = 1;
	m->longest = m->read = 0;
	m->fault = NULL;
}

int
myscript_add(struct myscript *m, const void *data, size_t len)
{
	struct my_state *s = m->s;
	const unsigned char *from = data;
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
	free(m->s->sequences);
	free(m->s->after);
	free(m->s);
	m->s = NULL;
	return rc;
}
