/* pgtarget.c - the PostgreSQL server in a container, asked and told through the psql(1) there. */
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "pgempty.h"
#include "pgtarget.h"

const char *const pgtarget_psql[] = {"psql", "-XwqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", NULL};

void
pgtarget_begin(struct pgtarget *t, struct docker *d, const char *container, const char *user, const char *database,
               const char *password, long lock_seconds)
{
	size_t n = 0;
	*t = (struct pgtarget){.d = d, .container = container, .user = user, .database = database};
	t->env[n++] = xstrdup("PGHOST=localhost");
	t->env[n++] = xasprintf("PGUSER=%s", user);
	t->env[n++] = xasprintf("PGDATABASE=%s", database);
	t->env[n++] = xasprintf("PGPASSWORD=%s", password);
	t->env[n++] = xstrdup("PGAPPNAME=baudolo-restore");
	t->env[n++] = xstrdup("PGCONNECT_TIMEOUT=30");
	t->env[n++] = xstrdup("LC_ALL=C");
	/* what the role or the database has set must not end us, and nobody's functions stand in for those of the system */
	t->env[n++] = xasprintf("PGOPTIONS=-c search_path=pg_catalog -c client_min_messages=warning -c statement_timeout=0"
		" -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off -c synchronous_commit=on"
		" -c lock_timeout=%lds", lock_seconds);
}

void
pgtarget_end(struct pgtarget *t)
{
	for (size_t i = 0; t->env[i]; i++)
		free(t->env[i]);
	*t = (struct pgtarget){0};
}

void
pgtarget_say(void *target, const char *line)
{
	const struct pgtarget *t = target;
	lines_say(t->container, line);
}

static int
explain(const struct pgtarget *t, const char *program, int rc)
{
	if (rc == EXEC_NONE)
		warnx("%s: no such container", t->container);
	else if (rc == 126 || rc == 127)
		warnx("%s: there is no %s in it that could be run", t->container, program);
	return rc;
}

int
pgtarget_run(const struct pgtarget *t, const char *const argv[], struct exec *e)
{
	const char *env[sizeof t->env / sizeof *t->env];
	for (size_t i = 0; i < sizeof env / sizeof *env; i++)
		env[i] = t->env[i];
	e->container = t->container;
	e->argv = argv;
	e->env = env;
	e->stop = t->stop;
	e->journal = -1;
	int rc = exec_run(t->d, e);
	e->env = NULL;
	return explain(t, *argv, rc);
}

int
pgtarget_ask(const struct pgtarget *t, const char *encoding, const char *sql, char **answer)
{
	const char *env[sizeof t->env / sizeof *t->env];
	for (size_t i = 0; i < sizeof env / sizeof *env; i++)
		env[i] = t->env[i];
	char *script = xasprintf("SET client_encoding = '%s';\n%s", encoding, sql);
	const struct exec e = {.container = t->container, .argv = pgtarget_psql, .env = env, .journal = -1, .stop = t->stop};
	*answer = NULL;
	int rc = explain(t, *pgtarget_psql, exec_text(t->d, &e, script, answer));
	free(script);
	if (rc == 0)
		return 0;
	free(*answer);
	*answer = NULL;
	return -1;
}

static const char facts[] =
	"SELECT 'version', current_setting('server_version');\n"
	"SELECT 'super' FROM pg_roles WHERE rolname = current_user AND rolsuper;\n"
	"SELECT 'standby' WHERE pg_is_in_recovery();\n"
	"SELECT 'creates' WHERE has_database_privilege(current_database(), 'CREATE');\n"
	"SELECT 'creates_in_public' FROM pg_namespace WHERE nspname = 'public' AND has_schema_privilege(oid, 'CREATE');\n"
	"SELECT 'plpgsql' FROM pg_language WHERE lanname = 'plpgsql';\n"
	"SELECT 'subscriptions', encode(textsend(subname::text), 'hex') FROM pg_subscription WHERE subdbid =\n"
	"  (SELECT oid FROM pg_database WHERE datname = current_database());\n"
	"SELECT 'size', pg_database_size(current_database());\n"
	"SELECT 'settings', encode(textsend(lower(name)), 'hex') FROM pg_settings;\n"
	"SELECT 'extensions', encode(textsend(name::text), 'hex') FROM pg_available_extensions;\n"
	/* as NLOCKENTS() of lock.c counts */
	"WITH s AS (SELECT sum(setting::bigint) + 1 AS slots FROM pg_settings WHERE name IN ('max_connections',\n"
	"   'autovacuum_max_workers', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions'))\n"
	"SELECT 'slots', slots FROM s UNION ALL SELECT 'free', current_setting('max_locks_per_transaction')::bigint * slots -\n"
	"  (SELECT count(*) FROM pg_locks) FROM s;\n";

/* 10: BOOTSTRAP_SUPERUSERID, which nobody can drop */
static const char cluster_facts[] =
	"SELECT 'databases', encode(textsend(datname::text), 'hex') FROM pg_database\n"
	"  WHERE datname NOT IN ('postgres', 'template0', 'template1');\n"
	"SELECT CASE WHEN rolname = current_user OR oid = 10 THEN 'staying' ELSE 'roles' END, encode(textsend(rolname::text), 'hex')\n"
	"  FROM pg_roles WHERE rolname !~ '^pg_';\n"
	"SELECT 'closed', encode(textsend(datname::text), 'hex') FROM pg_database\n"
	"  WHERE datname NOT IN ('postgres', 'template0', 'template1') AND (NOT datallowconn OR datconnlimit = -2);\n"
	"SELECT 'bound', encode(textsend(datname::text), 'hex') FROM pg_database WHERE\n"
	"  oid IN (SELECT subdbid FROM pg_subscription) OR (datname IN (SELECT database FROM pg_replication_slots)\n"
	"  AND datname NOT IN ('postgres', 'template0', 'template1'));\n";

static bool
unhex(char *text)
{
	char *to = text;
	for (const char *p = text; *p; p += 2) {
		unsigned byte;
		if (!p[1] || sscanf(p, "%2x", &byte) != 1)
			return false;
		*to++ = (char)byte;
	}
	*to = '\0';
	return true;
}

static bool
take_word(struct pgfacts *f, const char *key)
{
	const struct {
		const char *key;
		bool *fact;
	} all[] = {{"super", &f->super}, {"standby", &f->standby}, {"creates", &f->creates},
		{"creates_in_public", &f->creates_in_public}, {"plpgsql", &f->plpgsql}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(key, all[i].key))
			return *all[i].fact = true;
	return false;
}

static bool
take_name(struct pgfacts *f, const char *key, char *value)
{
	const struct {
		const char *key;
		struct names *names;
	} all[] = {{"settings", &f->settings}, {"extensions", &f->extensions}, {"keep", &f->keep}, {"theirs", &f->theirs},
		{"foreign", &f->foreign}, {"databases", &f->databases}, {"roles", &f->roles}, {"staying", &f->staying},
		{"closed", &f->closed}, {"bound", &f->bound}, {"subscriptions", &f->subscriptions}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(key, all[i].key) && unhex(value)) {
			names_add(all[i].names, value);
			return true;
		}
	return false;
}

static bool
take(struct pgfacts *f, char *line)
{
	char *value = strchr(line, '\t');
	if (!value)
		return take_word(f, line);
	*value++ = '\0';
	if (!strcmp(line, "version"))
		return dump_version_parse(value, DUMP_POSTGRES, &f->version);
	const struct {
		const char *key;
		long long *fact;
	} all[] = {{"free", &f->free}, {"slots", &f->slots}, {"drop", &f->drop}, {"size", &f->size}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(line, all[i].key))
			return sscanf(value, "%lld", all[i].fact) == 1;
	return take_name(f, line, value);
}

/* By trying: distributions have brought it to older releases. */
static bool
knows_restrict(const struct pgtarget *t)
{
	static const char *const argv[] = {"psql", "-XwqAt", "-c", "\\restrict bd", NULL};
	return pgtarget_run(t, argv, &(struct exec){0}) == 0;
}

int
pgtarget_facts(const struct pgtarget *t, const char *encoding, enum dump_kind kind, struct pgfacts *f)
{
	*f = (struct pgfacts){0};
	char *answer, *empty = pgempty_facts(), *sql = xasprintf("%s%s%s", facts, empty, kind == DUMP_CLUSTER ? cluster_facts : "");
	int rc = pgtarget_ask(t, encoding, sql, &answer);
	free(sql);
	free(empty);
	if (rc < 0)
		return -1;
	char *rest = answer;
	for (char *line; rc == 0 && (line = strsep(&rest, "\n")) && (*line || rest);)
		if (!take(f, line)) {
			warnx("%s: an answer of psql that makes no sense", t->container);
			rc = -1;
		}
	free(answer);
	if (rc == 0 && !*f->version.text) {
		warnx("%s: the version of its server cannot be told", t->container);
		rc = -1;
	}
	f->restricts = rc == 0 && knows_restrict(t);
	return rc;
}

void
pgfacts_free(struct pgfacts *f)
{
	struct names *const all[] = {&f->settings, &f->extensions, &f->keep, &f->theirs, &f->foreign, &f->databases, &f->roles,
		&f->staying, &f->closed, &f->bound, &f->subscriptions};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		names_free(all[i]);
}
