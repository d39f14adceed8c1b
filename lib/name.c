/* name.c - names that become a component of a path. */
#include <string.h>

#include "bd.h"

bool
is_component(const char *s)
{
	return s && *s && strcmp(s, ".") && strcmp(s, "..") && !strchr(s, '/');
}

void
check_name(const char *s, const char *what)
{
	if (!is_component(s))
		errx(BD_USAGE, "%s '%s' is not a name", what, s);
}
