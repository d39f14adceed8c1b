/* bd-kept - tells what a generation keeps of each volume, for its manifest: volume status database dumped engine.
 *
 * A pure filter: records of bd-settle, bd-digest and bd-dump in. */
#include "table.h"

enum { R_VOLUME, R_STATUS, R_COLUMNS = 9 };  /* of bd-settle */
enum { G_VOLUME, G_STATUS, G_COLUMNS = 7 };  /* of bd-digest */
enum { D_VOLUME, D_ENGINE = 4, D_STATUS = 6, D_COLUMNS = 11 }; /* of bd-dump */

static struct table results = {.columns = R_COLUMNS}, digests = {.columns = G_COLUMNS}, dumps = {.columns = D_COLUMNS};

static int
check(const struct tsv *at, char *const row[])
{
	return table_need(at, row, (const int[]){R_VOLUME, R_STATUS}, 2);
}

static int
check_dump(const struct tsv *at, char *const row[])
{
	return table_need(at, row, (const int[]){D_VOLUME, D_STATUS}, 2);
}

/* Whether what was copied could be read back; of a volume without files or dumps nothing is. */
static bool
readable(const char *volume)
{
	char **row = table_find(&digests, &volume, 1);
	return !row || !field_is(row[G_STATUS], "failed");
}

/* A volume counts as dumped if every database of it was, whoever asked for it. */
static int
print(const char *volume, bool kept)
{
	const char *engine = NULL;
	bool database = false, dumped = true;
	for (size_t i = 0; i < dumps.rows; i++) {
		char **row = table_row(&dumps, i);
		if (!field_is(row[D_VOLUME], volume))
			continue;
		database = true;
		engine = row[D_ENGINE] ? row[D_ENGINE] : engine;
		dumped = dumped && field_is(row[D_STATUS], "ok");
	}
	return TSV_WRITE(stdout, volume, kept ? "ok" : "failed", database ? "yes" : "no", database && dumped ? "yes" : "no", engine);
}

int
main(int argc, char *argv[])
{
	char **file = bd_operands(argc, argv, "V", 3, 3, "bd-kept [-V] RESULTS DIGESTS DUMPS");
	int status = table_load(&results, file[0], check);
	if (!status)
		status = table_load(&digests, file[1], check);
	if (!status)
		status = table_load(&dumps, file[2], check_dump);
	table_sort(&digests);
	for (size_t i = 0; !status && i < results.rows; i++) {
		char **row = table_row(&results, i);
		if (print(row[R_VOLUME], !field_is(row[R_STATUS], "failed") && readable(row[R_VOLUME])) < 0)
			status = BD_FATAL;
	}
	return bd_finish(status);
}
