/* workers.c - a few processes that share many items, each taking the next one.
 *
 * They are forked once. Which item is next, and who is at which, lies in shared memory. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"
#include "workers.h"

struct shared {
	atomic_size_t next;
	_Atomic int at[]; /* of each item the number of the worker that is at it, else 0 */
};

struct team {
	const struct workers *w;
	struct shared *shared;
	struct child child[WORKERS_MAX]; /* pid 0: ended */
	int width;
};

/* Numbers begin with 1. */
static void
start(struct team *t, int number)
{
	int rc = child_fork(&t->child[number - 1]);
	if (rc < 0)
		exit(BD_FATAL);
	if (rc > 0)
		return;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i; (i = atomic_fetch_add(&t->shared->next, 1)) < t->w->items;) {
		atomic_store(&t->shared->at[i], number);
		t->w->work(t->w->arg, i);
		atomic_store(&t->shared->at[i], 0);
	}
	_exit(BD_DONE);
}

static void
bury(struct team *t, int number, int status)
{
	for (size_t i = 0; i < t->w->items; i++)
		if (atomic_load(&t->shared->at[i]) == number) {
			t->w->died(t->w->arg, i, status);
			atomic_store(&t->shared->at[i], 0);
		}
}

static void
end(struct team *t)
{
	for (int i = 0; i < t->width; i++)
		if (t->child[i].pid)
			kill(t->child[i].pid, SIGKILL); /* what it has started follows */
	for (int i = 0; i < t->width; i++)
		if (t->child[i].pid)
			child_wait(&t->child[i]);
}

/* Those that have ended; returns how many are left. */
static int
reap(struct team *t)
{
	int left = 0;
	for (int i = 0; i < t->width; i++) {
		siginfo_t info = {0};
		if (!t->child[i].pid)
			continue;
		if (waitid(P_PID, (id_t)t->child[i].pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
			int status = child_wait(&t->child[i]);
			t->child[i].pid = 0;
			if (status == BD_DONE)
				continue;
			bury(t, i + 1, status);
			if (atomic_load(&t->shared->next) >= t->w->items)
				continue;
			start(t, i + 1);
		}
		left++;
	}
	return left;
}

int
workers_run(const struct workers *w, int width)
{
	struct team t = {.w = w, .width = w->items < (size_t)width ? (int)w->items : width};
	sigset_t wait;
	t.shared = xshared(1, sizeof *t.shared + w->items * sizeof *t.shared->at); /* until exit */
	signals_hold(&wait);
	sigaddset(&wait, SIGCHLD);
	for (int i = 0; i < t.width; i++)
		start(&t, i + 1);
	int sig = 0;
	while (!sig && reap(&t) > 0) {
		sig = sigwaitinfo(&wait, NULL);
		if (sig < 0 || sig == SIGCHLD)
			sig = 0;
	}
	if (sig)
		end(&t);
	return sig;
}
