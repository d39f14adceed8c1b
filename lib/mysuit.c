/* mysuit.c - what of a dump of MariaDB or MySQL does not suit the server and the account that replays it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mygrants.h"
#include "mysuit.h"
#include "tell.h"

/* Position and log of a whole server are no part of a database, and take privileges. */
static bool
is_of_server(const char *variable)
{
	return !strcmp(variable, "gtid_purged") || !strcmp(variable, "sql_log_bin");
}

static bool
has_row(const char *rows, const char *name)
{
	size_t len = strlen(name);
	for (const char *s = rows; s; s = (s = strchr(s, '\n')) ? s + 1 : NULL)
		if (!strncasecmp(s, name, len) && s[len] == '\t')
			return true;
	return false;
}

/* Variables that the server does not know are not set. -1 said. */
static int
settle_variables(struct mytarget *t, struct mydump *d, bool tell)
{
	char *known;
	if (mytarget_query(t, "SHOW VARIABLES;", &known) != BD_DONE)
		return -1;
	for (size_t i = 0; i < d->variables.count; i++) {
		struct mydump_name *v = &d->variables.at[i];
		v->off = is_of_server(v->name) || !has_row(known, v->name);
		if (v->off && tell) {
			char *shown = tsv_show(v->name);
			tell_warning(is_of_server(v->name) ? "dump sets '%s', which is left out: it is the whole server's"
			                             : "dump sets '%s', which the server does not know; that is left out", shown);
			free(shown);
		}
	}
	free(known);
	return 0;
}

static bool
is_account(const struct mytarget *t, const struct mydump_name *n)
{
	size_t len = strlen(n->name);
	return n->host && !strncmp(t->account, n->name, len) && t->account[len] == '@' && !strcmp(t->account + len + 1, n->host);
}

static void
settle_definers(const struct mytarget *t, struct mydump *d, bool tell)
{
	for (size_t i = 0; i < d->definers.count; i++) {
		struct mydump_name *n = &d->definers.at[i];
		n->off = !(t->privileges & MY_MAY_SET_USER) && !is_account(t, n);
		if (!n->off || !tell)
			continue;
		char *full = n->host ? xasprintf("%s@%s", n->name, n->host) : xstrdup(n->name), *shown = tsv_show(full);
		tell_warning("DEFINER %s of %ju object%s becomes %s, which may not SET USER", shown, n->count, n->count == 1 ? "" : "s",
		    t->account);
		free(full);
		free(shown);
	}
}

int
mysuit(struct mytarget *t, struct mydump *d, bool tell)
{
	settle_definers(t, d, tell);
	return settle_variables(t, d, tell);
}
