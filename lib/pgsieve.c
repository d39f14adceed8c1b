/* pgsieve.c - what of a dump does not pass to the server. */
#include <stdlib.h>
#include <string.h>

#include "pgsieve.h"

/* The name that comes after these words is one of names. */
static bool
names_one_of(const struct pgitem *item, const char *words, const struct names *names)
{
	char *name = pgitem_after(item, words);
	bool found = name && names_have(names, name);
	free(name);
	return found;
}

/* A parameter that the server does not have, or that would undo what we have set. */
static bool
is_unwanted_set(const struct pgreplay *r, const struct pgitem *item)
{
	const char *at = item->text, *end = item->text + item->len, *next;
	if (!pgitem_words(&at, end, "SET"))
		return false;
	char *name = pgitem_name(&at, end);
	while (at < end && *at == ' ')
		at++;
	next = at;
	bool assigns = name && at < end && (*at == '=' || pgitem_words(&next, end, "TO"));
	bool drop = assigns && (!strcmp(name, "lock_timeout") || !strcmp(name, "statement_timeout") ||
		!names_have(&r->facts->settings, name));
	free(name);
	return drop;
}

/* GRANT ... ON SCHEMA name, REVOKE likewise; COMMENT ON SCHEMA and ALTER SCHEMA: only its owner may. */
static bool
is_on_schema_of_others(const struct pgreplay *r, const struct pgitem *item)
{
	const struct names *theirs = &r->facts->theirs;
	if (names_one_of(item, "COMMENT ON SCHEMA", theirs) || names_one_of(item, "ALTER SCHEMA", theirs))
		return true;
	if (!pgitem_is(item, "GRANT") && !pgitem_is(item, "REVOKE"))
		return false;
	const char *on = memmem(item->text, item->len, " ON SCHEMA ", 11);
	const struct pgitem part = {.kind = PGITEM_STATEMENT, .text = on, .len = on ? item->len - (size_t)(on - item->text) : 0};
	return on && names_one_of(&part, "ON SCHEMA", theirs);
}

static bool
is_left_out_of_database(const struct pgreplay *r, const struct pgitem *item)
{
	if (pgitem_is(item, "COMMENT ON EXTENSION") || pgitem_is(item, "ALTER DEFAULT PRIVILEGES"))
		return true;
	if (r->whole && pgitem_transaction(item))
		return true;
	return r->emptied && (names_one_of(item, "CREATE SCHEMA", &r->facts->keep) || is_on_schema_of_others(r, item));
}

/* The password of the role that replays changes last. */
static bool
is_left_out_of_cluster(const struct pgreplay *r, const struct pgitem *item, FILE *last)
{
	char *altered = pgitem_after(item, "ALTER ROLE");
	bool mine = altered && !strcmp(altered, r->self) && memmem(item->text, item->len, " WITH ", 6);
	free(altered);
	if (mine) {
		fwrite(item->text, 1, item->len, last);
		putc('\n', last);
	}
	return mine || names_one_of(item, "CREATE ROLE", &r->facts->staying) ||
	       names_one_of(item, "CREATE USER", &r->facts->staying);
}

bool
pgsieve(const struct pgreplay *r, const struct pgitem *item, FILE *last)
{
	if (item->kind == PGITEM_COMMENT)
		return true; /* nobody reads them */
	if (item->kind == PGITEM_META)
		return (r->go_on || !r->facts->restricts) && (pgitem_meta(item, "\\restrict") || pgitem_meta(item, "\\unrestrict"));
	if (is_unwanted_set(r, item))
		return true;
	return r->census->kind == DUMP_CLUSTER ? is_left_out_of_cluster(r, item, last) : is_left_out_of_database(r, item);
}
