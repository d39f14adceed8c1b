/* names.c - a set of names. */
#include <stdlib.h>
#include <string.h>

#include "names.h"

enum { SHOWN = 10 };

bool
names_have(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (!strcmp(n->name[i], name))
			return true;
	return false;
}

void
names_add(struct names *n, const char *name)
{
	if (names_have(n, name))
		return;
	if (n->count == n->room) {
		n->room = n->room ? 2 * n->room : 16;
		n->name = xrealloc(n->name, n->room, sizeof *n->name);
	}
	n->name[n->count++] = xstrdup(name);
}

char *
names_show(const struct names *n)
{
	char *all = xstrdup("");
	for (size_t i = 0; i < n->count && i < SHOWN; i++) {
		char *name = tsv_show(n->name[i]), *more = xasprintf("%s%s'%s'", all, i ? ", " : "", name);
		free(name);
		free(all);
		all = more;
	}
	if (n->count > SHOWN) {
		char *more = xasprintf("%s and %zu more", all, n->count - SHOWN);
		free(all);
		all = more;
	}
	return all;
}

void
names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->name[i]);
	free(n->name);
	*n = (struct names){0};
}
