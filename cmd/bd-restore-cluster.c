/* bd-restore-cluster - replays a dump of pg_dumpall into a PostgreSQL server.
 *
 * No transaction can hold that. All that can be refused is refused first, a dump of what is there is made, and is
 * put back after a failure. The password of the role that does all this changes last. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pgempty.h"
#include "pgsafety.h"

static const char synopsis[] = "bd-restore-cluster [-efknpvSV] [-s DIR] [-w SECONDS] -u USER CONTAINER DUMP";

/* Those of a that are in b, or are not. */
static struct names
pick(const struct names *a, const struct names *b, bool in)
{
	struct names out = {0};
	for (size_t i = 0; i < a->count; i++)
		if (names_have(b, a->name[i]) == in)
			names_add(&out, a->name[i]);
	return out;
}

static void
refuse_any(struct pgrestore *r, struct names n, const char *why)
{
	if (n.count) {
		char *all = names_show(&n);
		restore_refuse(&r->job, "the server in %s %s: %s", r->job.container, why, all);
		free(all);
	}
	names_free(&n);
}

static void
check_empty(struct pgrestore *r)
{
	const struct pgfacts *f = &r->facts;
	if (!r->job.put_back)
		refuse_any(r, pick(&f->databases, &r->census.databases, false),
		    "holds databases that the dump does not, and emptying would drop them");
	refuse_any(r, pick(&f->bound, &(struct names){0}, false),
	    "has databases that can be neither dropped nor emptied, for they have subscriptions or replication slots");
	if (!r->job.no_safety)
		refuse_any(r, pick(&f->closed, &r->census.databases, true),
		    "has databases that nobody may connect to, so that no safety dump would hold them");
}

static void
check_cluster(struct pgrestore *r)
{
	const struct pgfacts *f = &r->facts;
	if (!f->super)
		restore_refuse(&r->job, "'%s' is no superuser of the server in %s", r->job.user, r->job.container);
	if (r->job.empty)
		check_empty(r);
	else {
		refuse_any(r, pick(&f->databases, &r->census.databases, true),
		    "has these databases of the dump already (--empty drops them)");
		refuse_any(r, pick(&f->roles, &r->census.roles, true),
		    "has these roles of the dump already (--empty drops them)");
	}
	if (names_have(&r->census.demoted, r->job.user))
		restore_refuse(&r->job, "in the dump '%s' is no superuser that can log in: it would lock itself out. Restore as another superuser", r->job.user);
}

/* Tablespaces are empty by then; what roles own or were granted in what stays keeps them from being dropped. */
static const char drop_databases[] =
	"\\connect postgres\n"
	"SELECT format('ALTER DATABASE %%I IS_TEMPLATE false', datname) FROM pg_database\n"
	"  WHERE datname NOT IN ('postgres', 'template0', 'template1') AND datistemplate \\gexec\n"
	"SELECT format('DROP DATABASE IF EXISTS %%I%s', datname) FROM pg_database\n"
	"  WHERE datname NOT IN ('postgres', 'template0', 'template1') \\gexec\n";
/* In a database that stays. A superuser has them back by the dump; in their schemas nothing else can stand. */
static const char drop_extensions[] =
	"SELECT format('DROP EXTENSION IF EXISTS %I CASCADE', extname) FROM pg_extension WHERE extname <> 'plpgsql' \\gexec\n";
static const char disown[] =
	"SELECT unnest(ARRAY[format('REASSIGN OWNED BY %I TO CURRENT_USER', rolname), format('DROP OWNED BY %I', rolname)])\n"
	"  FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user AND oid <> 10 \\gexec\n";
/* What is set for those who stay comes back with the dump, or should not be there. */
static const char reset[] =
	"SELECT format('ALTER ROLE %I RESET ALL', rolname) FROM pg_roles WHERE rolname !~ '^pg_' \\gexec\n"
	"SELECT format('ALTER DATABASE %I RESET ALL', datname) FROM pg_database WHERE datname <> 'template0' \\gexec\n"
	"SELECT format('ALTER ROLE %I IN DATABASE %I RESET ALL', rolname, datname) FROM pg_db_role_setting s\n"
	"  JOIN pg_database d ON d.oid = setdatabase JOIN pg_roles r ON r.oid = setrole \\gexec\n";
static const char drop_rest[] =
	"SELECT format('DROP TABLESPACE %I', spcname) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global') \\gexec\n"
	"SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user AND oid <> 10 \\gexec\n";

static char *
emptying(const struct pgrestore *r, bool whole)
{
	(void)whole; /* never */
	char *pieces = pgempty_pieces();
	/* since 13 sessions can be thrown out by the same command */
	char *databases = xasprintf(drop_databases, r->facts.version.series[0] >= 13 ? " WITH (FORCE)" : "");
	char *inside = xasprintf("%s%s%s", drop_extensions, pieces, disown);
	char *sql = xasprintf("%s%s\\connect template1\n%s\\connect postgres\n%s%s", databases, inside, inside, drop_rest, reset);
	free(inside);
	free(databases);
	free(pieces);
	return sql;
}

/* What is to be dropped must be in the safety dump, or it is none. */
static int
check_safety(const struct pgrestore *r)
{
	struct pgrestore back;
	int rc = pgsafety_open(r, &back);
	struct names lost = rc == 0 ? pick(&back.facts.databases, &back.census.databases, false) : (struct names){0};
	if (lost.count) {
		char *all = names_show(&lost);
		warnx("%s: databases are not in it: %s", r->safety.path, all);
		free(all);
		rc = -1;
	}
	names_free(&lost);
	pgrestore_forget(&back);
	return rc;
}

/* The password is now that of the dump, which need not be the one that we were given. */
static void
tell_password(const struct pgrestore *r)
{
	static const char *const argv[] = {"psql", "-XwqAt", "-c", "SELECT", NULL};
	if (pgtarget_run(&r->target, argv, &(struct exec){0}) != 0)
		fprintf(stderr, "NOTE: the password of '%s' is now the one it had when the dump was made.\n", r->job.user);
}

static int
restore(struct pgrestore *r)
{
	if (r->job.refusals)
		return BD_FAILED;
	if (r->job.dry || r->job.verbose)
		fprintf(stderr, "%s%s into the server in %s, %s\n", r->job.empty ? "empty it, then " : "", r->job.file, r->job.container,
		    r->job.no_safety ? "without a safety dump" : "after a safety dump");
	if (r->job.dry)
		return BD_DONE;
	if (!r->job.no_safety && (pgsafety_make(r) < 0 || check_safety(r) < 0)) {
		restore_refuse(&r->job, "no safety dump could be made; %s is as it was", r->where);
		return pgrestore_ended();
	}
	enum pgreplay_end end = pgrestore_replay(r, false);
	if (end == PGREPLAY_NOTHING)
		return pgrestore_as_it_was(r);
	if (end == PGREPLAY_PARTLY) {
		restore_refuse(&r->job, "%s holds what the safety dump holds, but for what is said above", r->where);
		return BD_FAILED;
	}
	if (end != PGREPLAY_DONE)
		return pgsafety_put_back(r);
	tell_password(r);
	return safety_remove(&r->safety) == 0 ? BD_DONE : BD_FAILED;
}

int
main(int argc, char *argv[])
{
	struct pgrestore r = {.program = "bd-restore-cluster", .kind = DUMP_CLUSTER, .emptying = emptying,
		.job.database = "postgres"};
	pgrestore_begin(&r, argc, argv, synopsis);
	int status = pgrestore_look(&r);
	if (status == BD_DONE) {
		if (!r.unusable)
			check_cluster(&r);
		status = restore(&r);
		if (status == BD_DONE && !r.job.dry)
			printf("PostgreSQL cluster restore complete from '%s'.\n", r.job.file);
	}
	pgrestore_close(&r);
	return bd_finish(status);
}
