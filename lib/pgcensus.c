/* pgcensus.c - all that must be known of a dump before any of it is replayed. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pgcensus.h"

/* Measured with PostgreSQL 15, where creating a table with a key, a sequence and a TOAST table takes 10 locks and one
 * more index 1, dropping them 9 and 1. */
enum { PER_TABLE = 12, PER_INDEX = 4, PER_SEQUENCE = 3, PER_OTHER = 2, PER_OBJECT = 1 };
enum { ENOUGH = 10 }; /* reasons */

static void __attribute__((format(printf, 3, 4)))
refuse(struct pgcensus *c, const struct pgitem *item, const char *fmt, ...)
{
	va_list ap;
	char *why;
	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		err(BD_FATAL, "memory");
	va_end(ap);
	warnx("%s:%zu: %s", c->name, item->line, why);
	free(why);
	c->bad++;
}

/* Adds the name that follows. */
static void
note(struct names *names, const char *at, const struct pgitem *item)
{
	char *name = pgitem_name(&at, item->text + item->len);
	if (name)
		names_add(names, name);
	free(name);
}

static bool
follow(const char **at, const struct pgitem *item, const char *words)
{
	return pgitem_words(at, item->text + item->len, words);
}

static void
count_create(struct pgcensus *c, const char *at, const struct pgitem *item)
{
	if (follow(&at, item, "TABLE") || follow(&at, item, "UNLOGGED TABLE") || follow(&at, item, "FOREIGN TABLE") ||
	    follow(&at, item, "MATERIALIZED VIEW")) {
		const char *name = at;
		c->tables++;
		c->in_public = c->in_public || (follow(&name, item, "public") && name < item->text + item->len && *name == '.');
	} else if (follow(&at, item, "INDEX") || follow(&at, item, "UNIQUE INDEX"))
		c->indexes++;
	else if (follow(&at, item, "SEQUENCE"))
		c->sequences++;
	else
		c->others++;
	if (follow(&at, item, "SCHEMA"))
		note(&c->schemas, at, item);
	else if (follow(&at, item, "EXTENSION")) {
		follow(&at, item, "IF NOT EXISTS");
		note(&c->extensions, at, item);
	} else if (follow(&at, item, "DATABASE")) {
		if (c->kind != DUMP_CLUSTER)
			refuse(c, item, "it creates a database of its own (pg_dump --create), and would not stay in the one given");
		note(&c->databases, at, item);
	} else if (c->kind == DUMP_CLUSTER && (follow(&at, item, "ROLE") || follow(&at, item, "USER")))
		note(&c->roles, at, item);
}

static void
count_alter(struct pgcensus *c, const char *at, const struct pgitem *item)
{
	if (c->kind == DUMP_CLUSTER && follow(&at, item, "ROLE")) {
		const char *rest = at;
		free(pgitem_name(&rest, item->text + item->len));
		if (follow(&rest, item, "WITH NOSUPERUSER") || memmem(rest, (size_t)(item->text + item->len - rest), " NOLOGIN ", 9))
			note(&c->demoted, at, item);
	}
	if (pgitem_is(item, "ALTER TABLE ONLY") && memmem(item->text, item->len, " ADD CONSTRAINT ", 16))
		c->indexes++;
	else if (pgitem_is(item, "ALTER TABLE") && memmem(item->text, item->len, " AS IDENTITY ", 13))
		c->sequences++;
}

static void
look_at_set(struct pgcensus *c, const char *at, const struct pgitem *item)
{
	const char *end = item->text + item->len;
	char *name;
	if (follow(&at, item, "SESSION AUTHORIZATION") || !(name = pgitem_name(&at, end)))
		return;
	if (at < end && *at != '.') /* what has a dot may be called anything */
		names_add(&c->settings, name);
	const char *from = strcmp(name, "client_encoding") ? NULL : memchr(at, '\'', (size_t)(end - at));
	const char *to = from ? memchr(from + 1, '\'', (size_t)(end - from - 1)) : NULL;
	if (to && to - from <= (ptrdiff_t)sizeof c->encoding)
		snprintf(c->encoding, sizeof c->encoding, "%.*s", (int)(to - from - 1), from + 1);
	free(name);
}

/* BEGIN; or COMMIT; around each large object is taken out; nothing else must end the transaction. */
static void
look_at_transaction(struct pgcensus *c, const struct pgitem *item)
{
	static const char *const ends[] = {"START TRANSACTION", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PREPARE TRANSACTION"};
	bool own = pgitem_is(item, "BEGIN") || pgitem_is(item, "COMMIT");
	if (own && !pgitem_transaction(item))
		refuse(c, item, "a transaction that pg_dump would not make");
	for (size_t i = 0; !own && i < sizeof ends / sizeof *ends; i++)
		if (pgitem_is(item, ends[i]))
			refuse(c, item, "%s, which pg_dump does not write", ends[i]);
}

static void
look_at_statement(struct pgcensus *c, const struct pgitem *item)
{
	const char *at = item->text;
	look_at_transaction(c, item);
	if (follow(&at, item, "CREATE"))
		count_create(c, at, item);
	else if (follow(&at, item, "ALTER"))
		count_alter(c, at, item);
	else if (follow(&at, item, "SET"))
		look_at_set(c, at, item);
	else if (follow(&at, item, "SELECT pg_catalog.lo_create") || follow(&at, item, "SELECT lo_create"))
		c->objects++;
	if (c->ended && c->kind != DUMP_CLUSTER)
		refuse(c, item, "something follows the end of the dump");
	c->ended = false;
}

/* As appendPsqlMetaConnect() of PostgreSQL writes it: anything else could have psql run a command. */
static bool
is_connect(const struct pgitem *item)
{
	static const char reuse[] = "\\connect -reuse-previous=on \"";
	size_t len = item->len;
	while (len && (item->text[len - 1] == '\n' || item->text[len - 1] == '\r'))
		len--;
	const char *at = item->text, *end = item->text + len;
	if (!item->whole)
		return false;
	if (len <= strlen(reuse) || memcmp(at, reuse, strlen(reuse))) {
		for (at += strlen("\\connect "); at < end && (isalnum((unsigned char)*at) || *at == '_' || *at == '.'); at++)
			;
		return at == end;
	}
	for (at += strlen(reuse); at + 1 < end; at++)
		if (*at == '"' && (at + 2 >= end || *++at != '"'))
			return false;
	return *at == '"';
}

static void
look_at_meta(struct pgcensus *c, const struct pgitem *item)
{
	static const char ascii[] = "\\encoding SQL_ASCII\n"; /* before a name that is not plain */
	if (pgitem_meta(item, "\\restrict") || pgitem_meta(item, "\\unrestrict"))
		return;
	if (c->kind == DUMP_CLUSTER && pgitem_meta(item, "\\connect") && is_connect(item))
		return;
	if (c->kind == DUMP_CLUSTER && item->len == strlen(ascii) && !memcmp(item->text, ascii, item->len))
		return;
	if (c->kind != DUMP_CLUSTER && pgitem_meta(item, "\\connect"))
		refuse(c, item, "it connects to a database of its own (pg_dump --create), and would not stay in the one given");
	else
		refuse(c, item, "a command for psql that pg_dump does not write");
}

static enum pgscript_verdict
look(void *arg, const struct pgitem *item)
{
	struct pgcensus *c = arg;
	static const char *const end[] = {
		[DUMP_POSTGRES] = "-- PostgreSQL database dump complete",
		[DUMP_CLUSTER] = "-- PostgreSQL database cluster dump complete",
	};
	if (item->kind == PGITEM_STATEMENT)
		look_at_statement(c, item);
	else if (item->kind == PGITEM_META)
		look_at_meta(c, item);
	else if (item->len >= strlen(end[c->kind]) && !memcmp(item->text, end[c->kind], strlen(end[c->kind])))
		c->ended = true;
	return c->bad < ENOUGH ? PGSCRIPT_DROP : PGSCRIPT_STOP;
}

static int
read_all(struct pgcensus *c, struct pgscript *s, int fd)
{
	char *buf = xrealloc(NULL, 1, 1 << 16);
	ssize_t got;
	off_t at = 0;
	int rc = 0;
	while (rc == 0 && ((got = pread(fd, buf, 1 << 16, at)) > 0 || (got < 0 && errno == EINTR))) {
		if (got > 0)
			rc = pgscript_feed(s, buf, (size_t)got);
		at += got > 0 ? got : 0;
	}
	free(buf);
	c->size = at;
	if (rc == 0 && got < 0) {
		warn("%s", c->name);
		return BD_FATAL;
	}
	return rc == 0 && pgscript_end(s) == 0 ? BD_DONE : BD_FAILED;
}

int
pgcensus_take(struct pgcensus *c, int fd, const char *name, enum dump_kind kind)
{
	*c = (struct pgcensus){.kind = kind, .name = name, .encoding = "UTF8"};
	struct pgscript *s = xcalloc(1, sizeof *s);
	s->name = name;
	s->judge = look;
	s->arg = c;
	pgscript_begin(s);
	int rc = read_all(c, s, fd);
	free(s);
	if (rc == BD_DONE && !c->ended && !c->bad) {
		warnx("%s: its end marker is not where a complete dump has it", name);
		c->bad++;
	}
	return rc == BD_DONE && c->bad ? BD_FAILED : rc;
}

void
pgcensus_free(struct pgcensus *c)
{
	struct names *const all[] = {&c->settings, &c->extensions, &c->schemas, &c->databases, &c->roles, &c->demoted};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		names_free(all[i]);
}

size_t
pgcensus_locks(const struct pgcensus *c)
{
	return PER_TABLE * c->tables + PER_INDEX * c->indexes + PER_SEQUENCE * c->sequences + PER_OTHER * c->others +
	       PER_OBJECT * c->objects;
}
