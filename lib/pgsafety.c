/* pgsafety.c - what a restore of PostgreSQL is about to replace: dumped before, and put back after a failure. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lines.h"
#include "pgsafety.h"

struct dumping {
	struct save file;
	struct dump_watch watch;
	struct lines said;
};

static int
on_dump(void *arg, const void *data, size_t len)
{
	struct dumping *u = arg;
	dump_watch_add(&u->watch, data, len);
	if (fwrite(data, 1, len, u->file.out) == len)
		return 0;
	warn("%s", u->file.name);
	return -1;
}

static void
say_command(const struct pgrestore *r, const char *what)
{
	bool all = r->kind == DUMP_CLUSTER;
	const char *const argv[] = {r->program, "-p", "-u", r->job.user, "--", r->job.container, all ? r->safety.path : r->job.database,
		all ? NULL : r->safety.path, NULL};
	char *line = shell_quote(argv);
	fprintf(stderr, "%s (with the password in BAUDOLO_DB_PASSWORD):\n%s\n", what, line);
	free(line);
}

static int
dump_into(struct pgrestore *r, struct dumping *u)
{
	static const char *const one[] = {"pg_dump", "-w", "--lock-wait-timeout=60000", NULL};
	static const char *const all[] = {"pg_dumpall", "-w", "--lock-wait-timeout=60000", NULL};
	int rc = pgtarget_run(&r->target, r->kind == DUMP_CLUSTER ? all : one, &(struct exec){.out = on_dump, .err_lines = &u->said, .arg = u});
	lines_end(&u->said);
	if (rc == 0 && dump_watch_complete(&u->watch))
		return save_commit(&u->file);
	if (rc == 0)
		warnx("%s: the safety dump lacks its end marker", r->job.container);
	save_abort(&u->file);
	return -1;
}

int
pgsafety_make(struct pgrestore *r)
{
	struct dumping u = {.said = {.each = pgtarget_say, .arg = &r->target}};
	if (safety_begin(&r->safety, r->job.safety_dir, r->job.container, r->kind == DUMP_CLUSTER ? NULL : r->job.database) < 0)
		return -1;
	dump_watch_begin(&u.watch, r->kind);
	if (save_begin(&u.file, r->safety.dir, r->safety.name, 0600, true) < 0 || dump_into(r, &u) < 0) {
		safety_free(&r->safety);
		return -1;
	}
	fprintf(stderr, "NOTE: from now on, what was there can come back only from the safety dump %s\n", r->safety.path);
	say_command(r, "NOTE: should this be killed, the safety dump is put back by");
	return 0;
}

int
pgsafety_open(const struct pgrestore *r, struct pgrestore *back)
{
	*back = *r;
	back->job.file = r->safety.path;
	back->job.put_back = back->job.empty = true;
	back->census = (struct pgcensus){0};
	back->facts = (struct pgfacts){0};
	back->fd = safety_open(&r->safety);
	if (back->fd < 0)
		return -1;
	return pgcensus_take(&back->census, back->fd, back->job.file, back->kind) == BD_DONE &&
		pgtarget_facts(&back->target, back->census.encoding, back->kind, &back->facts) == 0 ? 0 : -1;
}

int
pgsafety_put_back(struct pgrestore *r)
{
	struct pgrestore back;
	int status = pgrestore_ended();
	const char *in = r->kind == DUMP_CLUSTER ? "on" : "in";
	if (!r->safety.path) {
		restore_refuse(&r->job, "the restore failed; %s holds a part of the dump, and there is no safety dump", r->where);
		return status;
	}
	fprintf(stderr, "the restore failed; putting back what was %s %s\n", in, r->where);
	restore_stop = 0; /* it has to be done */
	enum pgreplay_end end = pgsafety_open(r, &back) == 0 ? pgrestore_replay(&back, false) : PGREPLAY_TORN;
	if (end == PGREPLAY_DONE)
		restore_refuse(&r->job, "the restore failed; what was %s %s has been put back", in, r->where);
	else if (end == PGREPLAY_PARTLY)
		restore_refuse(&r->job, "the restore failed; what was %s %s has been put back, but for what is said above, which is in %s",
		    in, r->where, r->safety.path);
	else {
		restore_refuse(&r->job, "the restore failed, and %s is neither as it was nor restored", r->where);
		say_command(r, "As soon as the server can do it, this puts back what was there");
	}
	pgrestore_forget(&back);
	return status;
}
