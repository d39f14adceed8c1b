/* names.h - a set of names. */
#ifndef BD_NAMES_H
#define BD_NAMES_H

#include "bd.h"

struct names {
	char **name;
	size_t count, room;
};
void names_add(struct names *n, const char *name); /* a copy, unless it is there */
bool names_have(const struct names *n, const char *name);
char *names_show(const struct names *n); /* for a message: the first of them, and how many more; to be freed */
void names_free(struct names *n);

#endif
