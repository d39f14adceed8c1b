/* mycontent.c - what a database of MariaDB or MySQL holds, and how it is emptied. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "mycontent.h"
#include "text.h"

/* The comparison without case finds the database's folder, the other leaves out what is spelled otherwise. */
#define OURS(column) column " = DATABASE() AND BINARY " column " = DATABASE()"

static const char list[] =
	"SELECT CASE TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END, TABLE_NAME"
	" FROM information_schema.TABLES WHERE " OURS("TABLE_SCHEMA") ";"
	"SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE " OURS("ROUTINE_SCHEMA") ";"
	"SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE " OURS("EVENT_SCHEMA") ";";

/* The order in which they go. PACKAGE BODY is known to SQL_MODE ORACLE only. */
static const char *const kinds[] = {"TABLE", "SEQUENCE", "VIEW", "PACKAGE BODY", "PACKAGE", "PROCEDURE", "FUNCTION", "EVENT"};
enum { TABLE, SEQUENCE, VIEW, PACKAGE_BODY, PACKAGE, KINDS = sizeof kinds / sizeof *kinds };

int
mycontent_list(struct mytarget *t, struct mycontent *c)
{
	char *out;
	*c = (struct mycontent){0};
	int rc = mytarget_query(t, list, &out);
	char *rest = out;
	for (char *line; rc == BD_DONE && (line = strsep(&rest, "\n")) && *line;) {
		char *name = strchr(line, '\t');
		if (!name) {
			warnx("%s: the server's answer makes no sense", t->container);
			rc = BD_FATAL;
			break;
		}
		*name++ = '\0';
		mytarget_unescape(name);
		c->at = xrealloc(c->at, c->count + 1, sizeof *c->at);
		c->at[c->count++] = (struct mycontent_item){xstrdup(line), xstrdup(name)};
	}
	free(out);
	if (rc != BD_DONE)
		mycontent_free(c);
	return rc;
}

void
mycontent_free(struct mycontent *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->at[i].kind);
		free(c->at[i].name);
	}
	free(c->at);
	*c = (struct mycontent){0};
}

static size_t
count(const struct mycontent *c, const char *kind)
{
	size_t n = 0;
	for (size_t i = 0; i < c->count; i++)
		n += !strcmp(c->at[i].kind, kind);
	return n;
}

char *
mycontent_summary(const struct mycontent *c)
{
	char *text;
	size_t len, n;
	FILE *out = text_begin(&text, &len);
	bool any = false;
	for (size_t k = 0; k < KINDS; k++) {
		if (!(n = count(c, kinds[k])))
			continue;
		fprintf(out, "%s%zu ", any ? ", " : "", n);
		for (const char *p = kinds[k]; *p; p++)
			putc(tolower((unsigned char)*p), out);
		fputs(n == 1 ? "" : k == PACKAGE_BODY ? " parts" : "s", out);
		any = true;
	}
	if (!any)
		fputs("nothing", out);
	text_end(out);
	return text;
}

void
mycontent_lock(const struct mycontent *c, FILE *out)
{
	bool any = false;
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->at[i].kind, kinds[TABLE]) && strcmp(c->at[i].kind, kinds[SEQUENCE]))
			continue;
		fputs(any ? ", " : "LOCK TABLES ", out);
		mytarget_quote(out, c->at[i].name);
		fputs(" WRITE", out);
		any = true;
	}
	fputs(any ? "; " : "", out);
}

static void
drop_kind(const struct mycontent *c, const char *kind, FILE *out)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->at[i].kind, kind)) {
			fprintf(out, "DROP %s ", kind);
			mytarget_quote(out, c->at[i].name);
			fputs("; ", out);
		}
}

void
mycontent_drop(const struct mycontent *c, FILE *out)
{
	bool packages = count(c, kinds[PACKAGE]);
	for (int k = 0; k < KINDS; k++) {
		if (k == VIEW)
			fputs("UNLOCK TABLES; ", out);
		if (k == PACKAGE_BODY && packages)
			fputs("SET sql_mode = 'ORACLE'; ", out);
		drop_kind(c, kinds[k], out);
		if (k == PACKAGE && packages)
			fputs("SET sql_mode = DEFAULT; ", out);
	}
}

int
mycontent_undumped(struct mytarget *t, char **names)
{
	/* A routine whose text is NULL may be called but not read. History comes with a dump only where it is asked for. */
	static const char question[] =
		"SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME, ', which belongs to ', DEFINER) FROM information_schema.ROUTINES"
		" WHERE " OURS("ROUTINE_SCHEMA") " AND ROUTINE_BODY = 'SQL' AND ROUTINE_DEFINITION IS NULL;"
		"SELECT CONCAT('the history of table ', TABLE_NAME) FROM information_schema.TABLES"
		" WHERE " OURS("TABLE_SCHEMA") " AND TABLE_TYPE = 'SYSTEM VERSIONED';";
	return mytarget_query(t, question, names);
}
