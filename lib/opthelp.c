/* opthelp.c - the usage line and the help text, wrapped for 80 columns. */
#include <stdlib.h>
#include <string.h>

#include "options.h"

enum { WIDTH = 79, HELP_AT = 24 };

/* Columns on a terminal: bytes that begin a character. */
static size_t
columns(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

/* Writes a word, *at being the column so far: after a blank, or below the indent
 * if it would not fit. */
static void
put(FILE *out, size_t *at, size_t indent, const char *s)
{
	size_t wide = columns(s);
	if (*at > indent && *at + 1 + wide > WIDTH) {
		putc('\n', out);
		*at = 0;
	} else if (*at > indent)
		*at += (size_t)fprintf(out, " ");
	while (*at < indent)
		*at += (size_t)fprintf(out, " ");
	fputs(s, out);
	*at += wide;
}

/* Writes text word by word. */
static void
put_text(FILE *out, size_t *at, size_t indent, const char *s)
{
	char *copy = xstrdup(s), *rest = copy;
	for (char *word; (word = strsep(&rest, " \t"));)
		if (*word)
			put(out, at, indent, word);
	free(copy);
}

/* What follows the option's name: "DIR", "[NAME ...]", nothing. */
static char *
arguments(const struct opt *p)
{
	const char *m = p->metavar;
	switch (p->kind) {
	case OPT_FLAG:
	case OPT_ALONE: return xstrdup("");
	case OPT_LIST0: return xasprintf(" [%s ...]", m);
	case OPT_LIST1: return xasprintf(" %s [%s ...]", m, m);
	default: return options_choices(p) ? xasprintf(" {%s}", m) : xasprintf(" %s", m);
	}
}

void
options_usage(const struct options *o, FILE *out)
{
	size_t at = (size_t)fprintf(out, "usage: %s", o->program), indent = at + 1;
	for (int operands = 0; operands <= 1; operands++)
		for (const struct opt *p = o->opt; p < o->opt + o->count; p++) {
			if ((p->kind == OPT_OPERAND) != operands)
				continue;
			char *label = options_label(p, "/"), *args = arguments(p);
			label[strcspn(label, "/")] = '\0'; /* one name will do */
			const char *name = operands ? "" : label, *value = operands ? args + 1 : args;
			char *word = xasprintf(p->required ? "%s%s" : "[%s%s]", name, value);
			put(out, &at, indent, word);
			free(label);
			free(args);
			free(word);
		}
	putc('\n', out);
}

static void
help_for(const struct opt *p, FILE *out)
{
	size_t at = 0;
	char *args = arguments(p), *label = options_label(p, ", ");
	if (p->kind != OPT_OPERAND)
		put_text(out, &at, 2, label);
	put_text(out, &at, 2, args);
	if (at + 2 > HELP_AT) {
		putc('\n', out);
		at = 0;
	}
	while (at < HELP_AT)
		at += (size_t)fprintf(out, " ");
	put_text(out, &at, HELP_AT, p->help);
	putc('\n', out);
	free(args);
	free(label);
}

void
options_help(const struct options *o, FILE *out)
{
	size_t at = 0;
	options_usage(o, out);
	putc('\n', out);
	put_text(out, &at, 0, o->about);
	putc('\n', out);
	for (int operands = 1; operands >= 0; operands--) {
		const char *title = operands ? "\noperands:\n" : "\noptions:\n";
		for (const struct opt *p = o->opt; p < o->opt + o->count; p++)
			if ((p->kind == OPT_OPERAND) == operands) {
				fputs(title, out);
				title = "";
				help_for(p, out);
			}
	}
	if (o->notes)
		putc('\n', out);
	for (size_t i = 0; i < o->notes; i++)
		fprintf(out, "%s\n", o->note[i]);
}
