/* held.c - sources opened before their containers stopped, handed down by bd-hold in
 * $BAUDOLO_HELD: volume TAB descriptor, and so on, names escaped as in records. */
#include <stdlib.h>
#include <string.h>

#include "tree.h"

int
held_find(const char *volume)
{
	const char *held = getenv("BAUDOLO_HELD");
	char *name = tsv_escape(volume);
	size_t len = strlen(name);
	int fd = HELD_NOT;
	for (const char *s = held; s && *s; s += *s == '\t') {
		bool this = !strncmp(s, name, len) && s[len] == '\t';
		s += strcspn(s, "\t");
		if (this)
			fd = atoi(s);
		s += *s == '\t';
		s += strcspn(s, "\t");
	}
	free(name);
	return fd;
}

void
held_add(const char *volume, int fd)
{
	const char *held = getenv("BAUDOLO_HELD");
	char *name = tsv_escape(volume);
	char *all = xasprintf("%s%s%s\t%d", held ? held : "", held && *held ? "\t" : "", name, fd);
	if (setenv("BAUDOLO_HELD", all, 1) < 0)
		err(BD_FATAL, "memory");
	free(all);
	free(name);
}
