/* mygrants.c - what SHOW GRANTS says. The tables of information_schema leave out what comes by a role. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mygrants.h"
#include "mytarget.h"
#include "text.h"

static const struct {
	const char *name;
	unsigned privilege;
} known[] = {
	{"SELECT", MY_MAY_SELECT},
	{"INSERT", MY_MAY_INSERT},
	{"DELETE", MY_MAY_DELETE},
	{"CREATE", MY_MAY_CREATE},
	{"DROP", MY_MAY_DROP},
	{"ALTER", MY_MAY_ALTER},
	{"LOCK TABLES", MY_MAY_LOCK_TABLES},
	{"CREATE VIEW", MY_MAY_CREATE_VIEW},
	{"SHOW VIEW", MY_MAY_SHOW_VIEW},
	{"TRIGGER", MY_MAY_TRIGGER},
	{"CREATE ROUTINE", MY_MAY_CREATE_ROUTINE},
	{"ALTER ROUTINE", MY_MAY_ALTER_ROUTINE},
	{"EVENT", MY_MAY_EVENT},
	{"SET USER", MY_MAY_SET_USER},
	/* MySQL's, and what served before there were such */
	{"SET_USER_ID", MY_MAY_SET_USER},
	{"SET_ANY_DEFINER", MY_MAY_SET_USER},
	{"SUPER", MY_MAY_SET_USER},
	{"ALL PRIVILEGES", MY_MAY_ALL},
};

/* A name of a database as grants have it: _ and % are wild but behind a backslash. */
static bool
matches(const char *pattern, const char *name)
{
	for (; *pattern; pattern++, name++) {
		if (*pattern == '%') {
			do
				if (matches(pattern + 1, name))
					return true;
			while (*name++);
			return false;
		}
		if (*pattern == '_' && *name)
			continue;
		if (*pattern == '\\' && pattern[1])
			pattern++;
		if (*pattern != *name)
			return false;
	}
	return !*name;
}

/* Takes the quoted name at *s into a buffer of size bytes; false: there is none, or it is too long. */
static bool
take_name(const char **s, char *name, size_t size)
{
	const char *p = *s, quote = *p;
	size_t n = 0;
	if (quote != '`' && quote != '\'' && quote != '"')
		return false;
	for (p++; *p && (*p != quote || p[1] == quote); p++) {
		p += *p == quote;
		if (n + 1 >= size)
			return false;
		name[n++] = *p;
	}
	name[n] = '\0';
	*s = p + (*p == quote);
	return true;
}

/* What stands after ON: *.*, or `database`.*; of a single table or routine it is not for us. */
static bool
covers(const char *scope, const char *database, bool *global)
{
	char pattern[512];
	*global = !strncmp(scope, "*.* ", 4);
	return *global || (take_name(&scope, pattern, sizeof pattern) && !strncmp(scope, ".* ", 3) && matches(pattern, database));
}

static unsigned
listed(const char *from, const char *to)
{
	unsigned found = 0;
	while (from < to) {
		const char *comma = memchr(from, ',', (size_t)(to - from)), *end = comma ? comma : to;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			if (strlen(known[i].name) == (size_t)(end - from) && !strncasecmp(from, known[i].name, (size_t)(end - from)))
				found |= known[i].privilege;
		from = end + (comma != NULL);
		while (from < to && *from == ' ')
			from++;
	}
	return found;
}

/* GRANT `role`@`%` TO: of MySQL, which does not say what it may. MariaDB has no host there, and lists what roles bring. */
static bool
is_role(const char *line)
{
	char role[512];
	const char *s = line + 6;
	return !strncmp(line, "GRANT ", 6) && take_name(&s, role, sizeof role) && *s == '@';
}

static void
add_line(const char *line, const char *database, unsigned *may)
{
	bool global, revoked = !strncmp(line, "REVOKE ", 7);
	const char *on = strstr(line, " ON ");
	if (is_role(line))
		*may |= MY_MAY_ALL; /* the server will tell */
	if ((!revoked && strncmp(line, "GRANT ", 6)) || !on || !covers(on + 4, database, &global))
		return;
	unsigned found = listed(line + (revoked ? 7 : 6), on);
	if (!global)
		found &= (unsigned)~MY_MAY_SET_USER;
	*may = revoked ? *may & ~found : *may | found;
}

unsigned
mygrants(const char *lines, const char *database)
{
	unsigned may = 0;
	char *copy = xstrdup(lines), *rest = copy;
	for (char *line; (line = strsep(&rest, "\n"));) {
		mytarget_unescape(line);
		add_line(line, database, &may);
	}
	explicit_bzero(copy, strlen(lines)); /* hashes of passwords */
	free(copy);
	return may;
}

char *
mygrants_names(unsigned privileges)
{
	char *text;
	size_t len;
	FILE *out = text_begin(&text, &len);
	unsigned named = 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if ((privileges & known[i].privilege) == known[i].privilege && !(named & known[i].privilege)) {
			fprintf(out, "%s%s", named ? ", " : "", known[i].name);
			named |= known[i].privilege;
		}
	text_end(out);
	return text;
}
