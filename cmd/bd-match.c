/* bd-match - joins the rows of databases.csv with the databases that run, and tells where each dump belongs:
 * volume container id instance engine tool line database username sole.
 *
 * A pure filter: records of bd-databases, bd-mounts and bd-engines in. */
#include <stdlib.h>
#include <string.h>

#include "databases.h"
#include "engine.h"
#include "mounts.h"
#include "table.h"

static struct table databases = {.columns = ROW_COLUMNS}, mounts = {.columns = MOUNT_COLUMNS}, engines = {.columns = ENGINE_COLUMNS};
static bool *answered; /* of each row of databases */
static bool malformed; /* there is a row that is */
static int status = BD_DONE;

static int
check_database(const struct tsv *at, char *const row[])
{
	if (row[ROW_LINE] && !row[ROW_INSTANCE] && !row[ROW_DATABASE] && !row[ROW_USERNAME]) {
		malformed = true;
		return 0;
	}
	return table_need(at, row, (const int[]){ROW_LINE, ROW_INSTANCE, ROW_DATABASE, ROW_USERNAME}, 4);
}

static int
check_engine(const struct tsv *at, char *const row[])
{
	if (table_need(at, row, (const int[]){ENGINE_CONTAINER, ENGINE_ID, ENGINE_INSTANCE}, 3) < 0)
		return -1;
	if (!row[ENGINE_WORD] && !row[ENGINE_TOOL])
		return 0;
	if (table_need(at, row, (const int[]){ENGINE_WORD, ENGINE_TOOL}, 2) < 0)
		return -1;
	if (!field_in(row[ENGINE_WORD], "postgres mariadb"))
		return tsv_bad(at, "field %d: no such engine", ENGINE_WORD + 1);
	return 0;
}

/* Sets volume to the names of the volumes of an engine that may hold its data, each once, and *sole to whether it is
 * known that the only one does. Returns how many. */
static size_t
volumes_of(char *const engine[], const char **volume, bool *sole)
{
	size_t count = 0;
	*sole = false;
	for (size_t i = 0; i < mounts.rows && !*sole; i++) {
		char **row = table_row(&mounts, i);
		if (!row[MOUNT_VOLUME] || !field_is(row[MOUNT_ID], engine[ENGINE_ID]))
			continue;
		*sole = engine[ENGINE_MOUNT] && field_is(row[MOUNT_DESTINATION], engine[ENGINE_MOUNT]);
		size_t seen = 0;
		while (!*sole && seen < count && strcmp(volume[seen], row[MOUNT_VOLUME]))
			seen++;
		if (*sole)
			volume[0] = row[MOUNT_VOLUME], count = 1;
		else if (seen == count)
			volume[count++] = row[MOUNT_VOLUME];
	}
	return count;
}

static void
print(const char *volume, char *const engine[], char *const row[], bool sole)
{
	if (TSV_WRITE(stdout, volume, engine[ENGINE_CONTAINER], engine[ENGINE_ID], engine[ENGINE_INSTANCE], engine[ENGINE_WORD], engine[ENGINE_TOOL],
	    row ? row[ROW_LINE] : NULL, row ? row[ROW_DATABASE] : NULL, row ? row[ROW_USERNAME] : NULL, sole ? "yes" : "no") < 0)
		status = BD_FAILED;
}

/* All rows for the engine in one volume of it. One that is malformed may be for it, too. What could not be asked is a
 * database only if there is a row for it. */
static void
match(const char *volume, char *const engine[], bool sole)
{
	bool any = false;
	for (size_t i = 0; i < databases.rows; i++) {
		char **row = table_row(&databases, i);
		if (!field_is(row[ROW_INSTANCE], engine[ENGINE_INSTANCE]))
			continue;
		any = true;
		print(volume, engine, row, sole);
	}
	if (engine[ENGINE_WORD] && (!any || malformed))
		print(volume, engine, NULL, sole);
}

/* The rows of an engine that has no volume have nowhere to go. */
static void
mark_answered(char *const engine[], bool homeless)
{
	for (size_t i = 0; i < databases.rows; i++) {
		char **row = table_row(&databases, i);
		if (!field_is(row[ROW_INSTANCE], engine[ENGINE_INSTANCE]))
			continue;
		answered[i] = true;
		if (homeless) {
			warnx("line %s of the databases: '%s' of container %s cannot be dumped: the container has no volume", row[ROW_LINE],
			    row[ROW_DATABASE], engine[ENGINE_CONTAINER]);
			status = BD_FAILED;
		}
	}
}

/* The engines whose volume is known, or the others: where two dumps would have one name, the former's comes first. */
static void
match_all(bool known)
{
	const char **volume = xcalloc(mounts.rows + 1, sizeof *volume);
	for (size_t i = 0; i < engines.rows; i++) {
		char **engine = table_row(&engines, i);
		bool sole;
		size_t count = volumes_of(engine, volume, &sole);
		if (sole != known)
			continue;
		mark_answered(engine, !count);
		for (size_t v = 0; v < count; v++)
			match(volume[v], engine, sole);
	}
	free(volume);
}

int
main(int argc, char *argv[])
{
	char **file = bd_operands(argc, argv, "V", 3, 3, "bd-match [-V] DATABASES MOUNTS ENGINES");
	int rc = table_load(&databases, file[0], check_database);
	if (!rc)
		rc = table_load(&mounts, file[1], mount_check);
	if (!rc)
		rc = table_load(&engines, file[2], check_engine);
	if (rc)
		return rc;
	answered = xcalloc(databases.rows + 1, sizeof *answered);
	match_all(true);
	match_all(false);
	for (size_t i = 0; i < databases.rows; i++)
		if (!answered[i] && table_row(&databases, i)[ROW_INSTANCE]) {
			char **row = table_row(&databases, i), *shown = tsv_show(row[ROW_INSTANCE]);
			fprintf(stderr, "WARNING: line %s of the databases: '%s' is not dumped: no running database answers to instance '%s'.\n",
			    row[ROW_LINE], row[ROW_DATABASE], shown);
			free(shown);
		}
	return bd_finish(status);
}
