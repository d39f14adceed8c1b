/* bd-prune - decides which generations may go: repository generation verdict reasons.
 *
 * A pure filter: records of bd-generations in, records out; it has no clock. What must hold
 * whatever the policy says:
 *  - the last complete generation stays, and so does the last good copy and the last dumps of any
 *    volume that still exists;
 *  - so does what cannot be read, what has no date or one that has not come yet, and what may still be
 *    in the making;
 *  - what was not seen to be complete counts for nothing, and a generation does not count for the
 *    volumes that failed in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"
#include "table.h"
#include "tree.h"

enum { G_REPO, G_NAME, G_TIME, G_STATE, G_COLUMNS = 10 };
enum { V_REPO, V_GENERATION, V_STATE, V_NAME, V_STATUS, V_FILES, V_DUMPS, V_DATABASE, V_DUMPED, V_ENGINE, V_COLUMNS };
enum { E_COLUMNS = 5 }; /* of bd-volumes */

struct generation {
	char **row;
	bool complete, odd; /* odd: unreadable, undated or of the future; no rule looks at it */
	struct tm when;
	char *reasons; /* why it stays, separated by blanks; NULL: nothing keeps it */
};

static struct table generations = {.columns = G_COLUMNS}, copies = {.columns = V_COLUMNS}, existing = {.columns = E_COLUMNS};
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
is(const char *field, const char *text)
{
	return field && !strcmp(field, text);
}

static void
keep(struct generation *g, const char *why, const char *volume)
{
	char *word = volume ? xasprintf("%s:%s", why, volume) : xstrdup(why);
	char *all = g->reasons ? xasprintf("%s %s", g->reasons, word) : xstrdup(word);
	free(word);
	free(g->reasons);
	g->reasons = all;
}

static int
by_volume(const void *a, const void *b)
{
	char *const *x = *(char **const *)a, *const *y = *(char **const *)b;
	int rc = strcmp(x[V_REPO], y[V_REPO]);
	rc = rc ? rc : strcmp(x[V_NAME], y[V_NAME]);
	return rc ? rc : strcmp(y[V_GENERATION], x[V_GENERATION]);
}

static bool
exists(const char *volume)
{
	size_t low = 0, high = existing.rows;
	while (know_existing && low < high) {
		size_t mid = low + (high - low) / 2;
		int rc = strcmp(table_row(&existing, mid)[0], volume);
		if (!rc)
			return true;
		if (rc < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return !know_existing;
}

/* One repository: its generations, the newest first. */
struct repo {
	struct generation *g;
	size_t count;
	const struct tm **when; /* room for a list of them */
	struct generation **listed;
	unsigned *kept;
};

static struct generation *
find(const struct repo *r, const char *name)
{
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int rc = strcmp(name, r->g[mid].row[G_NAME]);
		if (!rc)
			return &r->g[mid];
		if (rc < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* The rows of one volume, the newest first. */
struct history {
	char ***row;
	size_t count;
};

static bool
failed_in(const struct history *h, const char *generation)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strcmp(h->row[i][V_GENERATION], generation))
			return !is(h->row[i][V_STATUS], "good");
	return false;
}

static bool
good_in(const struct history *h, const char *generation)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strcmp(h->row[i][V_GENERATION], generation))
			return is(h->row[i][V_STATUS], "good");
	return false;
}

/* The policy over those that are complete, or over all; for a volume over those in which it did not fail, and then
 * only what holds it is kept. */
static void
apply(struct repo *r, bool all, const struct history *h)
{
	static const char *const names[] = {"last", "hourly", "daily", "weekly", "monthly", "yearly"};
	size_t n = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct generation *g = &r->g[i];
		if (g->odd || !(all || g->complete) || (h && failed_in(h, g->row[G_NAME])))
			continue;
		r->listed[n] = g;
		r->when[n] = &g->when;
		r->kept[n++] = 0;
	}
	policy_apply(&policy, r->when, n, r->kept);
	for (size_t i = 0; i < n; i++) {
		struct generation *g = r->listed[i];
		if ((all && g->complete) || (h && !good_in(h, g->row[G_NAME])))
			continue;
		for (int rule = 0; rule < POLICY_RULES; rule++)
			if (r->kept[i] & 1U << rule)
				keep(g, names[rule], h ? h->row[0][V_NAME] : NULL);
	}
}

/* The newest that has the volume, and the newest with its dumps if those of a later one failed. */
static void
keep_last_of(struct repo *r, const struct history *h)
{
	size_t good = 0, unproven = 0, dumped = 0;
	const char *volume = h->row[0][V_NAME];
	while (good < h->count && !is(h->row[good][V_STATUS], "good"))
		good++;
	while (unproven < h->count && !is(h->row[unproven][V_STATUS], "unproven"))
		unproven++;
	while (dumped < h->count && (is(h->row[dumped][V_STATUS], "unproven") || !is(h->row[dumped][V_DUMPED], "yes")))
		dumped++;
	/* a copy that nothing vouches for is better than none */
	size_t best = good < h->count ? good : unproven;
	if (best < h->count)
		keep(find(r, h->row[best][V_GENERATION]), "copy", volume);
	if (dumped < h->count && dumped != best && is(h->row[0][V_DATABASE], "yes"))
		keep(find(r, h->row[dumped][V_GENERATION]), "dump", volume);
}

/* What must stay. */
static void
keep_always(struct repo *r)
{
	size_t complete = 0;
	while (complete < r->count && !(r->g[complete].complete && !r->g[complete].odd))
		complete++;
	for (size_t i = 0; i < r->count; i++) {
		struct generation *g = &r->g[i];
		if (i == complete)
			keep(g, "newest", NULL);
		if (is(g->row[G_STATE], "unreadable"))
			keep(g, "unreadable", NULL);
		else if (g->odd)
			keep(g, g->when.tm_mday ? "future" : "undated", NULL);
		else if (i < complete) /* the original builds them where they are seen */
			keep(g, "unfinished", NULL);
	}
}

static void
judge(struct repo *r, char ***rows, size_t count, bool only_always)
{
	keep_always(r);
	if (!only_always) {
		apply(r, false, NULL);
		apply(r, true, NULL);
	}
	for (size_t i = 0, n; i < count; i += n) {
		bool fails = false;
		for (n = 0; i + n < count && !strcmp(rows[i + n][V_NAME], rows[i][V_NAME]); n++)
			fails = fails || (!is(rows[i + n][V_STATUS], "good") && !is(rows[i + n][V_STATUS], "unproven"));
		struct history h = {rows + i, n};
		if (!exists(rows[i][V_NAME]))
			continue;
		keep_last_of(r, &h);
		if (fails && !only_always)
			apply(r, false, &h);
	}
}

static int
print(const struct repo *r)
{
	for (size_t i = r->count; i-- > 0;) {
		const struct generation *g = &r->g[i];
		if (TSV_WRITE(stdout, g->row[G_REPO], g->row[G_NAME], g->reasons ? "keep" : "remove",
		    g->reasons ? g->reasons : g->complete ? "old" : "partial") < 0)
			return -1;
	}
	return 0;
}

static void
generation_init(struct generation *g, char **row, const char *now)
{
	*g = (struct generation){.row = row};
	g->complete = is(row[G_STATE], "whole") || is(row[G_STATE], "unstamped");
	bool dated = generation_time(row[G_NAME], &g->when) >= 0;
	if (!dated)
		g->when = (struct tm){0};
	g->odd = !dated || is(row[G_STATE], "unreadable") || (now && strcmp(row[G_NAME], now) > 0);
}

/* The rows of copies are sorted by repository, volume and, the newest first, generation. */
static int
judge_repos(char ***rows, const char *now, bool only_always)
{
	int rc = 0;
	for (size_t i = 0, n, v = 0, m; i < generations.rows && rc == 0; i += n, v += m) {
		const char *repo = table_row(&generations, i)[G_REPO];
		for (n = 1; i + n < generations.rows && !strcmp(table_row(&generations, i + n)[G_REPO], repo); n++)
			;
		for (m = 0; v + m < copies.rows && !strcmp(rows[v + m][V_REPO], repo); m++)
			;
		struct repo r = {.g = xcalloc(n, sizeof *r.g), .count = n, .when = xcalloc(n, sizeof *r.when),
		    .listed = xcalloc(n, sizeof *r.listed), .kept = xcalloc(n, sizeof *r.kept)};
		for (size_t k = 0; k < n; k++)
			generation_init(&r.g[k], table_row(&generations, i + n - 1 - k), now);
		judge(&r, rows + v, m, only_always);
		rc = print(&r);
		for (size_t k = 0; k < n; k++)
			free(r.g[k].reasons);
		free(r.g);
		free(r.when);
		free(r.listed);
		free(r.kept);
	}
	return rc;
}

static int
check_generation(const struct tsv *at, char *const row[])
{
	static const char *const states[] = {"whole", "unstamped", "partial", "unreadable"};
	if (!row[G_REPO] || !row[G_NAME] || !generation_name(row[G_NAME]))
		return tsv_bad(at, "no generation");
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (is(row[G_STATE], states[i]))
			return 0;
	return tsv_bad(at, "no such state");
}

static bool
is_listed(const char *repo, const char *name)
{
	size_t low = 0, high = generations.rows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		char **row = table_row(&generations, mid);
		int rc = strcmp(row[G_REPO], repo);
		rc = rc ? rc : strcmp(row[G_NAME], name);
		if (!rc)
			return true;
		if (rc < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static int
check_copy(const struct tsv *at, char *const row[])
{
	static const char *const states[] = {"good", "failed", "damaged", "missing", "unproven"};
	if (!row[V_REPO] || !row[V_GENERATION] || !row[V_NAME])
		return tsv_bad(at, "no copy");
	if (!is_listed(row[V_REPO], row[V_GENERATION]))
		return tsv_bad(at, "of a generation that is not listed");
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (is(row[V_STATUS], states[i]))
			return 0;
	return tsv_bad(at, "no such status");
}

static int
check_existing(const struct tsv *at, char *const row[])
{
	return row[0] ? 0 : tsv_bad(at, "a volume without a name");
}

static int
load(struct table *t, const char *path, int (*check)(const struct tsv *, char *const row[]))
{
	FILE *in = fopen(path, "re");
	struct tsv at = {.name = path};
	if (!in) {
		warn("%s", path);
		return BD_FATAL;
	}
	int rc = table_read(t, in, path);
	fclose(in);
	for (size_t i = 0; !rc && i < t->rows; i++) {
		at.line = i + 1;
		if (check(&at, table_row(t, i)) < 0)
			rc = BD_USAGE;
	}
	table_sort(t);
	return rc;
}

static int
check_twice(void)
{
	for (size_t i = 1; i < generations.rows; i++) {
		char **a = table_row(&generations, i - 1), **b = table_row(&generations, i);
		if (!strcmp(a[G_REPO], b[G_REPO]) && !strcmp(a[G_NAME], b[G_NAME])) {
			warnx("%s/%s: listed twice", b[G_REPO], b[G_NAME]);
			return BD_USAGE;
		}
	}
	return 0;
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
		default:
			policy.keep[strchr(rules, c) - rules] = bd_number(optarg, -1, 1000000, (char[]){'-', (char)c, '\0'});
			any = true;
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
	char ***rows = xcalloc(copies.rows + 1, sizeof *rows);
	for (size_t i = 0; i < copies.rows; i++)
		rows[i] = table_row(&copies, i);
	qsort(rows, copies.rows, sizeof *rows, by_volume);
	rc = judge_repos(rows, now, only_always) < 0 ? BD_FATAL : BD_DONE;
	free(rows);
	return bd_finish(rc);
}
