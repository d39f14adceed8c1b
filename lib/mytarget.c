/* mytarget.c - a database of a MariaDB or MySQL server in a container, as an account sees it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "mytarget.h"

enum { ARGS = 24 };
/* What the client puts around a statement that failed, where it cannot be told not to show it. */
static const char fence[] = "--------------";

struct talk {
	struct mytarget *t;
	const struct my_session *s;
	struct lines out, err;
	bool fenced;
};

static void
on_line(void *arg, const char *line)
{
	struct talk *k = arg;
	if (k->s->line)
		k->s->line(k->s->arg, line);
}

static void
on_error(void *arg, const char *line)
{
	struct talk *k = arg;
	if (!strcmp(line, fence)) {
		k->fenced = !k->fenced;
		return;
	}
	if (k->fenced || !*line || strstr(line, "print-query-on-error"))
		return;
	if (k->s->error) {
		k->s->error(k->s->arg, line);
		return;
	}
	char *shown = tsv_show(line);
	warnx("%s: %s", k->t->container, shown);
	free(shown);
}

static ssize_t
give(void *arg, void *buf, size_t len)
{
	struct talk *k = arg;
	return k->s->in(k->s->arg, buf, len);
}

static int
put_out(void *arg, const void *data, size_t len)
{
	struct talk *k = arg;
	lines_feed(&k->out, data, len);
	return 0;
}

static int
put_err(void *arg, const void *data, size_t len)
{
	struct talk *k = arg;
	lines_feed(&k->err, data, len);
	return 0;
}

/* The values of options are their own arguments, or joined by =, so that no name is taken for an option. */
static char *const *
make_argv(const struct mytarget *t, bool force, char *argv[ARGS])
{
	size_t n = 0;
	argv[n++] = xstrdup(t->client);
	argv[n++] = xasprintf("--user=%s", t->user);
	if (t->socket)
		argv[n++] = xstrdup("--protocol=socket");
	else {
		argv[n++] = xstrdup("--host=127.0.0.1");
		argv[n++] = xstrdup("--protocol=tcp");
	}
	static const char *const always[] = {
		"--batch", "--skip-column-names", "--unbuffered",
		"--skip-reconnect",   /* a new session has other settings */
		"--binary-mode",      /* keeps CR LF, and knows no commands of its own */
		"--comments",         /* those in routines are part of them */
		"--default-character-set=utf8mb4",
		"--max-allowed-packet=1G",
		"--loose-skip-print-query-on-error", /* which may hold what nobody else should read */
	};
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		argv[n++] = xstrdup(always[i]);
	argv[n++] = xstrdup(force ? "--force" : "--skip-force"); /* whatever my.cnf says */
	argv[n++] = xasprintf("--database=%s", t->database);
	argv[n] = NULL;
	return argv;
}

static void
free_argv(char *argv[ARGS])
{
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
}

int
mytarget_session(struct mytarget *t, const struct my_session *s)
{
	struct talk k = {.t = t, .s = s};
	char *argv[ARGS], *password = xasprintf("MYSQL_PWD=%s", t->password ? t->password : "");
	const char *const env[] = {t->password ? password : NULL, NULL};
	union {
		char *const *in;
		const char *const *out;
	} args = {.in = make_argv(t, s->force, argv)};
	const struct exec e = {.container = t->container, .argv = args.out, .env = env, .journal = -1, .in = s->in ? give : NULL,
		.out = put_out, .err = put_err, .arg = &k, .stop = t->stop, .ready = s->ready};
	k.out = (struct lines){.each = on_line, .arg = &k};
	k.err = (struct lines){.each = on_error, .arg = &k};
	int status = exec_run(t->d, &e);
	lines_end(&k.out);
	lines_end(&k.err);
	explicit_bzero(password, strlen(password));
	free(password);
	free_argv(argv);
	return status;
}

char *
mytarget_command(const struct mytarget *t)
{
	char *argv[ARGS];
	union {
		char *const *in;
		const char *const *out;
	} args = {.in = make_argv(t, false, argv)};
	char *line = shell_quote(args.out);
	free_argv(argv);
	return line;
}

/* A query, and its answer in memory. */
struct question {
	const char *left;
	FILE *out, *err;
};

static ssize_t
question_in(void *arg, void *buf, size_t len)
{
	struct question *q = arg;
	size_t n = strnlen(q->left, len);
	memcpy(buf, q->left, n);
	q->left += n;
	return (ssize_t)n;
}

static void
question_line(void *arg, const char *line)
{
	struct question *q = arg;
	fprintf(q->out, "%s\n", line);
}

static void
question_error(void *arg, const char *line)
{
	struct question *q = arg;
	fprintf(q->err, "%s\n", line);
}

/* As exec_run; *said is what it said on stderr. */
static int
ask(struct mytarget *t, const char *sql, char **out, char **said)
{
	struct question q = {.left = sql};
	const struct my_session s = {.in = question_in, .line = question_line, .error = question_error, .arg = &q};
	size_t out_len, said_len;
	if (!(q.out = open_memstream(out, &out_len)) || !(q.err = open_memstream(said, &said_len)))
		err(BD_FATAL, "memory");
	int status = mytarget_session(t, &s);
	if (fclose(q.out) != 0 || fclose(q.err) != 0)
		err(BD_FATAL, "memory");
	return status;
}

static void
say(const struct mytarget *t, const char *said)
{
	char *copy = xstrdup(said), *rest = copy;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line) {
			char *shown = tsv_show(line);
			warnx("%s: %s", t->container, shown);
			free(shown);
		}
	free(copy);
}

static int
verdict(const struct mytarget *t, int status, const char *said)
{
	if (status == 0)
		return BD_DONE;
	say(t, said);
	if (status == EXEC_NONE)
		warnx("%s: no such container", t->container);
	else if (status > 0)
		warnx("%s: %s ended with status %d", t->container, t->client, status);
	return status > 0 || status == EXEC_NONE ? BD_FAILED : BD_FATAL;
}

int
mytarget_query(struct mytarget *t, const char *sql, char **out)
{
	char *said;
	int status = ask(t, sql, out, &said), rc = verdict(t, status, said);
	free(said);
	if (rc != BD_DONE) {
		free(*out);
		*out = NULL;
	}
	return rc;
}

void
mytarget_unescape(char *s)
{
	char *to = s;
	for (; *s; s++)
		if (*s == '\\' && s[1]) {
			s++;
			*to++ = (char)(*s == 'n' ? '\n' : *s == 't' ? '\t' : *s);
		} else
			*to++ = *s;
	*to = '\0';
}

void
mytarget_quote(FILE *out, const char *name)
{
	putc('`', out);
	for (; *name; name++) {
		if (*name == '`')
			putc('`', out);
		putc(*name, out);
	}
	putc('`', out);
}

static int
drop_output(void *arg, const void *data, size_t len)
{
	(void)arg, (void)data, (void)len;
	return 0;
}

/* BD_DONE: it is there. */
static int
has_client(struct mytarget *t, const char *client)
{
	const char *const argv[] = {client, "--version", NULL};
	const struct exec e = {.container = t->container, .argv = argv, .journal = -1, .out = drop_output, .err = drop_output,
		.stop = t->stop};
	int status = exec_run(t->d, &e);
	if (status == EXEC_NONE)
		warnx("%s: no such container", t->container);
	t->client = client;
	return status == 0 ? BD_DONE : status == EXEC_FAILED ? BD_FATAL : status == EXEC_NONE ? BD_USAGE : BD_FAILED;
}

static int
find_client(struct mytarget *t)
{
	int rc = has_client(t, "mariadb");
	if (rc == BD_FAILED)
		rc = has_client(t, "mysql");
	if (rc == BD_FAILED)
		warnx("%s: has neither mariadb nor mysql", t->container);
	return rc == BD_USAGE ? BD_FAILED : rc;
}

/* Whether another way to the server may do better than one that was answered with that. */
static bool
is_denied(const char *said)
{
	/* ER_DBACCESS_DENIED_ERROR, ER_BAD_DB_ERROR: who we are is settled */
	return !strstr(said, "ERROR 1044 ") && !strstr(said, "ERROR 1049 ");
}

/* TCP first, then the socket. */
static int
connect(struct mytarget *t, const char *sql, char **out)
{
	char *said, *again;
	int status = ask(t, sql, out, &said);
	if (status > 0 && is_denied(said)) {
		free(*out);
		t->socket = true;
		status = ask(t, sql, out, &again);
		if (status) {
			warnx("%s: over TCP:", t->container);
			say(t, said);
			warnx("%s: over the socket:", t->container);
		}
		free(said);
		said = again;
	}
	int rc = verdict(t, status, said);
	free(said);
	return rc;
}

static int
read_facts(struct mytarget *t, char *facts)
{
	char *rest = facts, *account = strsep(&rest, "\n"), *version = rest ? strsep(&rest, "\n") : NULL,
	     *packet = rest ? strsep(&rest, "\n") : NULL;
	if (!packet || !rest) {
		warnx("%s: the server's answer makes no sense", t->container);
		return BD_FATAL;
	}
	mytarget_unescape(account);
	t->account = xstrdup(account);
	t->packet = strtoumax(packet, NULL, 10);
	t->privileges = mygrants(rest, t->database);
	if (dump_version_parse(version, DUMP_MARIADB, &t->serving))
		return BD_DONE;
	char *shown = tsv_show(version);
	warnx("%s: the server's version makes no sense: %s", t->container, shown);
	free(shown);
	return BD_FAILED;
}

int
mytarget_open(struct mytarget *t)
{
	static const char questions[] =
		"SELECT CURRENT_USER(); SELECT CONCAT(VERSION(), ' ', @@version_comment); SELECT @@max_allowed_packet; SHOW GRANTS;";
	char *out = NULL;
	int rc = find_client(t);
	if (rc == BD_DONE && (rc = connect(t, questions, &out)) == BD_DONE)
		rc = read_facts(t, out);
	free(out);
	return rc;
}

void
mytarget_free(struct mytarget *t)
{
	free(t->account);
	t->account = NULL;
}
