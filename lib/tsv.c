/* tsv.c - records: fields separated by TAB, ended by LF, escaped as jq's @tsv
 * does (\t \n \r \\). An absent field is "-"; no field is empty. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bd.h"

void
tsv_begin(struct tsv *t, FILE *in, const char *name)
{
	*t = (struct tsv){.in = in, .name = name};
}

int
tsv_bad(const struct tsv *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *why;
	if (vasprintf(&why, fmt, ap) < 0)
		err(BD_FATAL, "memory");
	va_end(ap);
	warnx("%s:%zu: %s", t->name, t->line, why);
	free(why);
	return -1;
}

/* Undoes the escapes of one field in place. Returns what is wrong, or NULL. */
static const char *
unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (*s != '\\') {
			*to++ = *s;
			continue;
		}
		switch (*++s) {
		case 't': *to++ = '\t'; break;
		case 'n': *to++ = '\n'; break;
		case 'r': *to++ = '\r'; break;
		case '\\': *to++ = '\\'; break;
		default: return "unknown escape";
		}
	}
	*to = '\0';
	return NULL;
}

int
tsv_read(struct tsv *t, size_t columns)
{
	errno = 0;
	ssize_t got = getline(&t->buf, &t->cap, t->in);
	if (got < 0) {
		if (feof(t->in) && !ferror(t->in))
			return 0;
		warn("%s", t->name);
		return -1;
	}
	t->line++;
	size_t len = (size_t)got;
	if (t->buf[len - 1] != '\n')
		return tsv_bad(t, "the last line has no end");
	t->buf[--len] = '\0';
	if (strlen(t->buf) != len)
		return tsv_bad(t, "NUL byte");
	t->fields = 0;
	for (char *s = t->buf, *next; s; s = next) {
		if ((next = strchr(s, '\t')))
			*next++ = '\0';
		if (t->fields == t->room) {
			t->room = t->room ? 2 * t->room : 16;
			t->field = xrealloc(t->field, t->room, sizeof *t->field);
		}
		if (!*s)
			return tsv_bad(t, "field %zu is empty", t->fields + 1);
		bool absent = !strcmp(s, "-");
		const char *wrong = unescape(s);
		if (wrong)
			return tsv_bad(t, "field %zu: %s", t->fields + 1, wrong);
		t->field[t->fields++] = absent ? NULL : s;
	}
	if (t->fields != columns)
		return tsv_bad(t, "%zu fields, expected %zu", t->fields, columns);
	return 1;
}

void
tsv_end(struct tsv *t)
{
	free(t->buf);
	free(t->field);
	*t = (struct tsv){0};
}

bool
field_is(const char *field, const char *text)
{
	return field && !strcmp(field, text);
}

bool
field_in(const char *field, const char *words)
{
	size_t len = field ? strlen(field) : 0;
	for (const char *s = words; len && s && *s; s += strspn(s, " ")) {
		size_t word = strcspn(s, " ");
		if (word == len && !memcmp(s, field, len))
			return true;
		s += word;
	}
	return false;
}

char *
tsv_escape(const char *s)
{
	char *out = xcalloc(2 * strlen(s) + 1, 1), *to = out;
	for (; *s; s++) {
		static const char from[] = "\t\n\r\\", code[] = "tnr\\";
		const char *c = strchr(from, *s);
		if (c) {
			*to++ = '\\';
			*to++ = code[c - from];
		} else
			*to++ = *s;
	}
	return out;
}

char *
tsv_show(const char *s)
{
	char *out = tsv_escape(s);
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return out;
}

int
tsv_write(FILE *out, const char *const field[], size_t fields)
{
	for (size_t i = 0; i < fields; i++)
		if (field[i] && (!*field[i] || !strcmp(field[i], "-"))) {
			warnx("field %zu of a record would be '%s', which no record can hold", i + 1, field[i]);
			return -1;
		}
	for (size_t i = 0; i < fields; i++) {
		char *text = field[i] ? tsv_escape(field[i]) : xstrdup("-");
		fputs(text, out);
		putc(i + 1 < fields ? '\t' : '\n', out);
		free(text);
	}
	return 0;
}

struct tsv_num
tsv_num(uintmax_t n)
{
	struct tsv_num s;
	snprintf(s.text, sizeof s.text, "%ju", n);
	return s;
}

struct tsv_num
tsv_seconds(uintmax_t ms)
{
	struct tsv_num s;
	snprintf(s.text, sizeof s.text, "%ju.%03ju", ms / 1000, ms % 1000);
	return s;
}
