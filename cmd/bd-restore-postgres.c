/* bd-restore-postgres - replays a dump of pg_dump into a PostgreSQL database.
 *
 * Whatever happens, the database holds what it held before or what the dump holds, all of it. In one transaction
 * wherever the locks that it takes are few enough; else a dump of what is there is made first, and put back after
 * a failure. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pgempty.h"
#include "pgrestore.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-restore-postgres [-efknpvSV] [-s DIR] [-u USER] [-w SECONDS] CONTAINER DATABASE DUMP\n");
	exit(BD_USAGE);
}

static void
wrong_usage(void)
{
	usage();
}

/* What the role may do. */
static void
check_rights(struct pgrestore *r)
{
	const struct pgfacts *f = &r->facts;
	bool needs_schema = false;
	for (size_t i = 0; i < r->census.schemas.count; i++)
		needs_schema = needs_schema || !r->empty || !names_have(&f->keep, r->census.schemas.name[i]);
	if (needs_schema && r->census.schemas.count && !f->creates)
		pgrestore_refuse(r, "the dump creates schemas, which '%s' may not do in database '%s' (GRANT CREATE ON DATABASE)", r->user, r->database);
	if (r->empty && !r->put_back && f->subscriptions.count) {
		char *all = names_show(&f->subscriptions);
		pgrestore_refuse(r, "database '%s' has subscriptions, which cannot be dropped with the rest: %s", r->database, all);
		free(all);
	}
	if (r->census.in_public && !f->creates_in_public)
		pgrestore_refuse(r, "'%s' may create nothing in the schema public of database '%s' (GRANT CREATE ON SCHEMA public)", r->user, r->database);
}

/* Whether one transaction holds it all: what is used stays below half of what is free, for others need locks, too, and
 * the estimate is one. */
static bool
fits(const struct pgrestore *r, long long *need)
{
	*need = (long long)pgcensus_locks(&r->census) + (r->empty ? r->facts.drop : 0);
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
	if (r->facts.foreign.count == 0 || r->no_safety)
		return;
	char *all = names_show(&r->facts.foreign);
	pgrestore_refuse(r, "%lld locks are too many for one transaction (%lld are free), and a safety dump could not be put back by '%s', "
	    "for these belong to others: %s. Raise max_locks_per_transaction to %lld or more, and start the server again",
	    need, r->facts.free, r->user, all, setting_for(r, need));
	free(all);
}

static enum pgreplay_end
replay(const struct pgrestore *r, bool whole, bool empty)
{
	char *before = !empty ? NULL : whole && r->facts.plpgsql ? pgempty_whole() : pgempty_pieces();
	const struct pgreplay p = {.t = &r->target, .census = &r->census, .facts = &r->facts, .fd = r->fd, .name = r->file,
		.whole = whole, .go_on = r->put_back && !whole, .before = before, .emptied = empty};
	enum pgreplay_end end = pgreplay_run(&p);
	free(before);
	return end;
}

static int
ended(void)
{
	return pgrestore_signal() ? 128 + pgrestore_signal() : BD_FAILED;
}

static int
report_whole(struct pgrestore *r, enum pgreplay_end end)
{
	if (end == PGREPLAY_NOTHING)
		pgrestore_refuse(r, "the restore failed; database '%s' is as it was", r->database);
	else
		pgrestore_refuse(r, "the connection was lost at the COMMIT, and the server does not tell what became of it: "
		    "database '%s' is either as it was or restored, never in between", r->database);
	return ended();
}

/* After a failure in pieces. */
static int
put_back(struct pgrestore *r)
{
	struct pgrestore back;
	int status = ended();
	if (!r->safety) {
		pgrestore_refuse(r, "the restore failed; database '%s' holds a part of the dump, and there is no safety dump", r->database);
		return status;
	}
	fprintf(stderr, "the restore failed; putting back what was in database '%s'\n", r->database);
	pgrestore_go_on();
	enum pgreplay_end end = pgrestore_open_safety(r, &back) == 0 ? replay(&back, false, true) : PGREPLAY_TORN;
	if (end == PGREPLAY_DONE)
		pgrestore_refuse(r, "the restore failed; what was in database '%s' has been put back", r->database);
	else if (end == PGREPLAY_PARTLY)
		pgrestore_refuse(r, "the restore failed; what was in database '%s' has been put back, but for what is said above, which is in %s",
		    r->database, r->safety);
	else {
		pgrestore_refuse(r, "the restore failed, and database '%s' is neither as it was nor restored", r->database);
		pgrestore_say_command(r, "As soon as the server can do it, this puts back what was there");
	}
	pgrestore_close_safety(&back);
	return status;
}

/* Of -p. */
static int
report_put_back(struct pgrestore *r, enum pgreplay_end end)
{
	if (end == PGREPLAY_DONE)
		return BD_DONE;
	if (end == PGREPLAY_PARTLY)
		pgrestore_refuse(r, "database '%s' holds what the safety dump holds, but for what is said above", r->database);
	else if (end == PGREPLAY_NOTHING)
		return report_whole(r, end);
	else
		pgrestore_refuse(r, "database '%s' holds a part of the safety dump", r->database);
	return ended();
}

static int
in_pieces(struct pgrestore *r, long long need)
{
	if (!r->no_safety && pgrestore_make_safety(r) < 0) {
		pgrestore_refuse(r, "%lld locks are too many for one transaction (%lld are free), and no safety dump could be made; database '%s' is as it was. "
		    "Raise max_locks_per_transaction to %lld or more, and start the server again", need, r->facts.free, r->database, setting_for(r, need));
		return ended();
	}
	fprintf(stderr, "WARNING: %lld locks are too many for one transaction (%lld are free): others see database '%s' while it is half restored; "
	    "with max_locks_per_transaction = %lld or more they would not\n", need, r->facts.free, r->database, setting_for(r, need));
	enum pgreplay_end end = replay(r, false, r->empty);
	if (r->put_back)
		return report_put_back(r, end);
	if (end == PGREPLAY_NOTHING)
		return report_whole(r, end);
	if (end != PGREPLAY_DONE)
		return put_back(r);
	return pgrestore_remove_safety(r) == 0 ? BD_DONE : BD_FAILED;
}

static int
restore(struct pgrestore *r)
{
	long long need;
	bool whole = fits(r, &need);
	if (!whole && !r->unusable)
		check_pieces(r, need);
	if (r->refusals)
		return BD_FAILED;
	if (r->dry || r->verbose)
		fprintf(stderr, "%s%s into database '%s', %s\n", r->empty ? "empty it, then " : "", r->file, r->database,
		    whole ? "in one transaction" : r->no_safety ? "in pieces, without a safety dump" : "in pieces, after a safety dump");
	if (r->dry)
		return BD_DONE;
	if (!whole)
		return in_pieces(r, need);
	enum pgreplay_end end = replay(r, true, r->empty);
	if (r->put_back && end == PGREPLAY_NOTHING && !pgrestore_signal()) {
		fprintf(stderr, "not all of it can be put back: what can be is, piece by piece\n");
		return report_put_back(r, replay(r, false, true));
	}
	return end == PGREPLAY_DONE ? BD_DONE : report_whole(r, end);
}

int
main(int argc, char *argv[])
{
	struct pgrestore r = {.program = "bd-restore-postgres", .kind = DUMP_POSTGRES};
	bd_start();
	pgrestore_options(&r, argc, argv, wrong_usage);
	if (argc - optind != 3)
		usage();
	r.container = argv[optind];
	r.database = argv[optind + 1];
	r.file = argv[optind + 2];
	if (!r.user)
		r.user = r.database;
	if (!*r.container || !*r.database || !*r.user)
		usage();
	int status = pgrestore_look(&r);
	if (status == BD_DONE) {
		if (!r.unusable)
			check_rights(&r);
		status = restore(&r);
		if (status == BD_DONE && !r.dry)
			printf("PostgreSQL restore complete for db '%s'.\n", r.database);
	}
	pgrestore_close(&r);
	return bd_finish(status);
}
