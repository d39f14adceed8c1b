/* retain.c - which generations of one repository must stay, and why. */
#include <stdlib.h>
#include <string.h>

#include "retain.h"
#include "tree.h"

/* The copies of one volume, the newest first. */
struct history {
	char **const *copy;
	size_t count;
	bool of_dumps; /* what matters is their dumps, not their files */
};

enum worth { NOTHING, DAMAGED, UNPROVEN, GOOD };

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

/* The volume's copy in a generation; NULL: it was not there. */
static char **
copy_in(const struct history *h, const struct retained *g)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strcmp(h->copy[i][COPY_GENERATION], g->row[GENERATION_NAME]))
			return h->copy[i];
	return NULL;
}

/* A copy without files is what its dumps are. */
static enum worth
worth(const struct history *h, char *const copy[])
{
	bool files = field_is(copy[COPY_FILES], "yes"), dumps = !field_is(copy[COPY_DUMPS], "0");
	if (h->of_dumps ? !dumps || !field_is(copy[COPY_DUMPED], "yes") : field_is(copy[COPY_STATUS], "failed") || (!files && !dumps))
		return NOTHING;
	if (field_in(copy[COPY_DAMAGE], h->of_dumps || !files ? "dumps both" : "files both"))
		return DAMAGED;
	return field_is(copy[COPY_STATUS], "unproven") ? UNPROVEN : GOOD;
}

/* Where it was no database that ran, it had no dumps to fail. */
static bool
failed(const struct history *h, char *const copy[])
{
	return worth(h, copy) != GOOD && (!h->of_dumps || field_is(copy[COPY_DATABASE], "yes"));
}

/* Whether the rules look at a generation: those that are complete, or all; for a volume those in which it did not fail. */
static bool
counts(const struct retained *g, bool all, const struct history *h)
{
	char **copy = h ? copy_in(h, g) : NULL;
	return !g->odd && (all || g->complete) && (!copy || !failed(h, copy));
}

/* Whether the generation is kept when the rules want it: for a volume only what has it, and of all only what is not complete. */
static bool
meant(const struct retained *g, bool all, const struct history *h)
{
	char **copy = h ? copy_in(h, g) : NULL;
	return h ? copy && worth(h, copy) == GOOD : !all || !g->complete;
}

/* The policy over what counts. */
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
		for (int rule = 0; meant(g, all, h) && rule < POLICY_RULES; rule++)
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

/* The newest copy of that worth; false: there is none. */
static bool
keep_copy(struct retain *r, const struct history *h, enum worth wanted)
{
	for (size_t i = 0; i < h->count; i++) {
		char **copy = h->copy[i];
		if (worth(h, copy) != wanted)
			continue;
		keep(bsearch(copy[COPY_GENERATION], r->generation, r->count, sizeof *r->generation, by_name),
		    h->of_dumps ? "dump" : "copy", copy[COPY_VOLUME]);
		return true;
	}
	return false;
}

/* The newest good one. Which is worth more where there is none, what nothing vouches for or what is damaged, cannot be told. */
static void
keep_last(struct retain *r, const struct history *h)
{
	if (keep_copy(r, h, GOOD))
		return;
	keep_copy(r, h, UNPROVEN);
	keep_copy(r, h, DAMAGED);
}

static void
keep_always(struct retain *r)
{
	bool seen = false, filled = false; /* a complete one, one that has volumes */
	for (size_t i = 0; i < r->count; i++) {
		struct retained *g = &r->generation[i];
		bool counted = g->complete && !g->odd, full = counted && !field_is(g->row[GENERATION_VOLUMES], "0");
		if (counted && !seen)
			keep(g, "newest", NULL);
		else if (full && !filled) /* an engine that has lost its volumes takes nothing away */
			keep(g, "filled", NULL);
		seen = seen || counted;
		filled = filled || full;
		if (field_is(g->row[GENERATION_STATE], "unreadable"))
			keep(g, "unreadable", NULL);
		else if (g->odd)
			keep(g, g->when.tm_mday ? "future" : "undated", NULL);
		else if (!seen) /* the original builds them where they are seen */
			keep(g, "unfinished", NULL);
	}
}

static bool
fails_somewhere(const struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (!field_is(h->copy[i][COPY_STATUS], "unproven") && failed(h, h->copy[i]))
			return true;
	return false;
}

/* Where it failed, another generation has to stand in. */
static void
retain_volume(struct retain *r, const struct history *h)
{
	keep_last(r, h);
	if (r->policy && fails_somewhere(h))
		apply(r, false, h);
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
		h = (struct history){.copy = copies + i};
		while (i + h.count < count && !strcmp(h.copy[h.count][COPY_VOLUME], h.copy[0][COPY_VOLUME]))
			h.count++;
		for (int dumps = 0; dumps < 2 && r->exists(h.copy[0][COPY_VOLUME]); dumps++) {
			h.of_dumps = dumps;
			retain_volume(r, &h);
		}
	}
}
