/* bd-restore-postgres - replays a dump of pg_dump into a PostgreSQL database.
 *
 * Whatever happens, the database holds what it held before or what the dump holds, all of it. In one transaction
 * wherever the locks that it takes are few enough; else a dump of what is there is made first, and put back after
 * a failure. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pgempty.h"
#include "pgsafety.h"

static const char synopsis[] = "bd-restore-postgres [-efknpvSV] [-s DIR] [-u USER] [-w SECONDS] CONTAINER DATABASE DUMP";

/* What the role may do. */
static void
check_rights(struct pgrestore *r)
{
	const struct pgfacts *f = &r->facts;
	bool needs_schema = false;
	for (size_t i = 0; i < r->census.schemas.count; i++)
		needs_schema = needs_schema || !r->job.empty || !names_have(&f->keep, r->census.schemas.name[i]);
	if (needs_schema && r->census.schemas.count && !f->creates)
		restore_refuse(&r->job, "the dump creates schemas, which '%s' may not do in database '%s' (GRANT CREATE ON DATABASE)", r->job.user, r->job.database);
	if (r->job.empty && !r->job.put_back && f->subscriptions.count) {
		char *all = names_show(&f->subscriptions);
		restore_refuse(&r->job, "database '%s' has subscriptions, which cannot be dropped with the rest: %s", r->job.database, all);
		free(all);
	}
	if (r->census.in_public && !f->creates_in_public)
		restore_refuse(&r->job, "'%s' may create nothing in the schema public of database '%s' (GRANT CREATE ON SCHEMA public)", r->job.user, r->job.database);
}

/* Whether one transaction holds it all: what is used stays below half of what is free, for others need locks, too, and
 * the estimate is one. */
static bool
fits(const struct pgrestore *r, long long *need)
{
	*need = (long long)pgcensus_locks(&r->census) + (r->job.empty ? r->facts.drop : 0);
	return *need < r->facts.free / 2;
}

/* The max_locks_per_transaction with which it would fit. */
static long long
setting_for(const struct pgrestore *r, long long need)
{
	return r->facts.slots > 0 ? 2 * need / r->facts.slots + 8 : need;
}

static void
check_pieces(struct pgrestore *r, long long need)
{
	if (r->facts.foreign.count == 0 || r->job.no_safety)
		return;
	char *all = names_show(&r->facts.foreign);
	restore_refuse(&r->job, "%lld locks are too many for one transaction (%lld are free), and a safety dump could not be put back by '%s', "
	    "for these belong to others: %s. Raise max_locks_per_transaction to %lld or more, and start the server again",
	    need, r->facts.free, r->job.user, all, setting_for(r, need));
	free(all);
}

static char *
emptying(const struct pgrestore *r, bool whole)
{
	return whole && r->facts.plpgsql ? pgempty_whole() : pgempty_pieces();
}

static int
report_whole(struct pgrestore *r, enum pgreplay_end end)
{
	if (end == PGREPLAY_NOTHING)
		return pgrestore_as_it_was(r);
	restore_refuse(&r->job, "the connection was lost at the COMMIT, and the server does not tell what became of it: "
	    "%s is either as it was or restored, never in between", r->where);
	return pgrestore_ended();
}

/* Of -p. */
static int
report_put_back(struct pgrestore *r, enum pgreplay_end end)
{
	if (end == PGREPLAY_DONE)
		return BD_DONE;
	if (end == PGREPLAY_NOTHING)
		return pgrestore_as_it_was(r);
	if (end == PGREPLAY_PARTLY)
		restore_refuse(&r->job, "%s holds what the safety dump holds, but for what is said above", r->where);
	else
		restore_refuse(&r->job, "%s holds a part of the safety dump", r->where);
	return pgrestore_ended();
}

static int
in_pieces(struct pgrestore *r, long long need)
{
	if (!r->job.no_safety && pgsafety_make(r) < 0) {
		restore_refuse(&r->job, "%lld locks are too many for one transaction (%lld are free), and no safety dump could be made; database '%s' is as it was. "
		    "Raise max_locks_per_transaction to %lld or more, and start the server again", need, r->facts.free, r->job.database, setting_for(r, need));
		return pgrestore_ended();
	}
	fprintf(stderr, "WARNING: %lld locks are too many for one transaction (%lld are free): others see database '%s' while it is half restored; "
	    "with max_locks_per_transaction = %lld or more they would not\n", need, r->facts.free, r->job.database, setting_for(r, need));
	enum pgreplay_end end = pgrestore_replay(r, false);
	if (r->job.put_back)
		return report_put_back(r, end);
	if (end == PGREPLAY_NOTHING)
		return pgrestore_as_it_was(r);
	if (end != PGREPLAY_DONE)
		return pgsafety_put_back(r);
	return safety_remove(&r->safety) == 0 ? BD_DONE : BD_FAILED;
}

static int
restore(struct pgrestore *r)
{
	long long need;
	bool whole = fits(r, &need);
	if (!whole && !r->unusable)
		check_pieces(r, need);
	if (r->job.refusals)
		return BD_FAILED;
	if (r->job.dry || r->job.verbose)
		fprintf(stderr, "%s%s into database '%s', %s\n", r->job.empty ? "empty it, then " : "", r->job.file, r->job.database,
		    whole ? "in one transaction" : r->job.no_safety ? "in pieces, without a safety dump" : "in pieces, after a safety dump");
	if (r->job.dry)
		return BD_DONE;
	if (!whole)
		return in_pieces(r, need);
	enum pgreplay_end end = pgrestore_replay(r, true);
	if (r->job.put_back && end == PGREPLAY_NOTHING && !restore_stop) {
		fprintf(stderr, "not all of it can be put back: what can be is, piece by piece\n");
		return report_put_back(r, pgrestore_replay(r, false));
	}
	return end == PGREPLAY_DONE ? BD_DONE : report_whole(r, end);
}

int
main(int argc, char *argv[])
{
	struct pgrestore r = {.program = "bd-restore-postgres", .kind = DUMP_POSTGRES, .emptying = emptying};
	pgrestore_begin(&r, argc, argv, synopsis);
	int status = pgrestore_look(&r);
	if (status == BD_DONE) {
		if (!r.unusable)
			check_rights(&r);
		status = restore(&r);
		if (status == BD_DONE && !r.job.dry)
			printf("PostgreSQL restore complete for db '%s'.\n", r.job.database);
	}
	pgrestore_close(&r);
	return bd_finish(status);
}
