/* bd-rsync - copies volumes into the generation being built, N at a time.
 *
 * Workers are forked once and take the next volume from a shared counter; what they
 * find goes into shared memory, so that a worker's death costs one volume. Nothing is
 * reported before every process that could still write is gone. */
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tree.h"

enum { COLUMNS = 6, MAX_WORKERS = 64 }; /* COLUMNS of a plan record */

struct job {
	char *volume, *mountpoint, *reason; /* reason: of a volume planned to fail */
};

struct outcome {
	_Atomic int worker; /* 0: not begun, -1: ended, else the worker at it */
	struct copy_result result;
};

struct shared {
	atomic_size_t next;
	struct outcome outcome[];
};

static struct job *jobs;
static size_t job_count;
static bool again; /* some are to be copied once more, while their containers are down */
static struct shared *shared;
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

static bool
reserved(const char *volume)
{
	return !strcmp(volume, "manifest.json") || !strcmp(volume, "directory_stemp.json");
}

/* Reads the plan; keeps the volumes that are to be copied or reported. */
static int
read_plan(void)
{
	struct tsv t;
	static void *names;
	size_t room = 0;
	int rc;
	tsv_begin(&t, stdin, "stdin");
	while ((rc = tsv_read(&t, COLUMNS)) > 0) {
		const char *volume = t.field[0], *action = t.field[1], *reason = t.field[3], *mountpoint = t.field[4];
		if (!is_component(volume))
			return tsv_bad(&t, "'%s' is not the name of a volume", volume ? volume : "-");
		if (!action || (strcmp(action, "skip") && strcmp(action, "live") && strcmp(action, "stop") &&
		    strcmp(action, "fail") && strcmp(action, "dump")))
			return tsv_bad(&t, "unknown action '%s'", action ? action : "-");
		if (!strcmp(action, "skip") || !strcmp(action, "dump"))
			continue;
		if (strcmp(action, "fail") && reserved(volume)) {
			action = "fail";
			reason = "a generation has a file of that name";
		}
		again = again || !strcmp(action, "stop");
		bool fail = !strcmp(action, "fail");
		if (!fail && !mountpoint)
			return tsv_bad(&t, "no mountpoint");
		if (job_count == room) {
			room = room ? 2 * room : 64;
			jobs = xrealloc(jobs, room, sizeof *jobs);
		}
		struct job *j = &jobs[job_count++];
		*j = (struct job){.volume = xstrdup(volume), .mountpoint = fail ? NULL : xstrdup(mountpoint),
		    .reason = fail ? xstrdup(reason ? reason : "planned to fail") : NULL};
		if (*(char **)tsearch(j->volume, &names, by_name) != j->volume)
			return tsv_bad(&t, "volume '%s' a second time", volume);
	}
	tsv_end(&t);
	return rc;
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
		int fd = jobs[i].mountpoint ? open(jobs[i].mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		int rc = fd < 0 ? -1 : fstat(fd, &st);
		if (rc == 0 && !device_known(&synced, st.st_dev) && (rc = syncfs(fd)) == 0)
			device_add(&synced, st.st_dev);
		if (rc < 0 && jobs[i].mountpoint && errno != ENOENT) /* synced as it is walked, if it can be */
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
run_job(size_t i, int worker)
{
	struct outcome *o = &shared->outcome[i];
	atomic_store(&o->worker, worker);
	if (jobs[i].reason) {
		snprintf(o->result.reason, sizeof o->result.reason, "%s", jobs[i].reason);
		warnx("%s: not copied: %s", jobs[i].volume, jobs[i].reason);
	} else {
		struct copy c = copy_of(&jobs[i]);
		copy_volume(&c, &o->result);
	}
	atomic_store(&o->worker, -1);
}

static void
start_worker(struct child *c, int number)
{
	int rc = child_fork(c);
	if (rc < 0)
		exit(BD_FATAL);
	if (rc > 0)
		return;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN); /* rsync may end before its list does; child_exec undoes this */
	for (size_t i; (i = atomic_fetch_add(&shared->next, 1)) < job_count;)
		run_job(i, number);
	_exit(BD_DONE);
}

/* A worker has died: what it was at is a failure, and nothing of it may stay. */
static void
bury(int worker, int status)
{
	for (size_t i = 0; i < job_count; i++) {
		struct outcome *o = &shared->outcome[i];
		if (atomic_load(&o->worker) != worker)
			continue;
		o->result.status = COPY_FAILED;
		snprintf(o->result.reason, sizeof o->result.reason, "its worker ended with status %d", status);
		warnx("%s: not copied: %s", jobs[i].volume, o->result.reason);
		if (o->result.made || settings.cold)
			o->result.left = copy_discard(&settings, jobs[i].volume) < 0;
		atomic_store(&o->worker, -1);
	}
}

static _Noreturn void
die_of(int sig, struct child *worker, int workers)
{
	for (int w = 0; w < workers; w++)
		if (worker[w].pid)
			kill(worker[w].pid, SIGKILL); /* their rsyncs follow */
	for (int w = 0; w < workers; w++)
		if (worker[w].pid)
			child_wait(&worker[w]);
	warnx("ended by signal %d; nothing writes any more", sig);
	sigset_t none;
	sigemptyset(&none);
	signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	raise(sig);
	_exit(128 + sig);
}

/* Reaps the workers that have ended; returns how many are left. */
static int
reap(struct child *worker, int workers)
{
	int left = 0;
	for (int w = 0; w < workers; w++) {
		siginfo_t info = {0};
		if (!worker[w].pid)
			continue;
		if (waitid(P_PID, (id_t)worker[w].pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
			int status = child_wait(&worker[w]);
			worker[w].pid = 0;
			if (status == BD_DONE)
				continue;
			bury(w + 1, status);
			if (atomic_load(&shared->next) >= job_count)
				continue;
			start_worker(&worker[w], w + 1);
		}
		left++;
	}
	return left;
}

static void
run(int workers)
{
	struct child worker[MAX_WORKERS] = {{0}};
	sigset_t wait;
	sigemptyset(&wait);
	for (size_t i = 0; i < 4; i++)
		sigaddset(&wait, (const int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP}[i]);
	sigprocmask(SIG_BLOCK, &wait, NULL);
	for (int w = 0; w < workers; w++)
		start_worker(&worker[w], w + 1);
	while (reap(worker, workers) > 0) {
		int sig = sigwaitinfo(&wait, NULL);
		if (sig > 0 && sig != SIGCHLD)
			die_of(sig, worker, workers);
	}
}

static int
report(void)
{
	static const char *const word[] = {
		[COPY_FAILED] = "failed", [COPY_DONE] = "ok", [COPY_VANISHED] = "vanished"};
	int status = BD_DONE;
	for (size_t i = 0; i < job_count; i++) {
		const struct copy_result *r = &shared->outcome[i].result;
		char seconds[32];
		snprintf(seconds, sizeof seconds, "%ju.%03ju", r->ms / 1000, r->ms % 1000);
		const char *reason = *r->reason ? r->reason : NULL;
		if (r->status == COPY_FAILED) {
			status = r->left || status == BD_FATAL ? BD_FATAL : BD_FAILED; /* half a copy must not be published */
			reason = reason ? reason : "its worker ended before it began";
		}
		if (TSV_WRITE(stdout, jobs[i].volume, word[r->status], tsv_num(r->linked).text, tsv_num(r->copied).text,
		    tsv_num(r->bytes).text, seconds, *r->base ? r->base : NULL, reason, tsv_num(r->shared).text) < 0)
			status = BD_FATAL;
	}
	return status;
}

static int
folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err(BD_FATAL, "%s", path);
	return fd;
}

int
main(int argc, char *argv[])
{
	long workers = sysconf(_SC_NPROCESSORS_ONLN);
	const char *index = NULL, *bad = NULL;
	bool dry = false;
	if (workers < 1 || workers > 4)
		workers = workers < 1 ? 1 : 4;
	bd_start();
	for (int c; (c = getopt(argc, argv, "bcCi:j:nvVx:")) != -1;)
		switch (c) {
		case 'b': settings.across_boots = true; break;
		case 'c': settings.checksum = true; break;
		case 'C': settings.cold = true; break;
		case 'i': index = optarg; break;
		case 'j': workers = bd_number(optarg, 1, MAX_WORKERS, "-j"); break;
		case 'n': dry = true; break;
		case 'v': settings.verbose = true; break;
		case 'V': bd_version();
		case 'x': bad = optarg; break;
		default: usage();
		}
	if (argc - optind != 2)
		usage();
	if (read_plan() < 0)
		return BD_USAGE;
	static char **generations;
	settings.repo = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (settings.repo < 0 && errno != ENOENT)
		err(BD_FATAL, "%s", argv[optind]);
	if (settings.repo >= 0 && generation_list(settings.repo, &generations) < 0)
		return BD_FATAL;
	settings.generations = generations;
	settings.repo_path = argv[optind];
	settings.partial_path = argv[optind + 1];
	if (dry) {
		for (size_t i = 0; i < job_count; i++) {
			struct copy c = copy_of(&jobs[i]);
			if (!jobs[i].reason)
				copy_show(&c, stdout);
		}
		return bd_finish(BD_DONE);
	}
	settings.partial = folder(argv[optind + 1]);
	if (index)
		settings.index = folder(index);
	if (bad)
		settings.bad = folder(bad);
	shared = mmap(NULL, sizeof *shared + job_count * sizeof *shared->outcome, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(BD_FATAL, "memory");
	settings.synced = sync_sources();
	run(job_count < (size_t)workers ? (int)job_count : (int)workers);
	if (again && !settings.cold && syncfs(settings.partial) < 0) /* now, and not while they are down */
		warn("%s: sync", settings.partial_path); /* bd-publish will not publish it */
	return bd_finish(report());
}
