/* mytarget.c - a database of a MariaDB or MySQL server in a container, as an account sees it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "mygrants.h"
#include "mysession.h"
#include "text.h"

const char *
mytarget_dumper(const struct mytarget *t)
{
	return strcmp(t->client, "mariadb") ? "mysqldump" : "mariadb-dump";
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
	q.out = text_begin(out, &out_len);
	q.err = text_begin(said, &said_len);
	int status = mysession_run(t, &s);
	text_end(q.out);
	text_end(q.err);
	return status;
}

static void
say(const struct mytarget *t, const char *said)
{
	char *copy = xstrdup(said), *rest = copy;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line)
			lines_say(t->container, line);
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
