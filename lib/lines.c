/* lines.c - lines out of pieces of any size, in constant memory. */
#include <stdlib.h>

#include "bd.h"
#include "lines.h"

static void
flush(struct lines *l)
{
	l->line[l->len] = '\0';
	l->len = 0;
	l->each(l->arg, l->line);
}

void
lines_feed(struct lines *l, const void *data, size_t len)
{
	for (const char *s = data, *end = s + len; s < end; s++) {
		if (*s == '\n') {
			flush(l);
			continue;
		}
		l->line[l->len++] = *s ? *s : '?';
		if (l->len == sizeof l->line - 1)
			flush(l);
	}
}

void
lines_end(struct lines *l)
{
	if (l->len)
		flush(l);
}

void
lines_say(const char *label, const char *line)
{
	char *shown = tsv_show(line);
	warnx("%s: %s", label, shown);
	free(shown);
}
