/* match.c - which dumps are wanted: the records of bd-match. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "databases.h"
#include "match.h"

static int
check_wanted(const struct tsv *at, char *const row[])
{
	const struct database d = {.text = {row[MATCH_INSTANCE], row[MATCH_DATABASE], row[MATCH_USERNAME]}};
	if (!row[MATCH_DATABASE] || !row[MATCH_USERNAME] || row[MATCH_LINE][strspn(row[MATCH_LINE], "0123456789")])
		return tsv_bad(at, "a row has a line, a database and a username");
	char *wrong = databases_wrong(&d);
	if (wrong)
		tsv_bad(at, "%s", wrong);
	free(wrong);
	return wrong ? -1 : 0;
}

int
match_check(const struct tsv *at, char *const row[])
{
	static const int needed[] = {
		MATCH_VOLUME, MATCH_CONTAINER, MATCH_ID, MATCH_INSTANCE, MATCH_SOLE};
	if (table_need(at, row, needed, sizeof needed / sizeof *needed) < 0)
		return -1;
	if (!is_component(row[MATCH_VOLUME]))
		return tsv_bad(at, "'%s' is not the name of a volume", row[MATCH_VOLUME]);
	if (!is_component(row[MATCH_INSTANCE]))
		return tsv_bad(at, "'%s' is not an instance", row[MATCH_INSTANCE]);
	if (!row[MATCH_ENGINE] && !row[MATCH_TOOL])
		return row[MATCH_LINE] ? check_wanted(at, row) : tsv_bad(at, "neither an engine nor a row");
	if (!field_in(row[MATCH_ENGINE], "postgres mariadb"))
		return tsv_bad(at, "no such engine");
	if (!field_in(row[MATCH_TOOL], "pg_dumpall mariadb-dump mysqldump"))
		return tsv_bad(at, "no such tool");
	if (field_is(row[MATCH_ENGINE], "postgres") != field_is(row[MATCH_TOOL], "pg_dumpall"))
		return tsv_bad(at, "that tool is not of that engine");
	return row[MATCH_LINE] ? check_wanted(at, row) : 0;
}

bool
match_cluster(char *const row[])
{
	return field_is(row[MATCH_DATABASE], "*");
}

char *
match_file(char *const row[])
{
	if (!row[MATCH_LINE])
		return NULL;
	return match_cluster(row) ? xasprintf("%s.cluster.backup.sql", row[MATCH_INSTANCE])
	                          : xasprintf("%s.backup.sql", row[MATCH_DATABASE]);
}

struct dump {
	char **row;
	char *file;
};

static int
by_file(const void *a, const void *b)
{
	const struct dump *x = a, *y = b;
	int rc = strcmp(x->row[MATCH_VOLUME], y->row[MATCH_VOLUME]);
	return rc ? rc : strcmp(x->file, y->file);
}

static void
forget(void *dump)
{
	(void)dump; /* they lie in one array */
}

void
match_refuse(const struct table *t, void (*refuse)(size_t row, const char *why))
{
	struct dump *dump = xcalloc(t->rows + 1, sizeof *dump);
	void *files = NULL;
	for (size_t i = 0; i < t->rows; i++) {
		char **row = table_row(t, i);
		dump[i] = (struct dump){row, match_file(row)};
		if (!dump[i].file)
			continue;
		struct dump **first = tsearch(&dump[i], &files, by_file);
		if (!first)
			errx(BD_FATAL, "memory");
		char *why = NULL;
		if (!row[MATCH_ENGINE])
			why = xstrdup("its container could not be asked for its databases");
		else if (*first != &dump[i])
			why = xasprintf("it would overwrite the dump of container %s", (*first)->row[MATCH_CONTAINER]);
		else if (match_cluster(row) && field_is(row[MATCH_ENGINE], "mariadb"))
			why = xasprintf("'*' is for PostgreSQL only: name the databases of %s", row[MATCH_INSTANCE]);
		else if (field_in(row[MATCH_VOLUME], "manifest.json directory_stemp.json"))
			why = xstrdup("a generation has a file of that name");
		if (why)
			refuse(i, why);
		free(why);
	}
	tdestroy(files, forget);
	for (size_t i = 0; i < t->rows; i++)
		free(dump[i].file);
	free(dump);
}
