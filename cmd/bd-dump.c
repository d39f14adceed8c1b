/* bd-dump - dumps databases into the generation being built, N at a time:
 * volume container instance database engine sole status bytes seconds file reason.
 *
 * Each dump is the work of a child with its own connection to Docker; what became of it stands
 * in shared memory. The password is read from databases.csv by the child that needs it. */
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crew.h"
#include "databases.h"
#include "dumper.h"
#include "execs.h"
#include "table.h"

enum { VOLUME, CONTAINER, ID, INSTANCE, ENGINE, TOOL, LINE, DATABASE, USERNAME, SOLE, COLUMNS };

struct job {
	char **row;
	size_t line;
	char *file; /* below sql/; NULL: a database without a row */
};

static struct table input = {.columns = COLUMNS};
static struct job *jobs;
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

static bool
is(const char *field, const char *text)
{
	return field && !strcmp(field, text);
}

static int
check_row(const struct tsv *at, char *const row[])
{
	struct database row_of = {.text = {row[INSTANCE], row[DATABASE], row[USERNAME]}};
	for (int i = VOLUME; i < COLUMNS; i++)
		if (!row[i] && i != LINE && i != DATABASE && i != USERNAME)
			return tsv_bad(at, "field %d is absent", i + 1);
	if (!is_component(row[VOLUME]))
		return tsv_bad(at, "'%s' is not the name of a volume", row[VOLUME]);
	if (!is_component(row[INSTANCE]))
		return tsv_bad(at, "'%s' is not an instance", row[INSTANCE]);
	if (!is(row[ENGINE], "postgres") && !is(row[ENGINE], "mariadb"))
		return tsv_bad(at, "no such engine");
	if (!is(row[TOOL], "pg_dumpall") && !is(row[TOOL], "mariadb-dump") && !is(row[TOOL], "mysqldump"))
		return tsv_bad(at, "no such tool");
	if (is(row[ENGINE], "postgres") != is(row[TOOL], "pg_dumpall"))
		return tsv_bad(at, "that tool is not of that engine");
	if (!row[LINE])
		return 0;
	if (!row[DATABASE] || !row[USERNAME] || row[LINE][strspn(row[LINE], "0123456789")])
		return tsv_bad(at, "a row has a line, a database and a username");
	char *wrong = databases_wrong(&row_of);
	if (!wrong)
		return 0;
	tsv_bad(at, "%s", wrong);
	free(wrong);
	return -1;
}

static bool
is_cluster(const struct job *j)
{
	return is(j->row[DATABASE], "*");
}

static void
plan(struct job *j, char **row)
{
	*j = (struct job){.row = row};
	if (!row[LINE])
		return;
	j->line = strtoul(row[LINE], NULL, 10);
	j->file = is_cluster(j) ? xasprintf("%s.cluster.backup.sql", row[INSTANCE]) : xasprintf("%s.backup.sql", row[DATABASE]);
}

/* It fails before it has begun. */
static void __attribute__((format(printf, 2, 3)))
refuse(size_t i, const char *fmt, ...)
{
	struct dumper_result *r = &results[i];
	va_list ap;
	va_start(ap, fmt);
	if (!*r->reason)
		vsnprintf(r->reason, sizeof r->reason, fmt, ap);
	va_end(ap);
}

static int
by_file(const void *a, const void *b)
{
	const struct job *x = a, *y = b;
	int rc = strcmp(x->row[VOLUME], y->row[VOLUME]);
	return rc ? rc : strcmp(x->file, y->file);
}

static void
refuse_impossible(void)
{
	void *files = NULL;
	for (size_t i = 0; i < input.rows; i++) {
		struct job *j = &jobs[i];
		if (!j->file)
			continue;
		struct job **first = tsearch(j, &files, by_file);
		if (!first)
			errx(BD_FATAL, "memory");
		if (*first != j)
			refuse(i, "it would overwrite the dump of container %s", (*first)->row[CONTAINER]);
		else if (is_cluster(j) && is(j->row[ENGINE], "mariadb"))
			refuse(i, "'*' is for PostgreSQL only: name the databases of %s", j->row[INSTANCE]);
		else if (is(j->row[VOLUME], "manifest.json") || is(j->row[VOLUME], "directory_stemp.json"))
			refuse(i, "a generation has a file of that name");
	}
}

/* Opens name in dir, made if need be. -1 (errno). */
static int
folder(int dir, const char *name, mode_t mode)
{
	bool made = mkdirat(dir, name, mode) == 0;
	if (!made && errno != EEXIST)
		return -1;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && made && fsync(dir) == 0)
		return fd;
	if (fd >= 0 && !made)
		return fd;
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return -1;
}

/* The folder sql of a volume, as bd-rsync makes the volume's. */
static int
sql_folder(const struct job *j)
{
	int volume = folder(partial, j->row[VOLUME], 0755);
	if (volume < 0)
		return -1;
	int sql = folder(volume, "sql", 0700), why = errno;
	close(volume);
	errno = why;
	return sql;
}

/* Those that hold nothing would be taken for dumps that are lost. */
static void
remove_empty_folders(void)
{
	for (size_t i = 0; i < input.rows; i++)
		if (jobs[i].file && *results[i].reason) {
			char *sql = xasprintf("%s/sql", jobs[i].row[VOLUME]);
			if (unlinkat(partial, sql, AT_REMOVEDIR) == 0)
				unlinkat(partial, jobs[i].row[VOLUME], AT_REMOVEDIR);
			free(sql);
		}
}

static void
on_signal(int sig)
{
	stop = sig;
}

/* Sets d->password. */
static int
with_password(size_t i, struct dumper *d)
{
	const struct job *j = &jobs[i];
	char *why;
	const struct database want = {.line = j->line, .text = {j->row[INSTANCE], j->row[DATABASE], j->row[USERNAME]}};
	if ((d->password = databases_password(csv, &want, &why)))
		return 0;
	refuse(i, "%s", why);
	free(why);
	return -1;
}

static int
work(void *arg, size_t i)
{
	const struct job *j = &jobs[i];
	struct docker docker;
	bool maria = is(j->row[ENGINE], "mariadb");
	struct dumper d = {.container = j->row[ID], .label = j->row[CONTAINER], .name = j->file, .journal = journal,
		.stop = &stop, .lock_wait = (unsigned)lock_wait, .verbose = verbose,
		.database = is_cluster(j) ? NULL : j->row[DATABASE],
		.username = j->row[USERNAME], .kind = maria ? DUMP_MARIADB : is_cluster(j) ? DUMP_CLUSTER : DUMP_POSTGRES,
		.tool = maria || is_cluster(j) ? j->row[TOOL] : "pg_dump"};
	(void)arg;
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	if (with_password(i, &d) < 0)
		return BD_FAILED;
	if ((d.dir = sql_folder(j)) < 0) {
		refuse(i, "its folder: %s", strerror(errno));
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
bury(size_t i)
{
	const char *volume = jobs[i].row[VOLUME], *file = jobs[i].file;
	char *path[] = {xasprintf("%s/sql/.%s.tmp", volume, file), xasprintf("%s/sql/%s", volume, file)};
	for (int k = 0; k < 2; k++) {
		if (unlinkat(partial, path[k], 0) < 0 && errno != ENOENT)
			warn("%s", path[k]);
		free(path[k]);
	}
}

static void
done(void *arg, size_t i, int ended)
{
	(void)arg;
	if (ended == BD_DONE)
		return;
	bury(i);
	refuse(i, "what was at it ended with status %d", ended); /* unless it said why */
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
		if (jobs[i].file && !*results[i].reason)
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

static void
end_of_signal(void)
{
	int sig = stop;
	warnx("ended by signal %d; no dump goes on", sig);
	signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	raise(sig);
	_exit(128 + sig);
}

/* One record; false: a failure. */
static bool
report(size_t i)
{
	const struct job *j = &jobs[i];
	const struct dumper_result *r = &results[i];
	char *const *row = j->row, *file = NULL;
	char seconds[32];
	bool failed = *r->reason;
	if (!j->file)
		return TSV_WRITE(stdout, row[VOLUME], row[CONTAINER], row[INSTANCE], row[DATABASE], row[ENGINE], row[SOLE], "none",
		    NULL, NULL, NULL, NULL) == 0;
	snprintf(seconds, sizeof seconds, "%ju.%03ju", r->ms / 1000, r->ms % 1000);
	if (!failed)
		file = xasprintf("%s/sql/%s", row[VOLUME], j->file);
	else {
		char *shown = tsv_show(r->reason), *volume = tsv_show(row[VOLUME]);
		warnx("%s: %s is not dumped below %s: %s", row[CONTAINER], is_cluster(j) ? "the cluster" : row[DATABASE], volume, shown);
		free(shown);
		free(volume);
	}
	bool written = TSV_WRITE(stdout, row[VOLUME], row[CONTAINER], row[INSTANCE], row[DATABASE], row[ENGINE], row[SOLE],
	    failed ? "failed" : "ok", tsv_num(r->bytes).text, seconds, file, failed ? r->reason : NULL) == 0;
	free(file);
	return written && !failed;
}

int
main(int argc, char *argv[])
{
	long width = sysconf(_SC_NPROCESSORS_ONLN);
	const char *path = NULL;
	int status = BD_DONE;
	if (width < 1 || width > 4)
		width = width < 1 ? 1 : 4;
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
	if ((status = table_load(&input, "-", check_row)))
		return status;
	if ((partial = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err(BD_FATAL, "%s", argv[optind]);
	if (path && (journal = execs_open(path)) < 0)
		return BD_FATAL;
	results = mmap(NULL, (input.rows + 1) * sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		err(BD_FATAL, "memory");
	jobs = xcalloc(input.rows, sizeof *jobs);
	for (size_t i = 0; i < input.rows; i++)
		plan(&jobs[i], table_row(&input, i));
	refuse_impossible();
	size_t *item = xcalloc(input.rows, sizeof *item), items = possible(item);
	if (items && !docker_answers())
		return BD_FATAL;
	run(item, items, (size_t)width);
	remove_empty_folders();
	if (stop)
		end_of_signal();
	for (size_t i = 0; i < input.rows; i++)
		if (!report(i))
			status = BD_FAILED;
	return bd_finish(status);
}
