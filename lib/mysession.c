/* mysession.c - a session of the client in a container with a server of MariaDB or MySQL. */
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "mysession.h"

enum { ARGS = 24 };
/* What the client puts around a statement that failed, where it cannot be told not to show it. */
static const char fence[] = "--------------";

struct talk {
	const struct mytarget *t;
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
	lines_say(k->t->container, line);
}

static ssize_t
give(void *arg, void *buf, size_t len)
{
	struct talk *k = arg;
	return k->s->in(k->s->arg, buf, len);
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
mysession_run(const struct mytarget *t, const struct my_session *s)
{
	struct talk k = {.t = t, .s = s};
	char *argv[ARGS], *password = xasprintf("MYSQL_PWD=%s", t->password ? t->password : "");
	const char *const env[] = {t->password ? password : NULL, NULL};
	union {
		char *const *in;
		const char *const *out;
	} args = {.in = make_argv(t, s->force, argv)};
	const struct exec e = {.container = t->container, .argv = args.out, .env = env, .journal = -1, .in = s->in ? give : NULL,
		.out_lines = &k.out, .err_lines = &k.err, .arg = &k, .stop = t->stop, .ready = s->ready};
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
mysession_command(const struct mytarget *t)
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
