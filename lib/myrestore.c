/* myrestore.c - a restore of a database of MariaDB or MySQL: what is looked at before anything is changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "mygrants.h"
#include "myrestore.h"
#include "mysuit.h"
#include "room.h"
#include "tell.h"

/* The dump itself. */
static void
check_dump(struct myrestore *r)
{
	struct mydump *d = &r->dump;
	d->path = r->job.file;
	struct stat st;
	if ((d->fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 || fstat(d->fd, &st) < 0)
		restore_refuse(&r->job, "dump not found, or not readable: %s: %s", d->path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		restore_refuse(&r->job, "dump is not a file: %s", d->path);
	else if (mydump_survey(d) != BD_DONE)
		restore_refuse(&r->job, "dump is not complete, or not one that can be restored: %s", d->path);
	for (size_t i = 1; i < d->databases.count; i++)
		restore_refuse(&r->job, "dump holds several databases: '%s' and '%s'; only one of one database can be restored: %s",
		    d->databases.at[0].name, d->databases.at[i].name, d->path);
	if (d->databases.count == 1)
		tell_warning("dump creates and uses a database of its own, '%s'; that is left out", d->databases.at[0].name);
}

static void
check_version(struct myrestore *r)
{
	const struct mytarget *t = &r->target;
	const struct mydump *d = &r->dump;
	const char *from = dump_product(d->from.product), *serving = dump_product(t->serving.product);
	if (!d->has_version && r->job.any_version)
		tell_warning("dump does not tell of which version it is: %s", d->path);
	else if (!d->has_version)
		restore_refuse(&r->job, "dump does not tell of which version it is, so an older engine may be serving: %s %s; "
		    "-k (--no-version-check) restores it nevertheless: %s", serving, t->serving.text, d->path);
	else if (dump_version_compare(&d->from, &t->serving) <= 0)
		printf("OK: dump is from %s %s, %s%s%s is serving.\n", from, d->from.text,
		    d->from.product == t->serving.product ? "" : serving, d->from.product == t->serving.product ? "" : " ",
		    t->serving.text);
	else if (r->job.any_version)
		tell_warning("dump is from %s %s, an older engine is serving: %s %s", from, d->from.text, serving, t->serving.text);
	else
		restore_refuse(&r->job, "dump is from %s %s, an older engine is serving: %s %s; -k (--no-version-check) restores it nevertheless",
		    from, d->from.text, serving, t->serving.text);
	if (d->has_version && d->from.product != t->serving.product)
		tell_warning("dump is from %s, which %s may not understand in all", from, serving);
}

static bool
has_kind(const struct mycontent *c, const char *kind)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->at[i].kind, kind))
			return true;
	return false;
}

static bool
has_routines(const struct mycontent *c)
{
	return has_kind(c, "PROCEDURE") || has_kind(c, "FUNCTION") || has_kind(c, "PACKAGE") || has_kind(c, "PACKAGE BODY");
}

/* What a replay, and putting back, takes. */
static unsigned
privileges_for(const struct myrestore *r)
{
	const struct mydump *d = &r->dump;
	bool safe = !r->job.no_safety, gone = r->job.empty && has_routines(&r->now);
	unsigned need = MY_MAY_SELECT | MY_MAY_INSERT | MY_MAY_DELETE | MY_MAY_CREATE | MY_MAY_DROP | MY_MAY_ALTER | MY_MAY_LOCK_TABLES;
	if (mydump_creates(d, "VIEW") || (safe && has_kind(&r->now, "VIEW")))
		need |= MY_MAY_CREATE_VIEW | MY_MAY_SHOW_VIEW;
	if (mydump_creates(d, "TRIGGER") || (safe && has_kind(&r->now, "TABLE")))
		need |= MY_MAY_TRIGGER; /* without it triggers are neither seen nor dumped, and go with their table */
	bool creates = mydump_creates(d, "PROCEDURE") || mydump_creates(d, "FUNCTION") || mydump_creates(d, "PACKAGE");
	if (creates || gone)
		need |= MY_MAY_ALTER_ROUTINE;
	if (creates || (gone && safe))
		need |= MY_MAY_CREATE_ROUTINE;
	if (mydump_creates(d, "EVENT"))
		need |= MY_MAY_EVENT;
	return need;
}

static void
check_privileges(struct myrestore *r)
{
	unsigned lacking = privileges_for(r) & ~r->target.privileges;
	if (!lacking)
		return;
	char *names = mygrants_names(lacking);
	restore_refuse(&r->job, "%s lacks privileges on database '%s': %s", r->target.account, r->job.database, names);
	free(names);
}

void
myrestore_check_packet(struct myrestore *r, const char *what, uintmax_t longest)
{
	const struct mytarget *t = &r->target;
	if (longest >= t->packet)
		restore_refuse(&r->job, "%s has a statement of %ju bytes, the server takes %ju: raise its max_allowed_packet", what, longest, t->packet);
}

/* A dump is no measure of what its rows need, but a server whose disk fills up may not come up again. */
static void
check_space(struct myrestore *r)
{
	struct mytarget *t = &r->target;
	struct stat st;
	char *data = NULL;
	long long bytes;
	if (r->job.any_space || fstat(r->dump.fd, &st) < 0 || mytarget_query(t, "SELECT @@datadir;", &data) != BD_DONE)
		return;
	data[strcspn(data, "\n")] = '\0';
	mytarget_unescape(data);
	char *quoted = docker_json(data), *where = room_find(t->d, t->container, quoted, &bytes);
	if (where && bytes < (long long)st.st_size)
		restore_refuse(&r->job, "%s: %lld MiB are free, too few for a dump of %lld MiB; -f (--no-space-check) restores it nevertheless", where,
		    bytes >> 20, (long long)st.st_size >> 20);
	free(where);
	free(quoted);
	free(data);
}

/* What would be lost should it have to be put back. */
static void
check_undumped(struct myrestore *r)
{
	struct mytarget *t = &r->target;
	char *names;
	if (r->job.no_safety)
		return;
	if (mycontent_undumped(t, &names) != BD_DONE) {
		restore_refuse(&r->job, "database '%s': what of it can be dumped is not known", t->database);
		return;
	}
	char *rest = names;
	for (char *line; (line = strsep(&rest, "\n")) && *line;)
		restore_refuse(&r->job, "%s cannot dump %s: it could not be put back should the restore fail; -S (--no-safety-dump) restores nevertheless",
		    t->account, line);
	free(names);
}

static void
check_content(struct myrestore *r, bool whole)
{
	if (mycontent_list(&r->target, &r->now) != BD_DONE)
		restore_refuse(&r->job, "database '%s': what it holds cannot be told", r->job.database);
	if (whole)
		check_privileges(r);
	check_undumped(r);
}

int
myrestore_look(struct myrestore *r)
{
	struct restore *j = &r->job;
	r->dump.fd = -1;
	r->target = (struct mytarget){.d = &r->docker, .container = j->container, .database = j->database, .user = j->user,
		.password = j->password, .stop = &restore_stop};
	if (docker_open(&r->docker) < 0) {
		tell_error("database '%s': Docker does not answer; nothing was changed", j->database);
		return BD_FATAL;
	}
	check_dump(r);
	bool whole = j->refusals == 0;
	int rc = mytarget_open(&r->target);
	if (rc != BD_DONE)
		restore_refuse(j, "database '%s' in container %s does not answer, or not '%s'", j->database, j->container, j->user);
	else if (whole) {
		check_version(r);
		myrestore_check_packet(r, "dump", r->dump.longest);
		check_space(r);
		if (mysuit(&r->target, &r->dump, true) < 0)
			restore_refuse(j, "database '%s': what the server knows cannot be told", j->database);
	}
	if (rc == BD_DONE)
		check_content(r, whole);
	if (rc == BD_DONE && j->refusals)
		rc = BD_FAILED;
	if (rc != BD_DONE)
		tell_error("database '%s': nothing was changed", j->database);
	return rc;
}

void
myrestore_free(struct myrestore *r)
{
	mycontent_free(&r->now);
	mydump_free(&r->dump);
	mytarget_free(&r->target);
	docker_close(&r->docker);
	restore_end(&r->job);
}
