/* mariadump.c - the options of mariadb-dump or mysqldump: those that the tool knows and the account may use.
 *
 * --routines over one that the account may not read, or --events without the privilege, ends
 * the tool with status 2 and half a dump; without the privilege for triggers there are none,
 * and nothing says so. */
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "mariadump.h"

enum { NAMES = 5 }; /* so many are named, the others counted */

static const char *
host(const struct mariadump *m)
{
	return m->socket ? "localhost" : "127.0.0.1";
}

static const char *
protocol(const struct mariadump *m)
{
	return m->socket ? "--protocol=socket" : "--protocol=tcp";
}

struct names {
	size_t count;
	char *text;
};

struct asking {
	struct lines out, err;
	char last[256]; /* of what is said on stderr */
	bool to_events; /* all before SHOW EVENTS was answered */
	bool denied;    /* SHOW EVENTS */
	bool triggers, routines; /* it would see them */
	struct names unread, torn;
};

/* A routine whose text is NULL may be called but not read; one that may be neither is not seen, nor is a trigger.
 * GRANTEE is the account in quotes, and there is no @ in its host. Roles are not in there: what is seen was granted,
 * too. TABLE_SCHEMA may be a pattern. SHOW EVENTS is the last, as it fails without the privilege. */
static const char questions[] =
	"SELECT 'routine', CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME) FROM information_schema.ROUTINES"
	" WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_BODY = 'SQL' AND ROUTINE_DEFINITION IS NULL;"
	"SELECT 'torn', CONCAT(TABLE_NAME, ' (', TABLES.ENGINE, ')') FROM information_schema.TABLES"
	" JOIN information_schema.ENGINES ON ENGINES.ENGINE = TABLES.ENGINE"
	" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND TRANSACTIONS <> 'YES';"
	"SET @host = SUBSTRING_INDEX(CURRENT_USER(), '@', -1);"
	"SET @me = CONCAT('''', LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - CHAR_LENGTH(@host) - 1), '''@''', @host, '''');"
	"SELECT 'may', PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = @me AND DATABASE() LIKE TABLE_SCHEMA"
	" UNION SELECT 'may', PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = @me AND PRIVILEGE_TYPE <> 'SELECT'"
	" UNION SELECT 'may', 'SELECT ON *.*' FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = @me AND PRIVILEGE_TYPE = 'SELECT'"
	" UNION SELECT 'may', PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES WHERE GRANTEE = @me AND TABLE_SCHEMA = DATABASE()"
	" UNION SELECT 'may', 'TRIGGER' FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
	" UNION SELECT 'may', 'EXECUTE' FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE();"
	"SELECT 'events', 'next';"
	"SHOW EVENTS";

static void
name_add(struct names *n, const char *name)
{
	if (n->count++ >= NAMES)
		return;
	char *shown = tsv_show(name), *text = xasprintf("%s%s%s", n->text ? n->text : "", n->text ? ", " : "", shown);
	free(shown);
	free(n->text);
	n->text = text;
}

static char *
name_list(const struct names *n)
{
	if (!n->count)
		return NULL;
	return n->count <= NAMES ? xstrdup(n->text) : xasprintf("%s and %zu more", n->text, n->count - NAMES);
}

static void
on_privilege(struct asking *a, const char *name)
{
	static const char *const reading[] = {"EXECUTE", "SELECT ON *.*", "SHOW_ROUTINE", "SHOW CREATE ROUTINE"};
	a->triggers = a->triggers || !strcmp(name, "TRIGGER");
	for (size_t i = 0; i < sizeof reading / sizeof *reading; i++)
		a->routines = a->routines || !strcmp(name, reading[i]);
}

static void
on_answer(void *arg, const char *line)
{
	struct asking *a = arg;
	if (a->to_events)
		return;
	if (!strncmp(line, "routine\t", 8))
		name_add(&a->unread, line + 8);
	else if (!strncmp(line, "torn\t", 5))
		name_add(&a->torn, line + 5);
	else if (!strncmp(line, "may\t", 4))
		on_privilege(a, line + 4);
	else if (!strcmp(line, "events\tnext"))
		a->to_events = true;
}

static void
on_error(void *arg, const char *line)
{
	struct asking *a = arg;
	a->denied = a->denied || !strncmp(line, "ERROR 1044 ", 11); /* access denied to the database */
	if (*line)
		snprintf(a->last, sizeof a->last, "%s", line);
}

static void
warn_of(const struct mariadump *m, const struct asking *a)
{
	struct names lost = {0}, lacks = {0};
	const struct {
		bool seen;
		const char *what, *privilege;
	} check[] = {{m->events, "events", "EVENT"}, {a->triggers, "triggers", "TRIGGER"}, {a->routines, "routines", "EXECUTE"}};
	for (size_t i = 0; i < sizeof check / sizeof *check; i++)
		if (!check[i].seen) {
			name_add(&lost, check[i].what);
			name_add(&lacks, check[i].privilege);
		}
	if (lost.count)
		warnx("%s: WARNING: the dump of %s has no %s, should there be any: '%s' lacks %s", m->label, m->database, lost.text,
		    m->username, lacks.text);
	char *unread = name_list(&a->unread), *torn = name_list(&a->torn);
	if (unread)
		warnx("%s: WARNING: the dump of %s has no routines: '%s' may not read %s", m->label, m->database, m->username, unread);
	if (torn)
		warnx("%s: WARNING: the dump of %s is not of one instant if these tables are written to meanwhile: %s", m->label,
		    m->database, torn);
	free(lost.text);
	free(lacks.text);
	free(unread);
	free(torn);
}

/* As exec_run. */
static int
run(struct docker *d, const struct mariadump *m, const char *const argv[], struct asking *a)
{
	const struct exec e = {.container = m->container, .argv = argv, .env = m->env, .journal = m->journal, .out_lines = &a->out,
		.err_lines = &a->err, .stop = m->stop};
	a->err = (struct lines){.each = on_error, .arg = a};
	int status = exec_run(d, &e);
	lines_end(&a->out);
	lines_end(&a->err);
	return status;
}

static bool
is_absent(int status)
{
	return status == 126 || status == 127;
}

static int
ask_server(struct docker *d, struct mariadump *m, struct asking *a, const char *client)
{
	const char *const argv[] = {client, "-h", host(m), protocol(m), "-u", m->username, "--default-character-set=utf8mb4",
		"-N", "-B", "-e", questions, m->database, NULL};
	a->out = (struct lines){.each = on_answer, .arg = a};
	int status = run(d, m, argv, a);
	m->routines = !a->unread.count;
	m->events = true;
	if (is_absent(status)) {
		warnx("%s: WARNING: there is no %s to ask what '%s' may read of %s", m->label, client, m->username, m->database);
		return 0;
	}
	if (status > 0 && a->to_events && a->denied) {
		m->events = false;
		status = 0;
	}
	if (!status)
		warn_of(m, a);
	return status;
}

static void
on_help(void *arg, const char *line)
{
	struct mariadump *m = arg;
	m->tablespaces = m->tablespaces || strstr(line, "--no-tablespaces");
	m->statistics = m->statistics || strstr(line, "--column-statistics");
	m->gtid = m->gtid || strstr(line, "--set-gtid-purged");
}

/* mysqldump is MySQL's, or that of a MariaDB before 10.4. */
static int
ask_tool(struct docker *d, struct mariadump *m, struct asking *a)
{
	const char *const argv[] = {m->tool, "--help", NULL};
	if (strcmp(m->tool, "mysqldump"))
		return 0;
	a->out = (struct lines){.each = on_help, .arg = m};
	return run(d, m, argv, a);
}

int
mariadump_ask(struct docker *d, struct mariadump *m, const char **command, char *why, size_t size)
{
	struct asking a = {.denied = false};
	*command = m->tool;
	int status = ask_tool(d, m, &a);
	if (!status) {
		*command = strcmp(m->tool, "mysqldump") ? "mariadb" : "mysql";
		status = ask_server(d, m, &a, *command);
	}
	snprintf(why, size, "%s", a.last);
	if (status > 0 && *a.last)
		lines_say(m->label, a.last);
	free(a.unread.text);
	free(a.torn.text);
	return status;
}

void
mariadump_argv(const struct mariadump *m, const char *argv[MARIADUMP_ARGS])
{
	const char *const always[] = {m->tool, "-h", host(m), protocol(m), "-u", m->username, "--single-transaction",
		"--quick", "--triggers", "--hex-blob", "--comments", "--default-character-set=utf8mb4"};
	size_t n = sizeof always / sizeof *always;
	memcpy(argv, always, sizeof always);
	if (m->routines)
		argv[n++] = "--routines";
	if (m->events)
		argv[n++] = "--events";
	if (m->tablespaces)
		argv[n++] = "--no-tablespaces"; /* reading them needs PROCESS */
	if (m->statistics)
		argv[n++] = "--column-statistics=0"; /* MariaDB has none */
	if (m->gtid)
		argv[n++] = "--set-gtid-purged=OFF"; /* the position of a whole server is no part of a database */
	argv[n++] = m->database;
	argv[n] = NULL;
}
