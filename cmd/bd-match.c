/* bd-match - joins the rows of databases.csv with the databases that run, and tells where each dump belongs:
 * volume container id instance engine tool line database username sole.
 *
 * A pure filter: records of bd-databases, bd-mounts and bd-engines in. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mounts.h"
#include "table.h"

enum { D_LINE, D_INSTANCE, D_DATABASE, D_USERNAME, D_COLUMNS };
enum { E_CONTAINER, E_ID, E_INSTANCE, E_ENGINE, E_TOOL, E_VERSION, E_MOUNT, E_COLUMNS };

static struct table databases = {.columns = D_COLUMNS}, mounts = {.columns = MOUNT_COLUMNS}, engines = {.columns = E_COLUMNS};
static bool *answered; /* of each row of databases */
static int status = BD_DONE;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-match [-V] DATABASES MOUNTS ENGINES\n");
	exit(BD_USAGE);
}

static int
check_database(const struct tsv *at, char *const row[])
{
	for (int i = 0; i < D_COLUMNS; i++)
		if (!row[i])
			return tsv_bad(at, "field %d is absent", i + 1);
	return 0;
}

static int
check_engine(const struct tsv *at, char *const row[])
{
	for (int i = 0; i < E_MOUNT; i++)
		if (!row[i])
			return tsv_bad(at, "field %d is absent", i + 1);
	if (strcmp(row[E_ENGINE], "postgres") && strcmp(row[E_ENGINE], "mariadb"))
		return tsv_bad(at, "field %d: no such engine", E_ENGINE + 1);
	return 0;
}

static bool
is(const char *field, const char *text)
{
	return field && !strcmp(field, text);
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
		if (!row[MOUNT_VOLUME] || !is(row[MOUNT_ID], engine[E_ID]))
			continue;
		*sole = engine[E_MOUNT] && is(row[MOUNT_DESTINATION], engine[E_MOUNT]);
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
	if (TSV_WRITE(stdout, volume, engine[E_CONTAINER], engine[E_ID], engine[E_INSTANCE], engine[E_ENGINE], engine[E_TOOL],
	    row ? row[D_LINE] : NULL, row ? row[D_DATABASE] : NULL, row ? row[D_USERNAME] : NULL, sole ? "yes" : "no") < 0)
		status = BD_FAILED;
}

/* All rows for the engine in one volume of it. */
static void
match(const char *volume, char *const engine[], bool sole)
{
	bool any = false;
	for (size_t i = 0; i < databases.rows; i++) {
		char **row = table_row(&databases, i);
		if (strcmp(row[D_INSTANCE], engine[E_INSTANCE]))
			continue;
		any = true;
		print(volume, engine, row, sole);
	}
	if (!any)
		print(volume, engine, NULL, sole);
}

/* The rows of an engine that has no volume have nowhere to go. */
static void
mark_answered(char *const engine[], bool homeless)
{
	for (size_t i = 0; i < databases.rows; i++) {
		char **row = table_row(&databases, i);
		if (strcmp(row[D_INSTANCE], engine[E_INSTANCE]))
			continue;
		answered[i] = true;
		if (homeless) {
			warnx("line %s of the databases: '%s' of container %s cannot be dumped: the container has no volume", row[D_LINE],
			    row[D_DATABASE], engine[E_CONTAINER]);
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
	bd_start();
	for (int c; (c = getopt(argc, argv, "V")) != -1;)
		switch (c) {
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 3)
		usage();
	int rc = table_load(&databases, argv[optind], check_database);
	if (!rc)
		rc = table_load(&mounts, argv[optind + 1], mount_check);
	if (!rc)
		rc = table_load(&engines, argv[optind + 2], check_engine);
	if (rc)
		return rc;
	answered = xcalloc(databases.rows + 1, sizeof *answered);
	match_all(true);
	match_all(false);
	for (size_t i = 0; i < databases.rows; i++)
		if (!answered[i]) {
			char **row = table_row(&databases, i), *shown = tsv_show(row[D_INSTANCE]);
			fprintf(stderr, "WARNING: line %s of the databases: '%s' is not dumped: no running database answers to instance '%s'.\n",
			    row[D_LINE], row[D_DATABASE], shown);
			free(shown);
		}
	return bd_finish(status);
}
