/* csv.c - rows of a file like databases.csv.
 *
 * A row is parsed from `text`, which holds what was read from the file and belongs to no row yet: nothing but the row
 * itself, or, after a quote that was never closed, the lines behind it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "utf8.h"

enum { BYTE_END = -1, BYTE_LIMIT = -2 };

void
csv_begin(struct csv *c, FILE *in, char separator)
{
	*c = (struct csv){.in = in, .separator = separator, .next = 1};
	c->text = xcalloc(CSV_MAX, 1);
	c->value = xcalloc(CSV_MAX + 2, 1); /* a field takes as much as in text; but for the last its separator is its end */
}

void
csv_end(struct csv *c)
{
	explicit_bzero(c->text, CSV_MAX); /* passwords */
	explicit_bzero(c->value, CSV_MAX + 2);
	free(c->text);
	free(c->value);
	free(c->field);
	*c = (struct csv){0};
}

/* The byte i of the row, or one of BYTE_*. */
static int
byte(struct csv *c, size_t i)
{
	if (i >= CSV_MAX)
		return BYTE_LIMIT;
	if (i == c->pending) {
		int b = getc(c->in);
		if (b == EOF)
			return BYTE_END;
		c->text[c->pending++] = (char)b;
	}
	return (unsigned char)c->text[i];
}

static bool
is_blank(int b)
{
	return b == ' ' || b == '\t';
}

/* The length of the end of the line at i: 0 if there is none, also at the end of the file. */
static size_t
line_end(struct csv *c, size_t i)
{
	int b = byte(c, i);
	return b == '\n' ? 1 : b == '\r' && byte(c, i + 1) == '\n' ? 2 : 0;
}

static bool
ends_field(struct csv *c, size_t i)
{
	int b = byte(c, i);
	return b == BYTE_END || b == (unsigned char)c->separator || line_end(c, i);
}

static const char *
no_byte(int b)
{
	return b == BYTE_END ? "a quote is not closed" : b == BYTE_LIMIT ? "it is too long, or a quote is not closed" : NULL;
}

/* Both copy a field, which begins at *i, to *to, and leave *i behind it. Returned: what is wrong with it, or NULL. */
static const char *
quoted(struct csv *c, size_t *i, char **to)
{
	for (++*i;; ++*i) {
		int b = byte(c, *i);
		if (b < 0)
			return no_byte(b);
		if (b == '"' && byte(c, ++*i) != '"')
			break;
		*(*to)++ = (char)b;
	}
	while (is_blank(byte(c, *i)))
		++*i;
	return ends_field(c, *i) ? NULL : "there is text behind a closing quote";
}

static const char *
plain(struct csv *c, size_t *i, char **to)
{
	char *begin = *to;
	for (; !ends_field(c, *i); ++*i) {
		int b = byte(c, *i);
		if (b < 0)
			return no_byte(b);
		if (b == '\r')
			return "a carriage return within the line";
		*(*to)++ = (char)b;
	}
	while (*to > begin && is_blank((*to)[-1]))
		--*to;
	return NULL;
}

static void
add(struct csv *c, char *field)
{
	if (c->fields == c->slots) {
		c->slots = c->slots ? 2 * c->slots : 8;
		c->field = xrealloc(c->field, c->slots, sizeof *c->field);
	}
	c->field[c->fields++] = field;
}

/* Parses a row; *i: its length. Returns what is wrong with it, or NULL. */
static const char *
parse(struct csv *c, size_t *i)
{
	char *to = c->value;
	c->fields = 0;
	if (c->next == 1 && byte(c, 0) == 0xef && byte(c, 1) == 0xbb && byte(c, 2) == 0xbf)
		*i = 3; /* a byte order mark */
	for (bool more = true; more; ++*i) {
		while (is_blank(byte(c, *i)))
			++*i;
		add(c, to);
		const char *wrong = byte(c, *i) == '"' ? quoted(c, i, &to) : plain(c, i, &to);
		if (wrong)
			return wrong;
		*to++ = '\0';
		more = byte(c, *i) == (unsigned char)c->separator;
		if (!more)
			break;
	}
	*i += line_end(c, *i);
	return NULL;
}

/* What is wrong with the bytes of a row of that length, or NULL. */
static const char *
check_bytes(const struct csv *c, size_t len)
{
	if (memchr(c->text, '\0', len))
		return "NUL byte";
	for (size_t f = 0; f < c->fields; f++)
		if (!is_utf8(c->field[f]))
			return "it is not UTF-8";
	return NULL;
}

/* Forgets the first n bytes. */
static void
drop(struct csv *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c->next += c->text[i] == '\n';
	c->pending -= n;
	memmove(c->text, c->text + n, c->pending);
}

static void
drop_line(struct csv *c)
{
	const char *end = memchr(c->text, '\n', c->pending);
	if (end) {
		drop(c, (size_t)(end - c->text) + 1);
		return;
	}
	drop(c, c->pending);
	for (int b; (b = getc(c->in)) != EOF;)
		if (b == '\n')
			break;
	c->next++;
}

int
csv_read(struct csv *c)
{
	for (;;) {
		size_t len = 0;
		c->line = c->next;
		errno = 0;
		c->wrong = parse(c, &len);
		if (ferror(c->in))
			return CSV_UNREADABLE;
		if (c->wrong) {
			drop_line(c);
			return CSV_MALFORMED;
		}
		c->wrong = check_bytes(c, len);
		bool nothing = !len, blank = c->fields == 1 && !*c->field[0] && !memchr(c->text, '"', len);
		drop(c, len);
		if (c->wrong)
			return CSV_MALFORMED;
		if (nothing || (blank && feof(c->in) && !c->pending))
			return CSV_END;
		if (!blank)
			return CSV_ROW;
	}
}

void
csv_write(FILE *out, const char *field, char separator)
{
	size_t len = strlen(field);
	const char special[] = {separator, '"', '\r', '\n', '\0'};
	if (len && !strpbrk(field, special) && !is_blank(field[0]) && !is_blank(field[len - 1])) {
		fputs(field, out);
		return;
	}
	if (!len)
		return;
	putc('"', out);
	for (; *field; field++) {
		if (*field == '"')
			putc('"', out);
		putc(*field, out);
	}
	putc('"', out);
}
