/* bd-prune - decides which generations may go: repository generation verdict reasons.
 *
 * A pure filter: records of bd-generations in, records out; it has no clock. What must stay whatever the
 * policy says is in lib/retain.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "retain.h"
#include "tree.h"

enum { EXISTING_COLUMNS = 5 }; /* of bd-volumes */

static struct table generations = {.columns = GENERATION_COLUMNS}, copies = {.columns = COPY_COLUMNS},
                    existing = {.columns = EXISTING_COLUMNS};
static bool know_existing;
static struct policy policy;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-prune [-aV] [-t NOW] [-e VOLUMES] [-l LAST] [-H HOURLY] [-d DAILY] [-w WEEKLY] [-m MONTHLY]\n"
	                "                [-y YEARLY] GENERATIONS COPIES\n");
	exit(BD_USAGE);
}

static bool
exists(const char *volume)
{
	return !know_existing || table_find(&existing, &volume, 1);
}

static int
check_generation(const struct tsv *at, char *const row[])
{
	if (!row[GENERATION_REPO] || !row[GENERATION_NAME] || !generation_name(row[GENERATION_NAME]))
		return tsv_bad(at, "no generation");
	return field_in(row[GENERATION_STATE], "whole unstamped partial unreadable") ? 0 : tsv_bad(at, "no such state");
}

static int
check_copy(const struct tsv *at, char *const row[])
{
	if (!row[COPY_REPO] || !row[COPY_GENERATION] || !row[COPY_VOLUME])
		return tsv_bad(at, "no copy");
	if (!table_find(&generations, (const char *const[]){row[COPY_REPO], row[COPY_GENERATION]}, 2))
		return tsv_bad(at, "of a generation that is not listed");
	if (!field_in(row[COPY_STATUS], "good failed damaged missing unproven"))
		return tsv_bad(at, "no such status");
	return !row[COPY_DAMAGE] || field_in(row[COPY_DAMAGE], "files dumps both") ? 0 : tsv_bad(at, "no such damage");
}

static int
check_existing(const struct tsv *at, char *const row[])
{
	return row[0] ? 0 : tsv_bad(at, "a volume without a name");
}

static int
load(struct table *t, const char *path, table_check *check)
{
	int rc = table_load(t, path, check);
	table_sort(t);
	return rc;
}

static int
check_twice(void)
{
	for (size_t i = 1; i < generations.rows; i++) {
		char **a = table_row(&generations, i - 1), **b = table_row(&generations, i);
		if (!strcmp(a[GENERATION_REPO], b[GENERATION_REPO]) && !strcmp(a[GENERATION_NAME], b[GENERATION_NAME])) {
			warnx("%s/%s: listed twice", b[GENERATION_REPO], b[GENERATION_NAME]);
			return BD_USAGE;
		}
	}
	return 0;
}

static int
by_volume(const void *a, const void *b)
{
	char *const *x = *(char **const *)a, *const *y = *(char **const *)b;
	int rc = strcmp(x[COPY_REPO], y[COPY_REPO]);
	rc = rc ? rc : strcmp(x[COPY_VOLUME], y[COPY_VOLUME]);
	return rc ? rc : strcmp(y[COPY_GENERATION], x[COPY_GENERATION]);
}

/* The copies by repository, volume and, the newest first, generation. */
static char ***
sorted_copies(void)
{
	char ***rows = xcalloc(copies.rows + 1, sizeof *rows);
	for (size_t i = 0; i < copies.rows; i++)
		rows[i] = table_row(&copies, i);
	qsort(rows, copies.rows, sizeof *rows, by_volume);
	return rows;
}

/* The oldest first. */
static int
print(const struct retain *r)
{
	int rc = 0;
	for (size_t i = r->count; i-- > 0 && rc == 0;) {
		const struct retained *g = &r->generation[i];
		rc = TSV_WRITE(stdout, g->row[GENERATION_REPO], g->row[GENERATION_NAME], g->reasons ? "keep" : "remove",
		    g->reasons ? g->reasons : g->complete ? "old" : "partial");
	}
	return rc;
}

/* One repository: generations from the one in row first on, and their copies. */
static int
judge(size_t first, size_t count, char **const copy[], size_t copy_count, const char *now, bool only_always)
{
	struct retain r = {.policy = only_always ? NULL : &policy, .exists = exists, .count = count,
	    .generation = xcalloc(count, sizeof *r.generation)};
	for (size_t i = 0; i < count; i++)
		generation_judge(&r.generation[i], table_row(&generations, first + count - 1 - i), now);
	retain(&r, copy, copy_count);
	int rc = print(&r);
	for (size_t i = 0; i < count; i++)
		free(r.generation[i].reasons);
	free(r.generation);
	return rc;
}

static int
judge_all(const char *now, bool only_always)
{
	int rc = 0;
	char ***copy = sorted_copies();
	for (size_t i = 0, n, c = 0, m; i < generations.rows && rc == 0; i += n, c += m) {
		const char *repo = table_row(&generations, i)[GENERATION_REPO];
		for (n = 1; i + n < generations.rows && !strcmp(table_row(&generations, i + n)[GENERATION_REPO], repo); n++)
			;
		for (m = 0; c + m < copies.rows && !strcmp(copy[c + m][COPY_REPO], repo); m++)
			;
		rc = judge(i, n, copy + c, m, now, only_always);
	}
	free(copy);
	return rc;
}

int
main(int argc, char *argv[])
{
	static const char rules[] = "lHdwmy"; /* as in policy.h */
	bool only_always = false, any = false;
	const char *now = NULL, *volumes = NULL;
	bd_start();
	for (int c; (c = getopt(argc, argv, "ad:e:H:l:m:t:Vw:y:")) != -1;)
		switch (c) {
		case 'a': only_always = true; break;
		case 'e': volumes = optarg; break;
		case 't': now = optarg; break;
		case 'V': bd_version();
		case '?': usage();
		default:;
			long *keep = &policy.keep[strchr(rules, c) - rules];
			*keep = bd_number(optarg, -1, 1000000, (char[]){'-', (char)c, '\0'});
			any = any || *keep;
		}
	argv += optind;
	if (argc - optind != 2 || any == only_always || (now && !generation_name(now)))
		usage();
	int rc = load(&generations, argv[0], check_generation);
	rc = rc ? rc : check_twice();
	rc = rc ? rc : load(&copies, argv[1], check_copy);
	if (!rc && volumes) {
		know_existing = true;
		rc = load(&existing, volumes, check_existing);
	}
	if (rc)
		return rc;
	return bd_finish(judge_all(now, only_always) < 0 ? BD_FATAL : BD_DONE);
}
