/* ending.c - what became of a command in a container, and ending one that outlives who asked for it.
 *
 * Docker's API cannot end a command, and a command does not end because nobody reads what it
 * writes: pg_dump keeps its locks. On the daemon's own host its process can be sent a signal. That
 * the pid is one of this host, and still means the same process, is proved and not assumed: the
 * process has to be in that very container, and is held by a descriptor while that is looked at. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "container.h"
#include "ending.h"
#include "self.h"

/* Seconds: for a start that is under way, for the end after TERM, and after KILL. */
enum { BEGIN_TIME = 2, TERM_TIME = 5, KILL_TIME = 10 };
static const double LEAVES_TIME = 2, LEAVES_STEP = 0.5; /* for the end of those who have no children */
enum { STEP = 20 }; /* ms between two looks */

int
exec_inspect(struct docker *d, const char *id, struct exec_state *s)
{
	static const char filter[] = "[(.Running | tostring), (.ExitCode // empty | tostring) // \"-\","
		" (.Pid // 0 | tostring), .ContainerID // \"-\"] | @tsv";
	enum { RUNNING, CODE, PID, CONTAINER, COLUMNS };
	FILE *in;
	struct tsv t;
	*s = (struct exec_state){.code = -1};
	char *escaped = docker_name(id), *path = xasprintf("/exec/%s/json", escaped);
	int rc = docker_get(d, path, filter, &in);
	if (rc == 0) {
		tsv_begin(&t, in, path);
		rc = tsv_read(&t, COLUMNS) > 0 && t.field[RUNNING] && t.field[PID] && t.field[CONTAINER] ? 0 : -1;
		if (rc == 0) {
			s->running = !strcmp(t.field[RUNNING], "true");
			s->code = t.field[CODE] ? (int)strtol(t.field[CODE], NULL, 10) & 0xff : -1;
			s->pid = (pid_t)strtol(t.field[PID], NULL, 10);
			s->container = xstrdup(t.field[CONTAINER]);
		} else
			warnx("%s: the answer makes no sense", path);
		tsv_end(&t);
		fclose(in);
	}
	free(escaped);
	free(path);
	return rc;
}

void
exec_state_free(struct exec_state *s)
{
	free(s->container);
	s->container = NULL;
}

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
pause_a_bit(void)
{
	nanosleep(&(struct timespec){.tv_nsec = STEP * 1000000L}, NULL);
}

/* What /proc tells of a process; see proc(5). */
struct process {
	pid_t pid, parent, session;
};

/* false: there is none, or it has ended. */
static bool
look(const char *pid, struct process *p)
{
	char *path = xasprintf("/proc/%s/stat", pid), *line = NULL, state, *name_end;
	FILE *f = fopen(path, "re");
	size_t cap = 0;
	bool lives = false;
	*p = (struct process){.pid = (pid_t)strtol(pid, NULL, 10)};
	/* the name may hold anything, but nothing behind it holds a parenthesis */
	if (f && getdelim(&line, &cap, '\0', f) > 0 && (name_end = strrchr(line, ')')))
		lives = sscanf(name_end + 1, " %c %d %*d %d", &state, &p->parent, &p->session) == 3 && !strchr("ZX", state);
	if (f)
		fclose(f);
	free(line);
	free(path);
	return lives;
}

/* The process and all of its session, as Docker makes each command a leader of one; to be freed. false: there may be more, said. */
static bool
family(pid_t leader, struct process **members, size_t *count)
{
	struct process p;
	char **names;
	int all = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t n = all < 0 ? -1 : folder_names(all, &names);
	*members = NULL;
	*count = 0;
	if (n < 0)
		warn("/proc");
	if (all >= 0)
		close(all);
	for (ssize_t i = 0; i < n; i++)
		if (*names[i] >= '1' && *names[i] <= '9' && look(names[i], &p) && (p.session == leader || p.pid == leader)) {
			*members = xrealloc(*members, *count + 1, sizeof **members);
			(*members)[(*count)++] = p;
		}
	if (n >= 0)
		folder_names_free(names, (size_t)n);
	return n >= 0;
}

static bool
has_child(const struct process *of, const struct process *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].parent == of->pid)
			return true;
	return false;
}

/* Whoever of the family is in the container gets the signal; leaves: only those who have no child in it. How many
 * are in the container, or may be. */
static size_t
signal_all(pid_t leader, const char *container, const char *layer, int sig, bool leaves)
{
	struct process *members;
	size_t count, found = family(leader, &members, &count) ? 0 : 1;
	for (size_t i = 0; i < count; i++) {
		int fd = pidfd_open(members[i].pid, 0);
		if (fd < 0)
			continue;
		if (process_is_in(members[i].pid, container, layer)) {
			found++;
			if (sig && !(leaves && has_child(&members[i], members, count)) && pidfd_send_signal(fd, sig, NULL, 0) < 0 &&
			    errno != ESRCH)
				warn("process %d", (int)members[i].pid);
		}
		close(fd);
	}
	free(members);
	return found;
}

/* 0: nobody is left. */
static size_t
wait_for_all(pid_t leader, const char *container, const char *layer, double seconds)
{
	size_t left;
	for (double until = now() + seconds; (left = signal_all(leader, container, layer, 0, false)) && now() < until;)
		pause_a_bit();
	return left;
}

/* Children before their parents. An orphan is adopted by the container's first process, and one that a signal has
 * ended is to a PostgreSQL server there a crash of its own: it throws all of its clients out. So is the sh between
 * pg_dumpall and pg_dump. */
static bool
end_gently(pid_t leader, const char *container, const char *layer)
{
	for (double until = now() + LEAVES_TIME; now() < until;) {
		signal_all(leader, container, layer, SIGTERM, true);
		if (!wait_for_all(leader, container, layer, LEAVES_STEP))
			return true;
	}
	return false;
}

/* runs: the daemon says so. 1: it is ended, 0: it had ended, -1 said. */
static int
end_process(pid_t pid, bool runs, const char *container, const char *layer, const char *name)
{
	struct process p;
	if (!signal_all(pid, container, layer, 0, false)) {
		/* it has just ended; a daemon elsewhere would say it runs */
		if (!runs || !look(tsv_num((uintmax_t)pid).text, &p))
			return 0;
		warnx("%s: process %d is not seen to be in it, so it is not ended", name, (int)pid);
		return -1;
	}
	if (end_gently(pid, container, layer))
		return 1;
	signal_all(pid, container, layer, SIGTERM, false);
	if (!wait_for_all(pid, container, layer, TERM_TIME))
		return 1;
	signal_all(pid, container, layer, SIGKILL, false);
	if (!wait_for_all(pid, container, layer, KILL_TIME))
		return 1;
	warnx("%s: process %d does not end", name, (int)pid);
	return -1;
}

/* Of one that was started. Docker says of a command that it does not run, and ended with status 126, once it could not pass on
 * what the command wrote, which goes on nevertheless (seen with Docker 20.10): only its process tells. */
static int
end_started(struct docker *d, const struct exec_state *s, const char *name)
{
	struct container c;
	if (!d->socket) {
		if (!s->running)
			return 0;
		warnx("%s: what was started in it may go on: the daemon at %s is not known to be on this host",
		    name ? name : s->container, d->where);
		return -1;
	}
	int rc = container_inspect(d, s->container, &c);
	if (rc == DOCKER_NONE)
		return 0;
	if (rc == 0) {
		rc = end_process(s->pid, s->running, s->container, container_get(&c, "layer"), name ? name : c.name);
		if (rc > 0 && !name)
			warnx("%s: process %d, which was left in it, is ended", c.name, (int)s->pid);
		container_free(&c);
	}
	return rc < 0 ? -1 : 0;
}

int
exec_runs(struct docker *d, const struct exec_state *s)
{
	struct container c;
	if (s->running || !s->pid || !d->socket)
		return s->running;
	int rc = container_inspect(d, s->container, &c);
	if (rc)
		return rc == DOCKER_NONE ? 0 : -1;
	rc = signal_all(s->pid, s->container, container_get(&c, "layer"), 0, false) > 0;
	container_free(&c);
	return rc;
}

/* Whether it is being started: then it is neither to be ended yet, nor known to have ended. */
static bool
is_beginning(const struct exec_state *s)
{
	return s->running ? !s->pid : s->code < 0;
}

/* As docker_get, but not while a start may be under way. */
static int
settle(struct docker *d, const char *id, struct exec_state *s)
{
	int rc;
	for (double until = now() + BEGIN_TIME; (rc = exec_inspect(d, id, s)) == 0 && is_beginning(s) && now() < until;) {
		exec_state_free(s);
		pause_a_bit();
	}
	return rc;
}

int
exec_end(struct docker *d, const char *id, const char *name)
{
	struct exec_state s;
	int rc = settle(d, id, &s);
	if (rc == DOCKER_NONE) /* it was forgotten, as all are whose container has ended */
		return 0;
	if (rc < 0) {
		warnx("%s: what was started in it may go on", name ? name : id);
		return -1;
	}
	rc = s.pid ? end_started(d, &s, name) : 0;
	/* the process is gone; the daemon may take a moment to see that */
	for (double until = now() + KILL_TIME; rc == 0 && s.running;) {
		exec_state_free(&s);
		rc = exec_inspect(d, id, &s);
		if (rc == DOCKER_NONE)
			return 0;
		if (rc == 0 && s.running && now() > until) {
			warnx("%s: what was started in it still runs, as far as Docker knows", name ? name : s.container);
			rc = -1;
		} else if (rc == 0 && s.running)
			pause_a_bit();
	}
	exec_state_free(&s);
	return rc;
}
