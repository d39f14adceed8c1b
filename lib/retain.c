/* retain.c - which generations of one repository must stay, and why. */
#include <stdlib.h>
#include <string.h>

#include "retain.h"
#include "tree.h"

/* The copies of one volume, the newest first. */
struct history {
	char **const *copy;
	size_t count;
};

void
generation_judge(struct retained *g, char **row, const char *now)
{
	*g = (struct retained){.row = row, .complete = generation_complete(row)};
	bool dated = generation_time(row[GENERATION_NAME], &g->when) >= 0;
	if (!dated)
		g->when = (struct tm){0};
	g->odd = !dated || field_is(row[GENERATION_STATE], "unreadable") || (now && strcmp(row[GENERATION_NAME], now) > 0);
}

static void
keep(struct retained *g, const char *why, const char *volume)
{
	char *word = volume ? xasprintf("%s:%s", why, volume) : xstrdup(why);
	char *all = g->reasons ? xasprintf("%s %s", g->reasons, word) : xstrdup(word);
	free(word);
	free(g->reasons);
	g->reasons = all;
}

/* What became of the volume in a generation; NULL: it was not there. */
static const char *
status_in(const struct history *h, const struct retained *g)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strcmp(h->copy[i][COPY_GENERATION], g->row[GENERATION_NAME]))
			return h->copy[i][COPY_STATUS];
	return NULL;
}

/* Whether the rules look at a generation: those that are complete, or all; for a volume those in which it did not fail. */
static bool
counts(const struct retained *g, bool all, const struct history *h)
{
	const char *status = h ? status_in(h, g) : NULL;
	return !g->odd && (all || g->complete) && (!status || !strcmp(status, "good"));
}

/* The policy over what counts; for a volume only what holds it is kept, and of all only what is not complete. */
static void
apply(struct retain *r, bool all, const struct history *h)
{
	static const char *const names[] = {"last", "hourly", "daily", "weekly", "monthly", "yearly"};
	struct retained **listed = xcalloc(r->count, sizeof *listed);
	const struct tm **when = xcalloc(r->count, sizeof *when);
	unsigned *kept = xcalloc(r->count, sizeof *kept);
	size_t n = 0;
	for (size_t i = 0; i < r->count; i++)
		if (counts(&r->generation[i], all, h)) {
			when[n] = &r->generation[i].when;
			listed[n++] = &r->generation[i];
		}
	policy_apply(r->policy, when, n, kept);
	for (size_t i = 0; i < n; i++) {
		struct retained *g = listed[i];
		bool meant = h ? status_in(h, g) != NULL : !all || !g->complete;
		for (int rule = 0; meant && rule < POLICY_RULES; rule++)
			if (kept[i] & 1U << rule)
				keep(g, names[rule], h ? h->copy[0][COPY_VOLUME] : NULL);
	}
	free(listed);
	free(when);
	free(kept);
}

static int
by_name(const void *name, const void *generation)
{
	const struct retained *g = generation;
	return strcmp(g->row[GENERATION_NAME], name);
}

static void
keep_copy(struct retain *r, char *const copy[], const char *why)
{
	keep(bsearch(copy[COPY_GENERATION], r->generation, r->count, sizeof *r->generation, by_name), why, copy[COPY_VOLUME]);
}

/* The newest that has the volume, and the newest with its dumps if those of a later one failed. */
static void
keep_last_of(struct retain *r, const struct history *h)
{
	char **good = NULL, **unproven = NULL, **dumped = NULL;
	for (size_t i = h->count; i-- > 0;) {
		char **copy = h->copy[i];
		if (field_is(copy[COPY_STATUS], "good"))
			good = copy;
		if (field_is(copy[COPY_STATUS], "unproven"))
			unproven = copy;
		else if (field_is(copy[COPY_DUMPED], "yes"))
			dumped = copy;
	}
	/* a copy that nothing vouches for is better than none */
	char **best = good ? good : unproven;
	if (best)
		keep_copy(r, best, "copy");
	if (dumped && dumped != best && field_is(h->copy[0][COPY_DATABASE], "yes"))
		keep_copy(r, dumped, "dump");
}

static void
keep_always(struct retain *r)
{
	bool seen = false; /* a complete one */
	for (size_t i = 0; i < r->count; i++) {
		struct retained *g = &r->generation[i];
		bool newest = !seen && g->complete && !g->odd;
		seen = seen || newest;
		if (newest)
			keep(g, "newest", NULL);
		if (field_is(g->row[GENERATION_STATE], "unreadable"))
			keep(g, "unreadable", NULL);
		else if (g->odd)
			keep(g, g->when.tm_mday ? "future" : "undated", NULL);
		else if (!seen) /* the original builds them where they are seen */
			keep(g, "unfinished", NULL);
	}
}

void
retain(struct retain *r, char **const copies[], size_t count)
{
	keep_always(r);
	if (r->policy) {
		apply(r, false, NULL);
		apply(r, true, NULL);
	}
	struct history h;
	for (size_t i = 0; i < count; i += h.count) {
		const char *volume = copies[i][COPY_VOLUME];
		bool fails = false;
		h = (struct history){.copy = copies + i};
		for (; i + h.count < count && !strcmp(h.copy[h.count][COPY_VOLUME], volume); h.count++)
			fails = fails || !field_in(h.copy[h.count][COPY_STATUS], "good unproven");
		if (!r->exists(volume))
			continue;
		keep_last_of(r, &h);
		if (fails && r->policy)
			apply(r, false, &h);
	}
}
