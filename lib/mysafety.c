/* mysafety.c - what a restore of MariaDB or MySQL is about to replace: dumped before, and put back after a failure. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dumper.h"
#include "myreplay.h"
#include "mysafety.h"
#include "mysuit.h"
#include "tell.h"

enum { TRIES = 5, PAUSE = 2 }; /* to put back: a server that was killed may be on its way */

/* How what was there is put back, for a shell; to be freed. */
static char *
command(const struct mysafety *s, const struct restore *j)
{
	const char *const argv[] = {"bd-restore-mariadb", "-fp", "-u", j->user, "--", j->container, j->database, s->file.path, NULL};
	return shell_quote(argv);
}

/* Whether it could be put back. */
static bool
is_sound(struct mysafety *s, struct myrestore *r)
{
	struct mydump *d = &s->dump;
	size_t before = r->job.refusals;
	d->path = s->file.path;
	d->fd = safety_open(&s->file);
	if (d->fd < 0 || mydump_survey(d) != BD_DONE || mysuit(&r->target, d, false) < 0)
		restore_refuse(&r->job, "the safety dump could not be put back: %s", d->path);
	else
		myrestore_check_packet(r, "the safety dump", d->longest);
	return r->job.refusals == before;
}

int
mysafety_make(struct mysafety *s, struct myrestore *r)
{
	const struct restore *j = &r->job;
	const struct mytarget *t = &r->target;
	struct dumper_result result;
	*s = (struct mysafety){.dump.fd = -1};
	if (safety_begin(&s->file, j->safety_dir, j->container, j->database) < 0) {
		tell_error("no safety dump can be made in %s; nothing was changed. -S (--no-safety-dump) restores without", j->safety_dir);
		return BD_FAILED;
	}
	const struct dumper d = {.container = j->container, .label = j->container, .tool = mytarget_dumper(t), .kind = DUMP_MARIADB,
		.database = j->database, .username = j->user, .password = j->password ? j->password : "", .dir = s->file.dir,
		.name = s->file.name, .journal = -1, .stop = &restore_stop, .socket = t->socket};
	if (dumper_run(t->d, &d, &result) < 0) {
		tell_error("the safety dump failed: %s; nothing was changed. -S (--no-safety-dump) restores without", result.reason);
		safety_free(&s->file);
		return BD_FAILED;
	}
	if (!is_sound(s, r)) {
		mysafety_drop(s);
		tell_error("nothing was changed. -S (--no-safety-dump) restores without a safety dump");
		return BD_FAILED;
	}
	char *line = command(s, j);
	fflush(stdout);
	fprintf(stderr, "Should this be killed, this puts database '%s' back, with the password in BAUDOLO_DB_PASSWORD:\n  %s\n",
	    j->database, line);
	free(line);
	return BD_DONE;
}

/* MY_REPLAYED: it is there again; MY_PARTLY: but for what the server does not take. */
static enum my_outcome
put_back(struct mysafety *s, struct mytarget *t)
{
	struct mycontent now;
	t->stop = NULL; /* half of it is no use */
	for (int i = 0; i < TRIES; i++) {
		if (mycontent_list(t, &now) == BD_DONE) {
			enum my_outcome o = myreplay(t, &s->dump, &now, true, true);
			mycontent_free(&now);
			if (o == MY_REPLAYED || o == MY_PARTLY)
				return o;
		}
		if (i + 1 < TRIES)
			nanosleep(&(struct timespec){.tv_sec = PAUSE}, NULL);
	}
	return MY_SPOILT;
}

void
mysafety_put_back(struct mysafety *s, struct myrestore *r)
{
	const char *database = r->job.database;
	fprintf(stderr, "The restore failed; putting back what database '%s' held.\n", database);
	enum my_outcome o = put_back(s, &r->target);
	char *line = command(s, &r->job);
	if (o == MY_REPLAYED) {
		mysafety_drop(s);
		tell_error("the restore failed; database '%s' holds again what it held before", database);
	} else if (o == MY_PARTLY)
		tell_error("the restore failed; database '%s' holds again what it held before, but for what failed again, which is named "
		    "above; this puts all of it back once that can be, with the password in BAUDOLO_DB_PASSWORD:\n  %s", database, line);
	else
		tell_error("the restore failed, and database '%s' is neither what it was nor what it should be; this puts back what it "
		    "held, with the password in BAUDOLO_DB_PASSWORD:\n  %s", database, line);
	free(line);
}

void
mysafety_drop(struct mysafety *s)
{
	safety_remove(&s->file);
	safety_free(&s->file);
	mydump_free(&s->dump);
	if (s->dump.fd >= 0)
		close(s->dump.fd);
	*s = (struct mysafety){.file.dir = -1, .dump.fd = -1};
}
