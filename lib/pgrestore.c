/* pgrestore.c - what bd-restore-postgres and bd-restore-cluster share. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pgrestore.h"
#include "room.h"

void
pgrestore_begin(struct pgrestore *r, int argc, char *argv[], const char *synopsis)
{
	restore_begin(&r->job, argc, argv, "efknpvSVs:u:w:", synopsis);
	r->job.any_space = r->job.any_space || r->job.put_back;
	r->where = r->kind == DUMP_CLUSTER ? xasprintf("the server in %s", r->job.container) : xasprintf("database '%s'", r->job.database);
	r->safety.dir = r->fd = -1;
}

static int
open_dump(struct pgrestore *r)
{
	struct stat st;
	r->fd = open(r->job.file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd >= 0 && fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode))
		return BD_DONE;
	bool none = r->fd >= 0 || errno == ENOENT || errno == ENOTDIR;
	restore_refuse(&r->job, "dump not found: %s%s%s", r->job.file, none ? "" : ": ", none ? "" : strerror(errno));
	return none ? BD_USAGE : BD_FATAL;
}

static int
read_dump(struct pgrestore *r)
{
	int rc = dump_check(r->fd, r->job.file, r->kind);
	if (rc == BD_DONE)
		rc = pgcensus_take(&r->census, r->fd, r->job.file, r->kind);
	if (rc == BD_FATAL)
		return BD_FATAL;
	if (rc == BD_FAILED) {
		restore_refuse(&r->job, "%s cannot be restored: the reason is above", r->job.file);
		r->unusable = true;
	}
	return BD_DONE;
}

static void
check_version(struct pgrestore *r)
{
	struct dump_version from;
	const struct dump_version *here = &r->facts.version;
	int rc = dump_version(r->fd, r->job.file, r->kind, &from);
	if (rc == BD_DONE && dump_version_compare(&from, here) <= 0) {
		printf("OK: dump is from %s %s, %s is serving.\n", dump_product(from.product), from.text, here->text);
		fflush(stdout); /* before what is said about it */
	} else if (r->job.any_version)
		fprintf(stderr, "WARNING: the dump is from %s %s, %s is serving.\n", dump_product(DUMP_FROM_POSTGRES),
			rc == BD_DONE ? from.text : "of an unknown version", here->text);
	else if (rc == BD_DONE)
		restore_refuse(&r->job, "the dump is from PostgreSQL %s, but an older engine is serving: PostgreSQL %s (--no-version-check restores it in spite of that)",
			from.text, here->text);
	else if (!r->unusable)
		restore_refuse(&r->job, "the dump does not tell its version, so that an older engine may be serving: PostgreSQL %s (--no-version-check restores it in spite of that)",
			here->text);
}

/* New rows come beside the old ones. Rows need more room than their text, unless they compress well; a server without room for
 * its log stops, and does not start again (tried). */
static void
check_space(struct pgrestore *r)
{
	static const char data[] = "[.Config.Env // [] | .[] | select(startswith(\"PGDATA=\"))] | last // \"PGDATA=/var/lib/postgresql/data\" | ltrimstr(\"PGDATA=\")";
	long long free_bytes, size = (long long)r->census.size;
	char *where = r->job.any_space ? NULL : room_find(&r->docker, r->job.container, data, &free_bytes);
	if (where && free_bytes < size)
		restore_refuse(&r->job, "%s: %lld MiB are free, too few for a dump of %lld MiB (--no-space-check restores it in spite of that)",
		    where, free_bytes >> 20, size >> 20);
	free(where);
}

static void
check_extensions(struct pgrestore *r)
{
	struct names lacking = {0};
	for (size_t i = 0; i < r->census.extensions.count; i++)
		if (!names_have(&r->facts.extensions, r->census.extensions.name[i]))
			names_add(&lacking, r->census.extensions.name[i]);
	if (lacking.count) {
		char *all = names_show(&lacking);
		restore_refuse(&r->job, "the dump needs extensions that the server in %s does not have: %s", r->job.container, all);
		free(all);
	}
	names_free(&lacking);
}

int
pgrestore_look(struct pgrestore *r)
{
	int rc = open_dump(r);
	if (rc == BD_DONE)
		rc = read_dump(r);
	if (rc != BD_DONE)
		return rc;
	if (docker_open(&r->docker) < 0)
		return BD_FATAL;
	pgtarget_begin(&r->target, &r->docker, r->job.container, r->job.user, r->job.database,
	    r->job.password ? r->job.password : "", r->job.lock_seconds);
	r->target.stop = &restore_stop;
	if (pgtarget_facts(&r->target, *r->census.encoding ? r->census.encoding : "UTF8", r->kind, &r->facts) < 0) {
		restore_refuse(&r->job, "the server in %s cannot be asked as '%s': the reason is above", r->job.container, r->job.user);
		return pgrestore_ended();
	}
	check_version(r);
	if (!r->unusable) {
		check_extensions(r);
		check_space(r);
	}
	if (r->facts.standby)
		restore_refuse(&r->job, "the server in %s is a standby, and read-only", r->job.container);
	return BD_DONE;
}

enum pgreplay_end
pgrestore_replay(const struct pgrestore *r, bool whole)
{
	char *before = r->job.empty ? r->emptying(r, whole) : NULL;
	const struct pgreplay p = {.t = &r->target, .census = &r->census, .facts = &r->facts, .fd = r->fd, .name = r->job.file,
		.whole = whole, .go_on = r->job.put_back && !whole, .before = before, .emptied = r->job.empty, .self = r->job.user};
	enum pgreplay_end end = pgreplay_run(&p);
	free(before);
	return end;
}

int
pgrestore_ended(void)
{
	return restore_stop ? 128 + restore_stop : BD_FAILED;
}

int
pgrestore_as_it_was(struct pgrestore *r)
{
	restore_refuse(&r->job, "the restore failed; %s is as it was", r->where);
	return pgrestore_ended();
}

void
pgrestore_forget(struct pgrestore *r)
{
	if (r->fd >= 0)
		close(r->fd);
	pgcensus_free(&r->census);
	pgfacts_free(&r->facts);
}

void
pgrestore_close(struct pgrestore *r)
{
	pgrestore_forget(r);
	restore_end(&r->job);
	safety_free(&r->safety);
	free(r->where);
	if (r->target.d) {
		pgtarget_end(&r->target);
		docker_close(&r->docker);
	}
}
