/* mylex.c - tokens of SQL as mariadb-dump and mysqldump write it. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "mylex.h"

bool
mymode_escapes(const struct mymode *m, char quote)
{
	return !m->no_escapes && quote != '`' && !(quote == '"' && m->ansi);
}

bool
mylex_in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

bool
mylex_starts(const char *at, const char *end, const char *text)
{
	size_t len = strlen(text);
	return (size_t)(end - at) >= len && !memcmp(at, text, len);
}

bool
mylex_executed(const char *at, const char *end)
{
	return mylex_starts(at, end, "/*!") || mylex_starts(at, end, "/*M!");
}

bool
mylex_dashes(const char *at, const char *end)
{
	return mylex_starts(at, end, "--") && (end - at == 2 || isspace((unsigned char)at[2]));
}

static void
skip_blank(struct mylex *l)
{
	const char *p = l->at, *to;
	for (;;)
		if (p < l->end && isspace((unsigned char)*p))
			p++;
		else if (mylex_executed(p, l->end)) {
			p += p[2] == 'M' ? 4 : 3;
			while (p < l->end && isdigit((unsigned char)*p))
				p++;
		} else if (mylex_starts(p, l->end, "/*")) {
			to = memmem(p + 2, (size_t)(l->end - p - 2), "*/", 2);
			p = to ? to + 2 : l->end;
		} else if (mylex_starts(p, l->end, "*/"))
			p += 2;
		else if (p < l->end && (*p == '#' || mylex_dashes(p, l->end))) {
			to = memchr(p, '\n', (size_t)(l->end - p));
			p = to ? to + 1 : l->end;
		} else
			break;
	l->at = p;
}

static void
take_quoted(struct mylex *l)
{
	char quote = *l->at++;
	bool escapes = mymode_escapes(&l->mode, quote);
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

static void
take_word(struct mylex *l)
{
	size_t n = 0;
	for (; l->at < l->end && mylex_in_word(*l->at); l->at++)
		if (n + 1 < sizeof l->text)
			l->text[n++] = *l->at;
	l->text[n] = '\0';
}

char
mylex(struct mylex *l)
{
	skip_blank(l);
	l->start = l->at;
	*l->text = '\0';
	if (l->at == l->end)
		return l->kind = 0;
	if (*l->at == '\'' || *l->at == '"' || *l->at == '`') {
		take_quoted(l);
		return l->kind = 'q';
	}
	if (!mylex_in_word(*l->at))
		return l->kind = *l->at++;
	take_word(l);
	return l->kind = 'w';
}

bool
mylex_is(const struct mylex *l, const char *word)
{
	return l->kind == 'w' && !strcasecmp(l->text, word);
}

bool
mylex_named(const struct mylex *l)
{
	return l->kind == 'w' || l->kind == 'q';
}
