/* revive.c - the containers of a journal run again.
 *
 * A stop outlives whoever asked for it: a container that still runs may be on its way down.
 * One whose stop was not answered is watched until that can no longer be, or until it has been
 * down and was started after that, since a stop ends one run of a container and no more. Those
 * that need it start after that. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "crew.h"
#include "revive.h"

/* What a child has to say. */
enum { STARTED, RAN, GONE, FAILED, NO_ANSWER };

enum { START_TIME = 600 }; /* seconds, more than enough for a start */

struct work {
	struct journal *j;
	long patience;
	bool verbose, silent; /* silent: Docker did not answer for too long */
	int status;
};

double
revive_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
}

/* Whether Docker answers; says nothing. Takes until then at most. */
static bool
answers(double until)
{
	struct child c;
	struct docker d;
	int rc = child_fork(&c);
	if (rc < 0)
		return false;
	if (rc == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, 2);
		_exit(docker_open(&d) < 0);
	}
	struct pollfd p = {.fd = c.alive, .events = POLLIN};
	double left = until - revive_now();
	if (poll(&p, 1, left > 0 ? (int)(left * 1000) : 0) <= 0)
		kill(c.pid, SIGKILL);
	return child_wait(&c) == 0;
}

static bool
comes_back(double until)
{
	while (revive_now() < until) {
		if (answers(until))
			return true;
		nap();
	}
	return false;
}

bool
revive_wait(long patience)
{
	return comes_back(revive_now() + (double)patience);
}

/* A daemon that is about to end or has just begun says 503. */
static bool
no_answer(const struct docker *d)
{
	return d->status == 0 || d->status == 503;
}

static const char *
name_of(const struct journal *j, const char *id)
{
	for (size_t i = 0; i < j->count; i++)
		if (!strcmp(j->entry[i].id, id))
			return j->entry[i].name;
	return id;
}

/* The next word of needs of that kind, to be freed. */
static char *
next_need(const char **needs, const char *kind)
{
	size_t len = strlen(kind);
	while (*needs && **needs) {
		const char *s = *needs;
		size_t end = strcspn(s, " ");
		*needs += end + (s[end] == ' ');
		if (end > len && !strncmp(s, kind, len) && s[len] == ':') {
			char *id = xcalloc(end - len, 1);
			return memcpy(id, s + len + 1, end - len - 1);
		}
	}
	return NULL;
}

/* Says which of the containers it lives in is no more. */
static void
blame(struct docker *d, const struct journal *j, const struct entry *e)
{
	static const char *const spaces[] = {"network", "pid", "ipc"};
	for (size_t k = 0; k < sizeof spaces / sizeof *spaces; k++) {
		const char *needs = e->needs;
		char *id = next_need(&needs, spaces[k]);
		struct container c;
		int rc = id && *id ? container_inspect(d, id, &c) : -1;
		if (rc == 0)
			container_free(&c);
		if (rc == DOCKER_NONE)
			warnx("%s: it lives in the %s%s of %s, which was removed or recreated", e->name, spaces[k],
			    k ? " namespace" : "", name_of(j, id));
		free(id);
	}
}

static void
await_health(struct docker *d, const struct work *w, const struct entry *e)
{
	double until = revive_now() + (double)w->patience;
	const char *needs = e->needs;
	for (char *id; (id = next_need(&needs, "healthy")); free(id))
		for (;; nap()) {
			struct container c;
			if (container_inspect(d, id, &c))
				break;
			const char *health = container_get(&c, "health");
			bool wait = c.kind != CONTAINER_DOWN && health && strcmp(health, "healthy");
			container_free(&c);
			if (!wait)
				break;
			if (revive_now() > until) {
				warnx("%s: started although %s has not become healthy", e->name, name_of(w->j, id));
				break;
			}
		}
}

static int
start_id(struct docker *d, const char *id, const char *name)
{
	int rc = container_start(d, id);
	if (rc == 0)
		return d->status == 304 ? RAN : STARTED;
	if (rc == DOCKER_NONE)
		warnx("%s", d->message);
	else if (no_answer(d))
		return NO_ANSWER;
	warnx("%s: could not be started again", name);
	return FAILED;
}

/* The container is gone; maybe one of the same name took its place. */
static int
start_namesake(struct docker *d, const struct entry *e)
{
	struct container c;
	int rc = container_inspect(d, e->name, &c);
	if (rc < 0)
		return no_answer(d) ? NO_ANSWER : FAILED;
	if (rc == DOCKER_NONE || strcmp(c.name, e->name)) {
		warnx("%s: could not be started again: it was removed", e->name);
		rc = GONE;
	} else if (c.kind == CONTAINER_DOWN) {
		warnx("%s: was recreated; the new one is started", e->name);
		rc = start_id(d, c.id, e->name);
	} else {
		warnx("%s: was recreated, and runs", e->name);
		rc = RAN;
	}
	container_free(&c);
	return rc;
}

static int
start(struct docker *d, const struct work *w, const struct entry *e)
{
	struct container c;
	int rc = container_start(d, e->id);
	if (rc == 0)
		return d->status == 304 ? RAN : STARTED;
	if (rc < 0 && no_answer(d))
		return NO_ANSWER;
	char *why = rc == DOCKER_NONE ? xstrdup(d->message) : NULL;
	rc = container_inspect(d, e->id, &c); /* 404 may have been about one that it needs */
	if (rc < 0)
		rc = no_answer(d) ? NO_ANSWER : FAILED;
	else if (rc == DOCKER_NONE)
		rc = start_namesake(d, e);
	else {
		if (c.kind == CONTAINER_PAUSED)
			warnx("%s: is paused, and is left so", e->name);
		rc = c.kind == CONTAINER_DOWN ? FAILED : RAN;
		container_free(&c);
	}
	if (rc == FAILED) {
		warnx("%s: could not be started again%s%s", e->name, why ? ": " : "", why ? why : "");
		blame(d, w->j, e);
	}
	free(why);
	return rc;
}

/* It runs, but may be on its way down. */
static int
outlive(struct docker *d, const struct work *w, const struct entry *e)
{
	/* a clock that was set back must not make this last */
	double left = (double)(e->sent - time(NULL)) + (double)e->span;
	double until = revive_now() + (left < (double)e->span ? left : (double)e->span);
	if (w->verbose && left > 0)
		warnx("%s: its stop may still be under way; watching it for %.0f s", e->name, left);
	for (;; nap()) {
		bool last = revive_now() > until;
		struct container c;
		int rc = container_inspect(d, e->id, &c);
		if (rc == DOCKER_NONE)
			return start_namesake(d, e);
		if (rc < 0 && no_answer(d))
			return NO_ANSWER;
		bool down = rc == 0 && c.kind == CONTAINER_DOWN;
		if (rc == 0)
			container_free(&c);
		if (down)
			return start(d, w, e);
		if (last)
			return RAN;
	}
}

static int
work(void *arg, size_t i)
{
	const struct work *w = arg;
	const struct entry *e = &w->j->entry[i];
	double until = revive_now() + (double)w->patience;
	signal(SIGALRM, SIG_DFL);
	alarm((unsigned)(2 * w->patience + e->span) + START_TIME); /* a daemon that hangs is no reason to */
	for (struct docker d;;) {
		int outcome = NO_ANSWER;
		if (docker_open(&d) == 0) {
			await_health(&d, w, e);
			outcome = start(&d, w, e);
			if (outcome == RAN && e->sent)
				outcome = outlive(&d, w, e);
			docker_close(&d);
		}
		if (outcome != NO_ANSWER || !comes_back(until))
			return outcome;
	}
}

static bool
begin(void *arg, size_t i)
{
	const struct work *w = arg;
	if (w->verbose)
		warnx("starting %s", w->j->entry[i].name);
	return true;
}

static void
done(void *arg, size_t i, int outcome)
{
	struct work *w = arg;
	struct entry *e = &w->j->entry[i];
	e->at = revive_now();
	e->up = outcome == STARTED || outcome == RAN;
	e->ran = outcome == RAN;
	if (e->up || outcome == GONE)
		journal_mark(w->j, i, JOURNAL_LEFT); /* a start too many would do no harm */
	if (outcome == NO_ANSWER) {
		warnx("%s: could not be started again: Docker does not answer", e->name);
		w->silent = true;
	} else if (outcome < STARTED || outcome > NO_ANSWER)
		warnx("%s: could not be started again", e->name);
	if (!e->up)
		w->status = BD_FAILED;
}

/* The lowest order of those that are to start from this one on; -1: none are. */
static ssize_t
next_order(const struct journal *j, ssize_t from)
{
	ssize_t next = -1;
	for (size_t i = 0; i < j->count; i++) {
		ssize_t order = (ssize_t)j->entry[i].order;
		if (j->entry[i].state != JOURNAL_LEFT && order >= from && (next < 0 || order < next))
			next = order;
	}
	return next;
}

int
revive(struct journal *j, long patience, bool verbose)
{
	struct work w = {.j = j, .patience = patience, .verbose = verbose};
	const struct crew crew = {.begin = begin, .work = work, .done = done, .arg = &w};
	size_t *item = xcalloc(j->count + 1, sizeof *item);
	for (ssize_t order = -1; (order = next_order(j, order + 1)) >= 0;) {
		size_t n = 0;
		for (size_t i = 0; i < j->count; i++)
			if (j->entry[i].state != JOURNAL_LEFT && (ssize_t)j->entry[i].order == order) {
				item[n++] = i;
				if (w.silent)
					done(&w, i, NO_ANSWER);
			}
		if (!w.silent)
			crew_run(&crew, item, n);
	}
	free(item);
	return w.silent ? BD_FATAL : w.status;
}
