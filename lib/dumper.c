/* dumper.c - the dump of one database in a container, as a file that is complete or not there.
 *
 * The password is in the environment of the command only, and travels there in a request's
 * body. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "container.h"
#include "dumper.h"
#include "exec.h"
#include "lines.h"
#include "mariadump.h"

/* Begun so early, writing to the disk is done by the time of the fsync. */
enum { FLUSH_BYTES = 8 << 20 };

struct dumping {
	const struct dumper *job;
	struct dumper_result *result;
	struct save file;
	struct dump_watch watch;
	struct lines err;
	char last[256]; /* of what the tool said on stderr; of PostgreSQL's the first error: details follow it */
	bool error;
	uintmax_t flushed;
};

void
dumper_because(struct dumper_result *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!*r->reason)
		vsnprintf(r->reason, sizeof r->reason, fmt, ap);
	va_end(ap);
}

static int
write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t put = write(fd, data, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

/* From now on, once more. */
static void
watch_progress(const struct dumper *j)
{
	if (j->lock_wait && j->kind == DUMP_MARIADB)
		alarm(j->lock_wait);
}

static int
on_out(void *arg, const void *data, size_t len)
{
	struct dumping *u = arg;
	struct dumper_result *r = u->result;
	int fd = fileno(u->file.out);
	if (write_all(fd, data, len) < 0) {
		dumper_because(r, "the dump cannot be written: %s", strerror(errno));
		return -1;
	}
	dump_watch_add(&u->watch, data, len);
	r->bytes += len;
	watch_progress(u->job);
	if (r->bytes - u->flushed >= FLUSH_BYTES) {
		sync_file_range(fd, (off_t)u->flushed, (off_t)(r->bytes - u->flushed), SYNC_FILE_RANGE_WRITE);
		u->flushed = r->bytes;
	}
	return 0;
}

/* pg_dump names the query that failed after the error. What it limits is the time of the statement LOCK TABLE. */
static void
on_query(struct dumping *u, const char *line)
{
	const char *query = strcasestr(line, "query was: LOCK TABLE ");
	if (query && u->job->lock_wait && strstr(u->last, "statement timeout"))
		dumper_because(u->result, "%s waited %u s for a lock in vain: %s", u->job->tool, u->job->lock_wait, strchr(query, ':') + 2);
}

static void
on_line(void *arg, const char *line)
{
	struct dumping *u = arg;
	char *shown = tsv_show(line);
	if (*shown) {
		warnx("%s: %s", u->job->label, shown);
		if (!u->error)
			snprintf(u->last, sizeof u->last, "%s", shown);
		u->error = u->error || strstr(shown, ": error: ");
		on_query(u, shown);
	}
	free(shown);
}

/* Why a command has failed whose status is not 0. */
static void
explain(struct docker *d, const struct dumper *j, struct dumper_result *r, const char *command, int status, const char *last)
{
	struct container c;
	const char *colon = *last ? ": " : "";
	if (j->stop && *j->stop == SIGALRM)
		dumper_because(r, "nothing came from %s for %u s: it seems to wait for a lock, and was ended", command, j->lock_wait);
	else if (j->stop && *j->stop)
		dumper_because(r, "it was ended by a signal");
	if (*r->reason)
		return;
	if (status == 126 || status == 127)
		dumper_because(r, "%s is not in the container, or cannot be run there%s%s", command, colon, last);
	else if (status > 128 && status <= 128 + SIGRTMAX)
		dumper_because(r, "%s was ended by signal %d (%s)%s%s", command, status - 128, strsignal(status - 128), colon, last);
	else if (status > 0)
		dumper_because(r, "%s ended with status %d%s%s", command, status, colon, last);
	if (*r->reason)
		return;
	int rc = status == EXEC_NONE ? DOCKER_NONE : container_inspect(d, j->container, &c);
	if (rc == DOCKER_NONE)
		dumper_because(r, "the container has vanished");
	else if (rc == 0 && c.kind == CONTAINER_DOWN)
		dumper_because(r, "the container does not run any more%s%s", colon, last);
	else if (rc == 0 && c.kind == CONTAINER_PAUSED)
		dumper_because(r, "the container is paused");
	else
		dumper_because(r, "Docker did not let %s run to its end%s%s", command, colon, last);
	if (rc == 0)
		container_free(&c);
}

static void
show(const struct dumper *j, const char *const argv[])
{
	char *line = shell_quote(argv);
	warnx("%s: + %s", j->label, line);
	free(line);
}

/* Sets argv; MariaDB's depends on what the account may read. lock_wait is an option of PostgreSQL's tools. -1: reason says why. */
static int
command(struct docker *d, const struct dumper *j, struct dumper_result *r, const char *const env[], const char *argv[MARIADUMP_ARGS],
    const char *lock_wait)
{
	struct mariadump m = {.container = j->container, .label = j->label, .tool = j->tool, .database = j->database,
		.username = j->username, .socket = j->socket, .env = env, .journal = j->journal, .stop = j->stop};
	const char *const one[] = {j->tool, "-U", j->username, "-d", j->database, "-h", "localhost", "--no-owner", "--no-privileges",
		lock_wait, NULL};
	const char *const all[] = {j->tool, "-U", j->username, "-h", "localhost", lock_wait, NULL};
	const char *asked;
	char last[256];
	if (j->kind == DUMP_CLUSTER)
		memcpy(argv, all, sizeof all);
	if (j->kind == DUMP_POSTGRES)
		memcpy(argv, one, sizeof one);
	if (j->kind != DUMP_MARIADB)
		return 0;
	int status = mariadump_ask(d, &m, &asked, last, sizeof last);
	if (status)
		explain(d, j, r, asked, status, last);
	else
		mariadump_argv(&m, argv);
	return status ? -1 : 0;
}

/* Runs the command into the file. -1: reason says why. */
static int
fill(struct docker *d, struct dumping *u, const char *const env[], const char *const argv[])
{
	const struct dumper *j = u->job;
	const struct exec e = {.container = j->container, .argv = argv, .env = env, .journal = j->journal, .out = on_out,
		.err_lines = &u->err, .arg = u, .stop = j->stop};
	setvbuf(u->file.out, NULL, _IONBF, 0);
	dump_watch_begin(&u->watch, j->kind);
	u->err = (struct lines){.each = on_line, .arg = u};
	watch_progress(j);
	int status = exec_run(d, &e);
	alarm(0);
	lines_end(&u->err);
	if (status)
		explain(d, j, u->result, argv[0], status, u->last);
	else if (!dump_watch_complete(&u->watch))
		dumper_because(u->result, "%s ended with status 0, but the end marker of a complete dump is missing", argv[0]);
	return *u->result->reason ? -1 : 0;
}

static int
dump(struct docker *d, struct dumping *u, const char *const env[])
{
	const struct dumper *j = u->job;
	const char *argv[MARIADUMP_ARGS];
	char wait[64] = "";
	if (j->lock_wait)
		snprintf(wait, sizeof wait, "--lock-wait-timeout=%u000", j->lock_wait);
	if (command(d, j, u->result, env, argv, *wait ? wait : NULL) < 0)
		return -1;
	if (j->verbose)
		show(j, argv);
	errno = 0;
	if (save_begin(&u->file, j->dir, j->name, 0600, true) < 0) {
		dumper_because(u->result, "the dump cannot be written: %s", strerror(errno));
		return -1;
	}
	if (fill(d, u, env, argv) < 0) {
		save_abort(&u->file);
		return -1;
	}
	if (save_commit(&u->file) < 0) {
		dumper_because(u->result, "the dump cannot be written to its end");
		return -1;
	}
	return 0;
}

int
dumper_run(struct docker *d, const struct dumper *j, struct dumper_result *r)
{
	struct timespec from, to;
	struct dumping u = {.job = j, .result = r};
	char *password = xasprintf("%s=%s", j->kind == DUMP_MARIADB ? "MYSQL_PWD" : "PGPASSWORD", j->password);
	const char *const env[] = {password, NULL};
	*r = (struct dumper_result){0};
	clock_gettime(CLOCK_MONOTONIC, &from);
	watch_progress(j);
	int rc = dump(d, &u, env);
	clock_gettime(CLOCK_MONOTONIC, &to);
	r->ms = (uintmax_t)((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000);
	if (rc < 0)
		r->bytes = 0;
	explicit_bzero(password, strlen(password));
	free(password);
	return rc;
}
