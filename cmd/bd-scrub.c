/* bd-scrub - plans a verification that goes on from run to run: the volumes in the order of their turn, first those that were
 * begun, then those that were not complete for longest. With -r, what is known of each after some were verified.
 *
 * A pure filter; it has no clock. What is known of a volume: volume last newest begun next. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

enum { K_VOLUME, K_LAST, K_NEWEST, K_BEGUN, K_NEXT, K_COLUMNS };
enum { V_GENERATION, V_VOLUME, V_COLUMNS };
enum { R_VOLUME = 1, R_NEXT = 5, R_COLUMNS }; /* of bd-verify -o */

struct volume {
	const char *name, *last, *newest, *begun, *next; /* as they are known; NULL where absent */
	size_t first, count; /* its rows of volumes, the oldest generation first */
};

static struct table known = {.columns = K_COLUMNS}, volumes = {.columns = V_COLUMNS}, results = {.columns = R_COLUMNS};
static struct volume *list; /* those there are */

static const char synopsis[] = "bd-scrub [-V] [-r RESULTS -t TIME] KNOWN VOLUMES";

static bool
is_number(const char *s)
{
	return s[strspn(s, "0123456789")] == '\0';
}

static int
check_known(const struct tsv *at, char *const row[])
{
	if (table_need(at, row, (const int[]){K_VOLUME, K_LAST}, 2) < 0)
		return -1;
	if (!row[K_NEWEST] != !row[K_NEXT] || !row[K_BEGUN] != !row[K_NEXT])
		return tsv_bad(at, "newest, begun and next belong together");
	if (!is_number(row[K_LAST]) || (row[K_NEXT] && !(is_number(row[K_NEWEST]) && is_number(row[K_BEGUN]))))
		return tsv_bad(at, "last, newest and begun are numbers");
	return row[K_NEXT] && strncmp(row[K_NEXT], "./", 2) != 0 ? tsv_bad(at, "'%s' does not begin with ./", row[K_NEXT]) : 0;
}

static int
check_volume(const struct tsv *at, char *const row[])
{
	return table_need(at, row, (const int[]){V_VOLUME}, 1);
}

static int
check_result(const struct tsv *at, char *const row[])
{
	return table_need(at, row, (const int[]){R_VOLUME}, 1);
}

static const char *
generation_of(size_t row)
{
	return table_row(&volumes, row)[V_GENERATION];
}

static int
by_volume(const void *a, const void *b)
{
	char *const *x = a, *const *y = b;
	int rc = strcmp(x[V_VOLUME], y[V_VOLUME]);
	return rc ? rc : strcmp(x[V_GENERATION] ? x[V_GENERATION] : "", y[V_GENERATION] ? y[V_GENERATION] : "");
}

static int
by_turn(const void *a, const void *b)
{
	const struct volume *x = a, *y = b;
	unsigned long long last = strtoull(x->last, NULL, 10), other = strtoull(y->last, NULL, 10);
	if (!x->next != !y->next)
		return x->next ? -1 : 1;
	return last != other ? (last > other) - (last < other) : strcmp(x->name, y->name);
}

/* Makes the list, by name. Returns how many. */
static size_t
list_volumes(void)
{
	size_t count = 0;
	list = xcalloc(volumes.rows + 1, sizeof *list);
	table_sort(&known);
	if (volumes.rows)
		qsort(volumes.cell, volumes.rows, volumes.columns * sizeof *volumes.cell, by_volume);
	for (size_t i = 0; i < volumes.rows; i++) {
		const char *name = table_row(&volumes, i)[V_VOLUME];
		if (count && !strcmp(name, list[count - 1].name)) {
			list[count - 1].count++;
			continue;
		}
		struct volume *v = &list[count++];
		char **row = table_find(&known, &name, 1);
		*v = (struct volume){.name = name, .last = "0", .first = i, .count = 1};
		if (row) {
			v->last = row[K_LAST];
			v->newest = row[K_NEWEST];
			v->begun = row[K_BEGUN];
			v->next = row[K_NEXT];
		}
	}
	return count;
}

/* Whether the generation of a row belongs to what was begun of the volume, if anything was. */
static bool
belongs(const struct volume *v, size_t row)
{
	return !v->next || (generation_of(row) && strcmp(generation_of(row), v->newest) <= 0);
}

static int
print_jobs(const struct volume *v)
{
	for (size_t i = v->first; i < v->first + v->count; i++)
		if (belongs(v, i) && TSV_WRITE(stdout, generation_of(i), v->name, NULL, v->next) < 0)
			return -1;
	return 0;
}

static char **
result_of(const char *volume)
{
	for (size_t i = 0; i < results.rows; i++)
		if (!strcmp(table_row(&results, i)[R_VOLUME], volume))
			return table_row(&results, i); /* next is the same in all generations */
	return NULL;
}

static int
print_known(struct volume *v, const char *time)
{
	char **result = result_of(v->name);
	if (result && result[R_NEXT]) {
		if (!v->next) {
			v->newest = generation_of(v->first + v->count - 1);
			v->begun = time;
		}
		v->next = result[R_NEXT];
	} else if (result || !belongs(v, v->first)) { /* all was compared, or nothing is left of what was begun */
		v->last = result ? time : v->last;
		v->newest = v->begun = v->next = NULL;
	}
	return TSV_WRITE(stdout, v->name, v->last, v->newest, v->begun, v->next);
}

int
main(int argc, char *argv[])
{
	const char *after = NULL, *time = NULL;
	bd_start();
	for (int c; (c = getopt(argc, argv, "r:t:V")) != -1;)
		switch (c) {
		case 'r': after = optarg; break;
		case 't': bd_number(time = optarg, 0, LONG_MAX, "-t"); break;
		case 'V': bd_version();
		default: bd_usage(synopsis);
		}
	if (argc - optind != 2 || !after != !time)
		bd_usage(synopsis);
	int status = table_load(&known, argv[optind], check_known);
	if (!status)
		status = table_load(&volumes, argv[optind + 1], check_volume);
	if (!status && after)
		status = table_load(&results, after, check_result);
	if (status)
		return status;
	size_t count = list_volumes();
	if (!after && count)
		qsort(list, count, sizeof *list, by_turn);
	for (size_t i = 0; !status && i < count; i++)
		if ((after ? print_known(&list[i], time) : print_jobs(&list[i])) < 0)
			status = BD_FATAL;
	return bd_finish(status);
}
