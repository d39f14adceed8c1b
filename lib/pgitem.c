/* pgitem.c - a statement, comment or command of psql(1) in a dump, and how its text is read. */
#include <string.h>
#include <strings.h>

#include "pgitem.h"

/* These take no part of the locale's. */
bool
pgitem_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool
pgitem_starts_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

bool
pgitem_in_word(char c)
{
	return pgitem_starts_word(c) || (c >= '0' && c <= '9') || c == '$';
}

char
pgitem_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void
skip_blank(const char **at, const char *end)
{
	while (*at < end && pgitem_space(**at))
		++*at;
}

bool
pgitem_words(const char **at, const char *end, const char *words)
{
	const char *p = *at;
	while (*words) {
		size_t len = strcspn(words, " ");
		skip_blank(&p, end);
		if ((size_t)(end - p) < len || strncasecmp(p, words, len) || (p + len < end && pgitem_in_word(p[len])))
			return false;
		p += len;
		words += len + (words[len] == ' ');
	}
	*at = p;
	return true;
}

bool
pgitem_is(const struct pgitem *item, const char *words)
{
	const char *at = item->text;
	return item->kind == PGITEM_STATEMENT && pgitem_words(&at, item->text + item->len, words);
}

bool
pgitem_transaction(const struct pgitem *item)
{
	const char *at = item->text, *end = item->text + item->len;
	if (item->kind != PGITEM_STATEMENT || (!pgitem_words(&at, end, "BEGIN") && !pgitem_words(&at, end, "COMMIT")))
		return false;
	skip_blank(&at, end);
	return item->whole && at + 1 == end && *at == ';';
}

bool
pgitem_meta(const struct pgitem *item, const char *command)
{
	size_t len = strlen(command);
	return item->kind == PGITEM_META && item->len >= len && !memcmp(item->text, command, len) &&
	       (item->len == len || pgitem_space(item->text[len]));
}

char *
pgitem_name(const char **at, const char *end)
{
	const char *p = *at;
	skip_blank(&p, end);
	if (p == end || (*p != '"' && !pgitem_starts_word(*p)))
		return NULL;
	char *name = xcalloc((size_t)(end - p) + 1, 1), *to = name;
	if (*p != '"')
		while (p < end && pgitem_in_word(*p))
			*to++ = pgitem_lower(*p++);
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

char *
pgitem_after(const struct pgitem *item, const char *words)
{
	const char *at = item->text, *end = item->text + item->len;
	return item->kind == PGITEM_STATEMENT && pgitem_words(&at, end, words) ? pgitem_name(&at, end) : NULL;
}
