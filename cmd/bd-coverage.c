/* bd-coverage - tells of each volume how it is protected and since when, or why it is not, and names the
 * databases that nobody dumps: kind name protected last reason instance engine.
 *
 * A pure filter: records of bd-volumes and bd-generations in. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

enum { V_NAME, V_DRIVER, V_MOUNTPOINT, V_BACKING, V_CREATED, V_COLUMNS };
enum { G_REPO, G_NAME, G_TIME, G_STATE, G_COLUMNS = 10 };
enum { C_REPO, C_GENERATION, C_STATE, C_NAME, C_STATUS, C_FILES, C_DUMPS, C_DATABASE, C_DUMPED, C_ENGINE, C_COLUMNS };
enum { D_LINE, D_INSTANCE, D_DATABASE, D_USERNAME, D_COLUMNS };
enum { E_CONTAINER, E_ID, E_INSTANCE, E_ENGINE, E_TOOL, E_VERSION, E_MOUNT, E_COLUMNS };

static struct table volumes = {.columns = V_COLUMNS}, generations = {.columns = G_COLUMNS}, copies = {.columns = C_COLUMNS},
	databases = {.columns = D_COLUMNS}, engines = {.columns = E_COLUMNS};

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-coverage [-V] [-d DATABASES -e ENGINES] VOLUMES GENERATIONS COPIES\n");
	exit(BD_USAGE);
}

static bool
is(const char *field, const char *text)
{
	return field && !strcmp(field, text);
}

/* The newest complete generation, or NULL. */
static char **
newest(void)
{
	char **last = NULL;
	for (size_t i = 0; i < generations.rows; i++) {
		char **g = table_row(&generations, i);
		if ((is(g[G_STATE], "whole") || is(g[G_STATE], "unstamped")) && (!last || strcmp(g[G_NAME], last[G_NAME]) > 0))
			last = g;
	}
	return last;
}

static int
by_volume(const void *a, const void *b)
{
	char *const *x = a, *const *y = b;
	int rc = strcmp(x[C_NAME], y[C_NAME]);
	return rc ? rc : strcmp(y[C_GENERATION], x[C_GENERATION]);
}

/* The newest copy of a volume; the others follow. */
static size_t
first_of(const char *volume)
{
	size_t low = 0, high = copies.rows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(table_row(&copies, mid)[C_NAME], volume) < 0)
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
	if (!end || !generation[G_TIME])
		return false;
	end += *end == '.' ? 1 + strspn(end + 1, "0123456789") : 0;
	struct tm zone = {0};
	if (!strptime(end, "%z", &zone))
		return false;
	return timegm(&tm) - zone.tm_gmtoff > strtoll(generation[G_TIME], NULL, 10);
}

/* Why the volume is not in the newest generation as it should be; NULL if it is. */
static const char *
trouble(char *const volume[], char *const copy[], char *const last[])
{
	if (!last)
		return "no generation";
	if (!copy || strcmp(copy[C_GENERATION], last[G_NAME]))
		return later(volume[V_CREATED], last) ? "newer than the last generation" : "not taken into the last generation";
	if (is(copy[C_STATUS], "failed"))
		return "its copy failed";
	if (is(copy[C_STATUS], "damaged"))
		return "its copy is damaged";
	if (is(copy[C_STATUS], "missing"))
		return "what the manifest names is not there";
	return is(copy[C_DATABASE], "yes") && !is(copy[C_DUMPED], "yes") ? "a database without a dump" : NULL;
}

static int
judge_volume(char *const volume[], char *const last[])
{
	char **copy = NULL, **good = NULL, **unproven = NULL;
	for (size_t i = first_of(volume[V_NAME]); i < copies.rows; i++) {
		char **row = table_row(&copies, i);
		if (strcmp(row[C_NAME], volume[V_NAME]))
			break;
		bool proven = !is(row[C_STATUS], "unproven");
		copy = !copy && proven ? row : copy;
		good = !good && is(row[C_STATUS], "good") ? row : good;
		unproven = !unproven && !proven ? row : unproven;
	}
	const char *why = trouble(volume, copy, last), *how = "no";
	if (good) {
		bool dumps = strcmp(good[C_DUMPS], "0");
		how = !is(good[C_FILES], "yes") ? "dumps" : dumps ? "files+dumps" : "files";
	} else if (unproven) {
		why = "nothing vouches for its copies";
		good = unproven;
	}
	return TSV_WRITE(stdout, "volume", volume[V_NAME], how, good ? good[C_GENERATION] : NULL, why, NULL, good ? good[C_ENGINE] : NULL);
}

/* A database that no row of databases.csv is for. */
static int
judge_database(char *const engine[])
{
	for (size_t i = 0; i < databases.rows; i++)
		if (is(table_row(&databases, i)[D_INSTANCE], engine[E_INSTANCE]))
			return 0;
	return TSV_WRITE(stdout, "database", engine[E_CONTAINER], "no", NULL, "no row in databases.csv", engine[E_INSTANCE], engine[E_ENGINE]);
}

static int
load(struct table *t, const char *path, const int needed[], size_t count)
{
	FILE *in = fopen(path, "re");
	if (!in) {
		warn("%s", path);
		return BD_FATAL;
	}
	int rc = table_read(t, in, path);
	fclose(in);
	for (size_t i = 0; !rc && i < t->rows; i++)
		for (size_t n = 0; n < count; n++)
			if (!table_row(t, i)[needed[n]]) {
				warnx("%s:%zu: field %d is absent", path, i + 1, needed[n] + 1);
				rc = BD_USAGE;
			}
	return rc;
}

int
main(int argc, char *argv[])
{
	static const int volume[] = {V_NAME}, generation[] = {G_NAME, G_STATE}, engine[] = {E_CONTAINER, E_INSTANCE},
		copy[] = {C_GENERATION, C_NAME, C_STATUS, C_DUMPS};
	const char *rows = NULL, *found = NULL;
	bd_start();
	for (int c; (c = getopt(argc, argv, "d:e:V")) != -1;)
		switch (c) {
		case 'd': rows = optarg; break;
		case 'e': found = optarg; break;
		case 'V': bd_version();
		default: usage();
		}
	argv += optind;
	if (argc - optind != 3 || !rows != !found)
		usage();
	int rc = load(&volumes, argv[0], volume, 1);
	rc = rc ? rc : load(&generations, argv[1], generation, 2);
	rc = rc ? rc : load(&copies, argv[2], copy, 4);
	rc = rc || !rows ? rc : load(&databases, rows, NULL, 0);
	rc = rc || !found ? rc : load(&engines, found, engine, 2);
	if (rc)
		return rc;
	table_sort(&volumes);
	if (copies.rows)
		qsort(copies.cell, copies.rows, C_COLUMNS * sizeof *copies.cell, by_volume);
	char **last = newest();
	for (size_t i = 0; i < volumes.rows && rc == 0; i++)
		rc = judge_volume(table_row(&volumes, i), last);
	for (size_t i = 0; i < engines.rows && rc == 0; i++)
		rc = judge_database(table_row(&engines, i));
	return bd_finish(rc < 0 ? BD_FATAL : BD_DONE);
}
