/* bd-coverage - tells of each volume how it is protected and since when, or why it is not, and names the
 * databases that nobody dumps: kind name protected last reason instance engine.
 *
 * A pure filter: records of bd-volumes, bd-generations and what finds databases in. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "databases.h"
#include "engine.h"
#include "listing.h"
#include "match.h"
#include "volume.h"

static struct table volumes = {.columns = VOLUME_COLUMNS}, generations = {.columns = GENERATION_COLUMNS}, copies = {.columns = COPY_COLUMNS},
	databases = {.columns = ROW_COLUMNS}, engines = {.columns = ENGINE_COLUMNS}, matched = {.columns = MATCH_COLUMNS};

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-coverage [-V] [-d DATABASES -e ENGINES] [-m MATCHED] VOLUMES GENERATIONS COPIES\n");
	exit(BD_USAGE);
}

/* The newest complete generation, or NULL. */
static char **
newest(void)
{
	char **last = NULL;
	for (size_t i = 0; i < generations.rows; i++) {
		char **g = table_row(&generations, i);
		if (generation_complete(g) && (!last || strcmp(g[GENERATION_NAME], last[GENERATION_NAME]) > 0))
			last = g;
	}
	return last;
}

static int
by_volume(const void *a, const void *b)
{
	char *const *x = a, *const *y = b;
	int rc = strcmp(x[COPY_VOLUME], y[COPY_VOLUME]);
	return rc ? rc : strcmp(y[COPY_GENERATION], x[COPY_GENERATION]);
}

/* The newest copy of a volume; the others follow. */
static size_t
first_of(const char *volume)
{
	size_t low = 0, high = copies.rows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(table_row(&copies, mid)[COPY_VOLUME], volume) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Whether a time as Docker writes it is later than the generation. */
static bool
later(const char *created, char *const generation[])
{
	struct tm tm = {0};
	const char *end = created ? strptime(created, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (!end || !generation[GENERATION_TIME])
		return false;
	end += *end == '.' ? 1 + strspn(end + 1, "0123456789") : 0;
	struct tm zone = {0};
	if (!strptime(end, "%z", &zone))
		return false;
	return timegm(&tm) - zone.tm_gmtoff > strtoll(generation[GENERATION_TIME], NULL, 10);
}

/* Whether a row of databases.csv asks for a dump of what is in the volume. */
static bool
wanted(const char *volume)
{
	for (size_t i = 0; i < matched.rows; i++) {
		char **row = table_row(&matched, i);
		if (row[MATCH_LINE] && row[MATCH_ENGINE] && !strcmp(row[MATCH_VOLUME], volume))
			return true;
	}
	return false;
}

static bool
has_dumps(char *const copy[])
{
	return strcmp(copy[COPY_DUMPS], "0");
}

/* Why a good copy lacks a dump, until it is asked again; NULL if it does not. dumped: the newest good one with any. */
static const char *
undumped(char *const copy[], char *const dumped[])
{
	static char *since;
	bool database = field_is(copy[COPY_DATABASE], "yes");
	if (has_dumps(copy))
		return database && !field_is(copy[COPY_DUMPED], "yes") ? "a database without a dump" : NULL;
	if (dumped) {
		free(since);
		return since = xasprintf("a database not dumped since %s", dumped[COPY_GENERATION]);
	}
	return database || wanted(copy[COPY_VOLUME]) ? "a database without a dump" : NULL;
}

/* Why the volume is not in the newest generation as it should be; NULL if it is. */
static const char *
trouble(char *const volume[], char *const copy[], char *const dumped[], char *const last[])
{
	if (!last)
		return "no generation";
	if (!copy || strcmp(copy[COPY_GENERATION], last[GENERATION_NAME]))
		return later(volume[VOLUME_CREATED], last) ? "newer than the last generation" : "not taken into the last generation";
	if (field_is(copy[COPY_STATUS], "failed"))
		return "its copy failed";
	if (field_is(copy[COPY_STATUS], "damaged"))
		return "its copy is damaged";
	if (field_is(copy[COPY_STATUS], "missing"))
		return "what the manifest names is not there";
	return undumped(copy, dumped);
}

static int
judge_volume(char *const volume[], char *const last[])
{
	char **copy = NULL, **good = NULL, **dumped = NULL, **unproven = NULL;
	for (size_t i = first_of(volume[VOLUME_NAME]); i < copies.rows; i++) {
		char **row = table_row(&copies, i);
		if (strcmp(row[COPY_VOLUME], volume[VOLUME_NAME]))
			break;
		bool proven = !field_is(row[COPY_STATUS], "unproven");
		copy = !copy && proven ? row : copy;
		bool fine = field_is(row[COPY_STATUS], "good");
		good = !good && fine ? row : good;
		dumped = !dumped && fine && has_dumps(row) ? row : dumped;
		unproven = !unproven && !proven ? row : unproven;
	}
	const char *why = trouble(volume, copy, dumped, last), *how = "no";
	if (good)
		how = !field_is(good[COPY_FILES], "yes") ? "dumps" : has_dumps(good) ? "files+dumps" : "files";
	else if (unproven) {
		why = "nothing vouches for its copies";
		good = unproven;
	}
	return TSV_WRITE(stdout, "volume", volume[VOLUME_NAME], how, good ? good[COPY_GENERATION] : NULL, why, NULL, good ? good[COPY_ENGINE] : NULL);
}

/* A database that no row of databases.csv is for. */
static int
judge_database(char *const engine[])
{
	if (!engine[ENGINE_WORD]) /* it could not be asked */
		return 0;
	for (size_t i = 0; i < databases.rows; i++)
		if (field_is(table_row(&databases, i)[ROW_INSTANCE], engine[ENGINE_INSTANCE]))
			return 0;
	return TSV_WRITE(stdout, "database", engine[ENGINE_CONTAINER], "no", NULL, "no row in databases.csv", engine[ENGINE_INSTANCE], engine[ENGINE_WORD]);
}

static int
check_volume(const struct tsv *at, char *const row[])
{
	return table_need(at, row, (const int[]){VOLUME_NAME}, 1);
}

static int
check_generation(const struct tsv *at, char *const row[])
{
	return table_need(at, row, (const int[]){GENERATION_NAME, GENERATION_STATE}, 2);
}

static int
check_copy(const struct tsv *at, char *const row[])
{
	return table_need(at, row, (const int[]){COPY_GENERATION, COPY_VOLUME, COPY_STATUS, COPY_DUMPS}, 4);
}

static int
check_engine(const struct tsv *at, char *const row[])
{
	return table_need(at, row, (const int[]){ENGINE_CONTAINER, ENGINE_INSTANCE}, 2);
}

int
main(int argc, char *argv[])
{
	const char *rows = NULL, *found = NULL, *wanting = NULL;
	bd_start();
	for (int c; (c = getopt(argc, argv, "d:e:m:V")) != -1;)
		switch (c) {
		case 'd': rows = optarg; break;
		case 'e': found = optarg; break;
		case 'm': wanting = optarg; break;
		case 'V': bd_version();
		default: usage();
		}
	argv += optind;
	if (argc - optind != 3 || !rows != !found)
		usage();
	int rc = table_load(&volumes, argv[0], check_volume);
	rc = rc ? rc : table_load(&generations, argv[1], check_generation);
	rc = rc ? rc : table_load(&copies, argv[2], check_copy);
	rc = rc || !rows ? rc : table_load(&databases, rows, NULL);
	rc = rc || !found ? rc : table_load(&engines, found, check_engine);
	rc = rc || !wanting ? rc : table_load(&matched, wanting, match_check);
	if (rc)
		return rc;
	table_sort(&volumes);
	if (copies.rows)
		qsort(copies.cell, copies.rows, COPY_COLUMNS * sizeof *copies.cell, by_volume);
	char **last = newest();
	for (size_t i = 0; i < volumes.rows && rc == 0; i++)
		rc = judge_volume(table_row(&volumes, i), last);
	for (size_t i = 0; i < engines.rows && rc == 0; i++)
		rc = judge_database(table_row(&engines, i));
	return bd_finish(rc < 0 ? BD_FATAL : BD_DONE);
}
