/* pgonward.c - a dump replayed on and on: what fails costs itself and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "pgonward.h"

enum { ENOUGH = 200 }; /* errors that are printed */

/* What follows COPY: the table, as it is written there. NULL: none. */
static char *
table_of(const struct pgitem *item)
{
	const char *at = item->text, *end = item->text + item->len;
	if (!item->copy || !pgitem_words(&at, end, "COPY"))
		return NULL;
	const char *from = at;
	free(pgitem_name(&at, end));
	if (at < end && *at == '.') {
		at++;
		free(pgitem_name(&at, end));
	}
	return xasprintf("%.*s", (int)(at - from), from);
}

static void
end_rows(struct pgonward *w)
{
	if (w->rows == PGONWARD_NO_ROWS)
		return;
	bool passed = w->rows == PGONWARD_ROWS;
	w->rows = PGONWARD_NO_ROWS;
	free(w->ending);
	w->ending = w->table;
	w->table = NULL;
	pgpipe_text(w->pipe, passed ? "SELECT 'bd-copied';\nCOMMIT;\n\\echo bd-copy-end\n" : "ROLLBACK;\n");
}

static void
ask(struct pgonward *w, char *sql)
{
	pgpipe_text(w->pipe, sql);
	pgpipe_text(w->pipe, "\\echo bd-asked\n");
	pgpipe_wait(w->pipe);
	w->yes = false;
	w->rows = PGONWARD_ASKING;
	free(sql);
}

/* Members of extensions come with rows of their own. */
static void
ask_for_rows(struct pgonward *w, const struct pgitem *item)
{
	ask(w, xasprintf("\nBEGIN;\n%.*s\n\\.\n"
		"SELECT 'bd-yes' WHERE NOT EXISTS (SELECT FROM ONLY%s) OR EXISTS (SELECT FROM pg_catalog.pg_depend\n"
		"  WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e' AND objid = $baudolo$%s$baudolo$::pg_catalog.regclass);\n",
		(int)item->len, item->text, w->table, w->table));
}

static void
ask_for_database(struct pgonward *w)
{
	ask(w, xasprintf("\nSELECT 'bd-yes' FROM pg_catalog.pg_database WHERE datname = $baudolo$%s$baudolo$ AND datallowconn;\n", w->created));
}

void
pgonward_item(struct pgonward *w, const struct pgitem *item)
{
	static const char next[] = "-- Database \""; /* of pg_dumpall */
	bool new = w->cluster && item->kind == PGITEM_COMMENT && item->len >= strlen(next) && !memcmp(item->text, next, strlen(next));
	w->skips = w->skips && !new;
	if (w->skips)
		return;
	end_rows(w);
	if (w->connects && w->warns)
		pgpipe_text(w->pipe, "\n\\warn bd-in :DBNAME\n");
	w->connects = pgitem_meta(item, "\\connect");
	if (new) /* not from one that has failed */
		pgpipe_text(w->pipe, "\n\\connect postgres\n");
	if (w->created)
		ask_for_database(w);
	else if ((w->created = pgitem_after(item, "CREATE DATABASE")))
		;
	else if ((w->table = table_of(item)))
		ask_for_rows(w, item);
}

bool
pgonward_drops(const struct pgonward *w)
{
	return w->rows == PGONWARD_NO_MORE || w->skips;
}

void
pgonward_go(struct pgonward *w)
{
	pgpipe_go_on(w->pipe, w->yes);
	if (!w->created) {
		w->rows = w->yes ? PGONWARD_ROWS : PGONWARD_NO_MORE;
		return;
	}
	w->rows = PGONWARD_NO_ROWS;
	w->skips = !w->yes;
	free(w->created);
	w->created = NULL;
}

void
pgonward_last(struct pgonward *w)
{
	w->skips = false;
	end_rows(w);
	if (w->cluster)
		pgpipe_text(w->pipe, "\n\\connect postgres");
	pgpipe_text(w->pipe, "\n\\echo bd-reached\n");
}

static void
say_lost(struct pgonward *w, const char *what, const char *name, const char *why)
{
	char *shown = tsv_show(name);
	warnx("%s: not put back: %s%s%s", w->container, what, shown, why);
	free(shown);
	w->failures++;
}

void
pgonward_answer(struct pgonward *w, const char *line)
{
	if (!strcmp(line, "bd-yes"))
		w->yes = true;
	else if (!strcmp(line, "bd-asked")) {
		if (!w->yes && w->created)
			say_lost(w, "what is in database ", w->created, "");
		else if (!w->yes)
			say_lost(w, "the rows of", w->table, ", which is not there, or has rows already");
		pgpipe_answered(w->pipe);
	} else if (!strcmp(line, "bd-copied"))
		w->copied = true;
	else if (!strcmp(line, "bd-copy-end")) {
		if (!w->copied)
			say_lost(w, "the rows of", w->ending, "");
		w->copied = false;
	}
}

void
pgonward_error(struct pgonward *w, const char *line)
{
	if (!strncmp(line, "bd-in ", 6)) {
		snprintf(w->where, sizeof w->where, "%s", line + 6);
		return;
	}
	/* what follows from another error */
	if (strstr(line, "invalid command \\.") || strstr(line, "current transaction is aborted") || w->failures++ >= ENOUGH)
		return;
	char *at = *w->where ? tsv_show(w->where) : NULL, *shown = tsv_show(line);
	warnx("%s: %s%s%s", w->container, at ? at : "", at ? ": " : "", shown);
	free(shown);
	free(at);
}

void
pgonward_end(struct pgonward *w)
{
	if (w->failures > ENOUGH)
		warnx("%s: and %zu more errors", w->container, w->failures - ENOUGH);
	free(w->table);
	free(w->ending);
	free(w->created);
}
