/* bd-dump - dumps databases into the generation being built, N at a time:
 * volume container instance database engine sole status bytes seconds file reason.
 *
 * Each dump is the work of a child with its own connection to Docker; what became of it stands
 * in shared memory. The password is read from databases.csv by the child that needs it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "databases.h"
#include "dumper.h"
#include "execs.h"
#include "match.h"
#include "signals.h"
#include "sqldir.h"

static struct table input = {.columns = MATCH_COLUMNS};
static char **file; /* of each row, below sql/; NULL: a database without a row */
static struct dumper_result *results; /* shared */
static const char *csv;
static int partial, journal = -1;
static bool verbose;
static long lock_wait = 300; /* s */
static volatile sig_atomic_t stop;
static sigset_t unblocked;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-dump [-vV] [-j JOBS] [-J JOURNAL] [-w SECONDS] -c CSV PARTIAL\n");
	exit(BD_USAGE);
}

/* It fails before it has begun. */
static void
refuse(size_t i, const char *why)
{
	dumper_because(&results[i], "%s", why);
}

static void
on_signal(int sig)
{
	stop = sig;
}

static char *
password(size_t i)
{
	char **row = table_row(&input, i), *why;
	const struct database want = {.line = strtoul(row[MATCH_LINE], NULL, 10),
		.text = {row[MATCH_INSTANCE], row[MATCH_DATABASE], row[MATCH_USERNAME]}};
	char *text = databases_password(csv, &want, &why);
	if (text)
		return text;
	refuse(i, why);
	free(why);
	return NULL;
}

static int
work(void *arg, size_t i)
{
	char **row = table_row(&input, i);
	bool maria = field_is(row[MATCH_ENGINE], "mariadb"), cluster = match_cluster(row);
	struct docker docker;
	struct dumper d = {.container = row[MATCH_ID], .label = row[MATCH_CONTAINER], .name = file[i], .journal = journal,
		.stop = &stop, .lock_wait = (unsigned)lock_wait, .verbose = verbose, .database = cluster ? NULL : row[MATCH_DATABASE],
		.username = row[MATCH_USERNAME], .kind = maria ? DUMP_MARIADB : cluster ? DUMP_CLUSTER : DUMP_POSTGRES,
		.tool = maria || cluster ? row[MATCH_TOOL] : "pg_dump"};
	(void)arg;
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	if (!(d.password = password(i)))
		return BD_FAILED;
	if ((d.dir = sqldir_open(partial, row[MATCH_VOLUME])) < 0) {
		dumper_because(&results[i], "its folder: %s", strerror(errno));
		return BD_FAILED;
	}
	if (docker_open(&docker) < 0) {
		refuse(i, "Docker does not answer");
		return BD_FATAL;
	}
	int rc = dumper_run(&docker, &d, &results[i]);
	docker_close(&docker);
	return rc < 0 ? BD_FAILED : BD_DONE;
}

/* Of a child that was killed nothing may stay, whatever it had come to. */
static void
done(void *arg, size_t i, int ended)
{
	(void)arg;
	if (ended == BD_DONE)
		return;
	sqldir_bury(partial, table_row(&input, i)[MATCH_VOLUME], file[i]);
	dumper_because(&results[i], "what was at it ended with status %d", ended); /* unless it said why */
}

/* Said once, not by each child. */
static bool
docker_answers(void)
{
	struct docker d;
	if (docker_open(&d) < 0)
		return false;
	docker_close(&d);
	return true;
}

static size_t
possible(size_t item[])
{
	size_t items = 0;
	for (size_t i = 0; i < input.rows; i++)
		if (file[i] && !*results[i].reason)
			item[items++] = i;
	return items;
}

static void
run(const size_t item[], size_t items, size_t width)
{
	const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigdelset(&unblocked, signals[i]);
	const struct crew crew = {
		.work = work, .done = done, .width = width, .stop = &stop, .unblocked = &unblocked};
	crew_run(&crew, item, items);
}

/* One record; false: a failure. */
static bool
report(size_t i)
{
	const struct dumper_result *r = &results[i];
	char **row = table_row(&input, i), *path = NULL;
	bool failed = *r->reason;
	if (!file[i])
		return TSV_WRITE(stdout, row[MATCH_VOLUME], row[MATCH_CONTAINER], row[MATCH_INSTANCE], row[MATCH_DATABASE], row[MATCH_ENGINE], row[MATCH_SOLE], "none",
		    NULL, NULL, NULL, NULL) == 0;
	if (!failed)
		path = xasprintf("%s/sql/%s", row[MATCH_VOLUME], file[i]);
	else {
		char *shown = tsv_show(r->reason), *volume = tsv_show(row[MATCH_VOLUME]);
		warnx("%s: %s is not dumped below %s: %s", row[MATCH_CONTAINER], match_cluster(row) ? "the cluster" : row[MATCH_DATABASE], volume, shown);
		free(shown);
		free(volume);
	}
	bool written = TSV_WRITE(stdout, row[MATCH_VOLUME], row[MATCH_CONTAINER], row[MATCH_INSTANCE], row[MATCH_DATABASE], row[MATCH_ENGINE], row[MATCH_SOLE],
	    failed ? "failed" : "ok", tsv_num(r->bytes).text, tsv_seconds(r->ms).text, path, failed ? r->reason : NULL) == 0;
	free(path);
	return written && !failed;
}

int
main(int argc, char *argv[])
{
	long width = bd_processors(4);
	const char *path = NULL;
	int status = BD_DONE;
	bd_start();
	for (int c; (c = getopt(argc, argv, "c:j:J:vVw:")) != -1;)
		switch (c) {
		case 'c': csv = optarg; break;
		case 'j': width = bd_number(optarg, 1, CREW_MAX, "-j"); break;
		case 'J': path = optarg; break;
		case 'v': verbose = true; break;
		case 'V': bd_version();
		case 'w': lock_wait = bd_number(optarg, 1, 86400, "-w"); break;
		default: usage();
		}
	if (argc - optind != 1 || !csv)
		usage();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if ((status = table_load(&input, "-", match_check)))
		return status;
	partial = folder_open(argv[optind]);
	if (path && (journal = execs_open(path)) < 0)
		return BD_FATAL;
	results = xshared(input.rows, sizeof *results);
	file = xcalloc(input.rows, sizeof *file);
	for (size_t i = 0; i < input.rows; i++)
		file[i] = match_file(table_row(&input, i));
	match_refuse(&input, refuse);
	size_t *item = xcalloc(input.rows, sizeof *item), items = possible(item);
	if (items && !docker_answers())
		return BD_FATAL;
	run(item, items, (size_t)width);
	for (size_t i = 0; i < input.rows; i++)
		if (file[i] && *results[i].reason)
			sqldir_tidy(partial, table_row(&input, i)[MATCH_VOLUME]);
	if (stop) {
		warnx("ended by signal %d; no dump goes on", (int)stop);
		signals_die(stop);
	}
	for (size_t i = 0; i < input.rows; i++)
		if (!report(i))
			status = BD_FAILED;
	return bd_finish(status);
}
