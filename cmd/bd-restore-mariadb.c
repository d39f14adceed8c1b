/* bd-restore-mariadb - replays a dump into a database of a MariaDB or MySQL server in a container.
 *
 * No transaction spans a CREATE TABLE. So what the database holds is dumped first, and replayed by ourselves if the
 * dump cannot be; if we are killed meanwhile, the command that does it stands on stderr since before the first change.
 * All that can be refused is refused before that, too: every refusal is told, and nothing has been touched. */
#include <stdlib.h>

#include "myreplay.h"
#include "mysafety.h"
#include "mysession.h"
#include "signals.h"
#include "tell.h"

static const char synopsis[] = "bd-restore-mariadb [-efknpvSV] [-s DIR] [-u USER] CONTAINER DATABASE DUMP";

static void
show_plan(const struct myrestore *r)
{
	const struct restore *j = &r->job;
	char *summary = mycontent_summary(&r->now), *command = mysession_command(&r->target);
	FILE *out = j->dry ? stdout : stderr;
	const char *mark = j->dry ? "" : "+ ";
	fflush(stdout);
	if (!j->no_safety)
		fprintf(out, "%s%s of database '%s' to %s\n", mark, mytarget_dumper(&r->target), j->database, j->safety_dir);
	if (j->empty)
		fprintf(out, "%sempty database '%s': %s\n", mark, j->database, summary);
	fprintf(out, "%s%s <%s\n", mark, command, j->file);
	free(summary);
	free(command);
}

/* That was some time ago: what there is is listed anew. */
static int
make_safety(struct mysafety *s, struct myrestore *r)
{
	int rc = mysafety_make(s, r);
	if (rc != BD_DONE)
		return rc;
	mycontent_free(&r->now);
	if (mycontent_list(&r->target, &r->now) == BD_DONE)
		return BD_DONE;
	mysafety_drop(s);
	tell_error("database '%s': what it holds cannot be told; nothing was changed", r->job.database);
	return BD_FAILED;
}

static int
restore(struct myrestore *r)
{
	const struct restore *j = &r->job;
	struct mysafety s;
	if (!j->no_safety && make_safety(&s, r) != BD_DONE)
		return BD_FAILED;
	enum my_outcome o = myreplay(&r->target, &r->dump, &r->now, j->empty, j->put_back);
	if (o == MY_SPOILT && !j->no_safety)
		mysafety_put_back(&s, r);
	else if (o == MY_SPOILT)
		tell_error("database '%s' is restored in part only, and there is no safety dump; what failed is above", j->database);
	else if (o == MY_PARTLY)
		tell_error("database '%s' holds what %s has, but for what failed, which is named above", j->database, j->file);
	else {
		if (!j->no_safety)
			mysafety_drop(&s);
		if (o == MY_UNTOUCHED)
			tell_error("database '%s' was not restored; nothing in it was changed", j->database);
	}
	return o == MY_REPLAYED ? BD_DONE : BD_FAILED;
}

int
main(int argc, char *argv[])
{
	struct myrestore r = {0};
	restore_begin(&r.job, argc, argv, "efknpvSVs:u:", synopsis);
	int status = myrestore_look(&r);
	if (status == BD_DONE && (r.job.dry || r.job.verbose))
		show_plan(&r);
	if (status == BD_DONE && !r.job.dry) {
		status = restore(&r);
		if (status == BD_DONE)
			printf("MariaDB/MySQL restore complete for db '%s'.\n", r.job.database);
	}
	myrestore_free(&r);
	if (status != BD_DONE && restore_stop)
		signals_die(restore_stop);
	return bd_finish(status);
}
