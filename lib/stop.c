/* stop.c - stops containers, and makes sure that they are down.
 *
 * Nothing is asked to stop that is not in the journal. A stop that was answered is over;
 * whether the container is down, and who else uses the volumes, is looked at after that,
 * again and again until there is nothing left to do. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "busy.h"
#include "crew.h"
#include "order.h"
#include "revive.h"
#include "stop.h"

/* What a child has to say. */
enum { STOPPED, IDLE, GONE, FAILED };

/* Seconds. No grace at all: a stop has that long, and is watched that long when it was not answered.
 * The daemon waits KILL_TIME for the end of what it has killed; and one, since times are rounded. */
enum { ENDLESS = 86400, ENDLESS_WATCH = 600, KILL_TIME = 10 + 1, OVERTIME = 5 };

/* How often somebody may start what was stopped. */
enum { ROUNDS = 5 };

static long
grace_of(const struct stop *s, size_t i)
{
	return s->grace == GRACE_OWN ? s->container[i].grace : s->grace;
}

/* Why it is not stopped, if anybody should know. */
static void
say_skipped(const struct container *c)
{
	switch (c->kind) {
	case CONTAINER_STOPPABLE:
	case CONTAINER_DOWN:
		break;
	case CONTAINER_PAUSED:
		warnx("%s: not stopped: it is paused", c->name);
		break;
	case CONTAINER_TASK:
		fprintf(stderr, "Skipping stop/start for swarm task container '%s'.\n", c->name);
		break;
	case CONTAINER_TRANSIENT:
		warnx("%s: not stopped: Docker would delete it (--rm)", c->name);
		break;
	case CONTAINER_OURS:
		warnx("%s: not stopped: bd-stop runs in it", c->name);
		break;
	}
}

size_t
stop_find(const struct stop *s, const char *id)
{
	size_t i = 0;
	while (i < s->count && strcmp(s->container[i].id, id))
		i++;
	return i;
}

void
stop_add(struct stop *s, struct container *c)
{
	if (stop_find(s, c->id) < s->count)
		container_free(c);
	else if (c->kind != CONTAINER_STOPPABLE) {
		if (report_add(s->report, "skipped", c->name, NULL, NULL, NULL, container_word(c->kind)))
			say_skipped(c);
		container_free(c);
	} else {
		s->container = xrealloc(s->container, s->count + 1, sizeof *s->container);
		s->time = xrealloc(s->time, s->count + 1, sizeof *s->time);
		s->container[s->count] = *c;
		s->time[s->count++] = (struct stopping){0};
	}
}

struct ranked {
	struct container c;
	size_t rank;
};

/* By rank, and the oldest first. */
static int
by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	const char *one = container_get(&x->c, "created"), *other = container_get(&y->c, "created");
	return strcmp(one ? one : "", other ? other : "");
}

static void
sort(struct stop *s)
{
	size_t *rank = xcalloc(s->count + 1, sizeof *rank);
	struct ranked *all = xcalloc(s->count + 1, sizeof *all);
	order_ranks(s->container, s->count, rank);
	for (size_t i = 0; i < s->count; i++)
		all[i] = (struct ranked){s->container[i], rank[i]};
	qsort(all, s->count, sizeof *all, by_rank);
	for (size_t i = 0; i < s->count; i++)
		s->container[i] = all[i].c;
	free(all);
	free(rank);
}

/* Tells the journal of those it has not heard of, and of those whose order has changed. */
static int
record(struct stop *s)
{
	struct journal *j = s->journal;
	size_t known = j->count, *rank = xcalloc(s->count + 1, sizeof *rank);
	order_ranks(s->container, s->count, rank);
	for (size_t i = known; i < s->count; i++) {
		const struct container *c = &s->container[i];
		const char *state = container_get(c, "state");
		journal_add(j, &(struct entry){.name = xstrdup(c->name), .id = xstrdup(c->id), .prior = xstrdup(state ? state : "running")});
	}
	for (size_t i = 0; i < s->count; i++) {
		free(j->entry[i].needs);
		j->entry[i].needs = order_needs(s->container, s->count, i);
		j->entry[i].order = rank[i];
	}
	free(rank);
	return journal_write(j, 0, true);
}

int
stop_begin(struct stop *s)
{
	if (s->count)
		sort(s);
	int rc = record(s);
	for (size_t i = 0; rc < 0 && i < s->count; i++)
		s->journal->entry[i].state = JOURNAL_LEFT;
	return rc;
}

size_t *
stop_order(const struct stop *s)
{
	size_t n = 0, *out = xcalloc(s->count + 1, sizeof *out), top = 0;
	for (size_t i = 0; i < s->count; i++)
		if (s->journal->entry[i].order > top)
			top = s->journal->entry[i].order;
	for (size_t order = top + 1; order-- > 0;)
		for (size_t i = s->count; i-- > 0;)
			if (s->journal->entry[i].order == order)
				out[n++] = i;
	return out;
}

static bool
begin(void *arg, size_t i)
{
	struct stop *s = arg;
	const struct timespec now = {0};
	int sig = sigtimedwait(s->ending, NULL, &now);
	if (sig > 0 && !s->status)
		s->status = 128 + sig;
	if (s->status)
		return false;
	if (s->verbose)
		warnx("stopping %s", s->container[i].name);
	long grace = grace_of(s, i);
	struct entry *e = &s->journal->entry[i];
	e->sent = time(NULL);
	e->span = (grace < 0 ? ENDLESS_WATCH : grace) + KILL_TIME;
	if (journal_mark(s->journal, i, JOURNAL_STOPPING) < 0) {
		s->status = BD_FATAL;
		return false;
	}
	s->time[i].asked = revive_now();
	return true;
}

static int
work(void *arg, size_t i)
{
	const struct stop *s = arg;
	struct docker d;
	long grace = grace_of(s, i), limit = (grace < 0 ? ENDLESS : grace) + s->patience;
	signal(SIGALRM, SIG_DFL);
	alarm((unsigned)limit + OVERTIME); /* the daemon may not even take the request */
	if (docker_open(&d) < 0)
		return FAILED;
	int rc = container_stop(&d, s->container[i].id, s->grace, limit);
	return rc < 0 ? FAILED : rc == DOCKER_NONE ? GONE : d.status == 304 ? IDLE : STOPPED;
}

static void
done(void *arg, size_t i, int outcome)
{
	struct stop *s = arg;
	const char *name = s->container[i].name;
	s->time[i].took = revive_now() - s->time[i].asked;
	if (outcome == GONE)
		warnx("%s: was removed before it was stopped", name);
	else if (outcome != IDLE && outcome != STOPPED) {
		warnx("%s: could not be stopped", name);
		s->status = BD_FATAL;
		return;
	}
	bool ours = outcome == STOPPED || (outcome == IDLE && s->time[i].stopped);
	s->time[i].stopped = ours;
	if (!ours) {
		s->time[i].asked = 0;
		report_add(s->report, "skipped", name, NULL, NULL, NULL, outcome == GONE ? "none" : "down");
	}
	if (journal_mark(s->journal, i, ours ? JOURNAL_STOPPED : JOURNAL_LEFT) < 0 && !s->status)
		s->status = BD_FATAL;
}

/* All that are not down, order by order. */
static void
stop_round(struct stop *s)
{
	const struct crew crew = {.begin = begin, .work = work, .done = done, .arg = s};
	size_t *item = stop_order(s), n = 0;
	for (size_t i = 0; i < s->count; i++)
		if (s->journal->entry[item[i]].state == JOURNAL_RUNNING)
			item[n++] = item[i];
	for (size_t i = 0, end; i < n && !s->status; i = end) {
		for (end = i + 1; end < n && s->journal->entry[item[end]].order == s->journal->entry[item[i]].order; end++)
			;
		crew_run(&crew, item + i, end - i);
	}
	free(item);
}

/* The daemon sends SIGKILL when the grace has passed. */
static void
look_killed(struct stop *s, size_t i, const struct container *c)
{
	const char *status = container_get(c, "exit");
	long grace = grace_of(s, i);
	struct stopping *t = &s->time[i];
	if (!status || strcmp(status, "137") || container_get(c, "oom") || grace < 0 || t->took < (double)grace)
		return;
	if (!t->killed)
		warnx("WARNING: %s had to be killed: it had not stopped after %ld s", c->name, grace);
	t->killed = true;
}

/* Whether one runs again; it has to be stopped once more. */
static bool
check_down(struct stop *s, struct docker *d)
{
	bool again = false;
	for (size_t i = 0; i < s->count; i++) {
		struct container c;
		if (s->journal->entry[i].state != JOURNAL_STOPPED)
			continue;
		int rc = container_inspect(d, s->container[i].id, &c);
		if (rc < 0) {
			warnx("%s: it cannot be told whether it is down", s->container[i].name);
			s->status = BD_FATAL;
		}
		if (rc)
			continue;
		if (c.kind == CONTAINER_DOWN)
			look_killed(s, i, &c);
		else {
			warnx("%s: was started by somebody else", c.name);
			journal_mark(s->journal, i, JOURNAL_RUNNING);
			again = true;
		}
		container_free(&c);
	}
	return again;
}

int
stop_all(struct stop *s, struct docker *d)
{
	for (int round = 0; !s->status; round++) {
		if (round == ROUNDS) {
			warnx("somebody starts the containers again and again");
			s->status = BD_FATAL;
			break;
		}
		stop_round(s);
		if (s->status)
			break;
		bool again = check_down(s, d), joined = busy_look(s, d, true);
		if (joined && !s->status && record(s) < 0)
			s->status = BD_FATAL;
		if (!again && !joined)
			break;
	}
	const struct timespec now = {0};
	int sig = s->status ? 0 : sigtimedwait(s->ending, NULL, &now);
	return sig > 0 ? 128 + sig : s->status;
}
