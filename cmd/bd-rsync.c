/* bd-rsync - copies volumes into the generation being built, N at a time.
 *
 * What the workers find goes into shared memory, so that the death of one costs one volume. Nothing is
 * reported before every process that could still write is gone. */
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"
#include "signals.h"
#include "tree.h"
#include "workers.h"

struct job {
	const char *volume, *mountpoint, *reason; /* reason: of a volume planned to fail */
};

static struct table plan = {.columns = PLAN_COLUMNS};
static struct job *jobs; /* the volumes that are to be copied or reported */
static size_t job_count;
static bool again; /* some are to be copied once more, while their containers are down */
static struct copy_result *results; /* of the jobs, shared */
static struct copy settings = {.repo = -1, .index = -1, .bad = -1, .source = HELD_NOT};

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-rsync [-bcCnvV] [-i INDEX] [-j JOBS] [-x BAD] REPOSITORY PARTIAL\n");
	exit(BD_USAGE);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
check(const struct tsv *at, char *const row[])
{
	static void *names;
	const char *volume = row[PLAN_VOLUME], *action = row[PLAN_ACTION];
	if (!is_component(volume))
		return tsv_bad(at, "'%s' is not the name of a volume", volume ? volume : "-");
	if (!field_in(action, "skip live stop fail dump"))
		return tsv_bad(at, "unknown action '%s'", action ? action : "-");
	if (plan_copies(row) && !row[PLAN_MOUNTPOINT])
		return tsv_bad(at, "no mountpoint");
	if (!field_in(action, "skip dump") && *(char *const *)tsearch(volume, &names, by_name) != volume)
		return tsv_bad(at, "volume '%s' a second time", volume);
	return 0;
}

static void
take(char *const row[])
{
	struct job *j = &jobs[job_count];
	*j = (struct job){.volume = row[PLAN_VOLUME], .mountpoint = row[PLAN_MOUNTPOINT]};
	if (field_is(row[PLAN_ACTION], "fail"))
		j->reason = row[PLAN_REASON] ? row[PLAN_REASON] : "planned to fail";
	else if (!plan_copies(row))
		return;
	else if (field_in(j->volume, "manifest.json directory_stemp.json"))
		j->reason = "a generation has a file of that name";
	else
		again = again || field_is(row[PLAN_ACTION], "stop");
	job_count++;
}

static int
read_plan(void)
{
	int status = table_load(&plan, "-", check);
	jobs = xcalloc(plan.rows, sizeof *jobs);
	for (size_t i = 0; !status && i < plan.rows; i++)
		take(table_row(&plan, i));
	return status;
}

/* Run by bd-snapshot: T0 is when it began, and a file has the inode and ctime it has in the subject. */
static void
in_snapshot(void)
{
	const char *path = getenv("BAUDOLO_SNAPSHOT"), *of = getenv("BAUDOLO_SNAPSHOT_SUBJECT"),
	           *t0 = getenv("BAUDOLO_SNAPSHOT_T0");
	struct stat snapshot, subject;
	long long seconds;
	if (!path || !of || !t0)
		return;
	if (stat(path, &snapshot) < 0 || stat(of, &subject) < 0)
		err(BD_FATAL, "%s", path);
	if (sscanf(t0, "%lld", &seconds) != 1 || seconds > settings.t0.tv_sec)
		errx(BD_FATAL, "BAUDOLO_SNAPSHOT_T0 is '%s'", t0);
	settings.t0.tv_sec = (time_t)seconds;
	index_snapshot(snapshot.st_dev, subject.st_dev);
}

/* Takes T0, then syncs each file system that holds a volume. Containers that are down do not
 * wait for that: only what begins a new index needs it. */
static struct devices *
sync_sources(void)
{
	static struct devices synced;
	clock_gettime(CLOCK_REALTIME, &settings.t0);
	in_snapshot();
	for (size_t i = 0; i < job_count && !settings.cold; i++) {
		struct stat st;
		int fd = !jobs[i].reason ? open(jobs[i].mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		int rc = fd < 0 ? -1 : fstat(fd, &st);
		if (rc == 0 && !device_known(&synced, st.st_dev) && (rc = syncfs(fd)) == 0)
			device_add(&synced, st.st_dev);
		if (rc < 0 && !jobs[i].reason && errno != ENOENT) /* synced as it is walked, if it can be */
			warn("%s: sync", jobs[i].mountpoint);
		if (fd < 0)
			continue;
		close(fd);
	}
	return &synced;
}

static struct copy
copy_of(const struct job *j)
{
	struct copy c = settings;
	c.volume = j->volume;
	c.mountpoint = j->mountpoint;
	c.source = held_find(j->volume);
	return c;
}

static void
work(void *arg, size_t i)
{
	struct copy_result *r = &results[i];
	(void)arg;
	signal(SIGPIPE, SIG_IGN); /* rsync may end before its list does; child_exec undoes this */
	if (jobs[i].reason) {
		snprintf(r->reason, sizeof r->reason, "%s", jobs[i].reason);
		warnx("%s: not copied: %s", jobs[i].volume, jobs[i].reason);
	} else {
		struct copy c = copy_of(&jobs[i]);
		copy_volume(&c, r);
	}
}

/* What the worker was at is a failure, and nothing of it may stay. */
static void
died(void *arg, size_t i, int status)
{
	struct copy_result *r = &results[i];
	(void)arg;
	r->status = COPY_FAILED;
	snprintf(r->reason, sizeof r->reason, "its worker ended with status %d", status);
	warnx("%s: not copied: %s", jobs[i].volume, r->reason);
	if (r->made || settings.cold)
		r->left = copy_discard(&settings, jobs[i].volume) < 0;
}

static void
show(void)
{
	for (size_t i = 0; i < job_count; i++) {
		struct copy c = copy_of(&jobs[i]);
		if (!jobs[i].reason)
			copy_show(&c, stdout);
	}
}

static int
report(void)
{
	static const char *const word[] = {
		[COPY_FAILED] = "failed", [COPY_DONE] = "ok", [COPY_VANISHED] = "vanished"};
	int status = BD_DONE;
	for (size_t i = 0; i < job_count; i++) {
		const struct copy_result *r = &results[i];
		const char *reason = *r->reason ? r->reason : NULL;
		if (r->status == COPY_FAILED) {
			status = r->left || status == BD_FATAL ? BD_FATAL : BD_FAILED; /* half a copy must not be published */
			reason = reason ? reason : "its worker ended before it began";
		}
		if (TSV_WRITE(stdout, jobs[i].volume, word[r->status], tsv_num(r->linked).text, tsv_num(r->copied).text,
		    tsv_num(r->bytes).text, tsv_seconds(r->ms).text, *r->base ? r->base : NULL, reason, tsv_num(r->shared).text) < 0)
			status = BD_FATAL;
	}
	return status;
}

int
main(int argc, char *argv[])
{
	long width = bd_processors(4);
	const char *index = NULL, *bad = NULL;
	bool dry = false;
	bd_start();
	for (int c; (c = getopt(argc, argv, "bcCi:j:nvVx:")) != -1;)
		switch (c) {
		case 'b': settings.across_boots = true; break;
		case 'c': settings.checksum = true; break;
		case 'C': settings.cold = true; break;
		case 'i': index = optarg; break;
		case 'j': width = bd_number(optarg, 1, WORKERS_MAX, "-j"); break;
		case 'n': dry = true; break;
		case 'v': settings.verbose = true; break;
		case 'V': bd_version();
		case 'x': bad = optarg; break;
		default: usage();
		}
	if (argc - optind != 2)
		usage();
	int status = read_plan();
	if (status)
		return status;
	static char **generations;
	settings.repo = repository(argv[optind], &generations);
	settings.generations = generations;
	settings.repo_path = argv[optind];
	settings.partial_path = argv[optind + 1];
	if (dry) {
		show();
		return bd_finish(BD_DONE);
	}
	settings.partial = folder_open(argv[optind + 1]);
	if (index)
		settings.index = folder_open(index);
	if (bad)
		settings.bad = folder_open(bad);
	results = xshared(job_count, sizeof *results);
	settings.synced = sync_sources();
	int sig = workers_run(&(struct workers){.items = job_count, .work = work, .died = died}, (int)width);
	if (sig) {
		warnx("ended by signal %d; nothing writes any more", sig);
		signals_die(sig);
	}
	if (again && !settings.cold && syncfs(settings.partial) < 0) /* now, and not while they are down */
		warn("%s: sync", settings.partial_path); /* bd-publish will not publish it */
	return bd_finish(report());
}
