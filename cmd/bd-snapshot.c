/* bd-snapshot - makes a read-only snapshot, runs COMMAND, deletes the snapshot: after a
 * failure and after a signal. What a SIGKILL leaves goes with the next run.
 *
 * The snapshot's root is locked by a descriptor that COMMAND and all that descends from it
 * inherit, so nothing that is still read is ever taken for left behind. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"
#include "snapshot.h"

static sigset_t ending; /* the signals that end us, after a while */

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: bd-snapshot [-vV] [-t TIMESTAMP] btrfs|zfs SUBJECT -- COMMAND [ARGUMENT...]\n"
	    "       bd-snapshot -r [-vV] btrfs|zfs SUBJECT\n");
	exit(BD_USAGE);
}

/* Everything written before T0 is on disk in the snapshot, and every store after it moves the file's ctime. */
static int
settle(const struct subject *s, char *t0, size_t size)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(t0, size, "%jd.%09ld", (intmax_t)now.tv_sec, now.tv_nsec);
	if (syncfs(s->fd) < 0) {
		warn("%s: syncfs", s->path);
		return -1;
	}
	return 0;
}

static pid_t
parent_of(const char *pid)
{
	char buf[512], *path = xasprintf("/proc/%s/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC), parent = 0;
	ssize_t len = fd < 0 ? 0 : read(fd, buf, sizeof buf - 1);
	free(path);
	if (fd >= 0)
		close(fd);
	buf[len > 0 ? len : 0] = '\0';
	char *end = strrchr(buf, ')'); /* the command's name may hold anything */
	return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* What COMMAND left running has become our child. */
static void
signal_children(int sig)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	while (proc && (e = readdir(proc)))
		if (strspn(e->d_name, "0123456789") == strlen(e->d_name) && parent_of(e->d_name) == getpid())
			kill((pid_t)strtol(e->d_name, NULL, 10), sig);
	if (proc)
		closedir(proc);
}

/* Waits for COMMAND and all that descends from it, passing signals on: to COMMAND, and when that has
 * ended, to what it left. */
static int
wait_for(struct child *c, int signals)
{
	struct pollfd p[] = {{.fd = c->alive, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;
	int end = 0, status = 0, sig = 0;
	for (bool ended = false, gone = false; !ended || !gone;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents) {
			gone = true;
			p[0].fd = -1;
		}
		if (!p[1].revents || read(signals, &info, sizeof info) != sizeof info)
			continue;
		if (info.ssi_signo != SIGCHLD) {
			sig = (int)info.ssi_signo;
			/* what a terminal sends has reached COMMAND already */
			if (!ended && (sig != SIGINT || info.ssi_code != SI_KERNEL))
				kill(c->pid, sig);
		}
		for (pid_t pid; (pid = waitpid(-1, &end, WNOHANG)) > 0;)
			if (pid == c->pid) {
				ended = true;
				status = end;
			}
		if (ended && sig)
			signal_children(sig);
	}
	close(c->alive);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int
run(const struct subject *s, const struct snapshot *snap, const char *const command[])
{
	struct child c;
	sigset_t set = ending;
	sigaddset(&set, SIGCHLD);
	int signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		warn("signalfd");
		return BD_FATAL;
	}
	if (s->verbose) {
		char *line = shell_quote(command);
		warnx("+ %s", line);
		free(line);
	}
	int rc = child_fork(&c);
	if (rc == 0) {
		fcntl(snap->fd, F_SETFD, 0);
		child_exec(command);
	}
	int status = rc < 0 ? BD_FATAL : wait_for(&c, signals);
	close(signals);
	return status;
}

static int
snapshot_and_run(const struct subject *s, const char *timestamp, const char *const command[])
{
	char t0[48];
	struct snapshot snap;
	const struct timespec now = {0};
	if (settle(s, t0, sizeof t0) < 0 || subject_lock(s) < 0)
		return BD_FATAL;
	bool failed = snapshot_reap(s) < 0;
	signals_hold(&ending);
	if (snapshot_make(s, timestamp, &snap) < 0)
		return BD_FATAL;
	subject_unlock(s);
	if (setenv("BAUDOLO_SNAPSHOT", snap.path, 1) < 0 || setenv("BAUDOLO_SNAPSHOT_SUBJECT", s->path, 1) < 0 ||
	    setenv("BAUDOLO_SNAPSHOT_T0", t0, 1) < 0)
		err(BD_FATAL, "memory");
	int sig = sigtimedwait(&ending, NULL, &now);
	int status = sig > 0 ? 128 + sig : run(s, &snap, command);
	subject_lock(s);
	failed = snapshot_remove(s, &snap) < 0 || failed;
	return status == BD_DONE && failed ? BD_FAILED : status;
}

int
main(int argc, char *argv[])
{
	struct subject s = {0};
	const char *timestamp = NULL;
	bool only_reap = false;
	bd_start();
	for (int c; (c = getopt(argc, argv, "+rt:vV")) != -1;)
		switch (c) {
		case 'r': only_reap = true; break;
		case 't': timestamp = optarg; break;
		case 'v': s.verbose = true; break;
		case 'V': bd_version();
		default: usage();
		}
	argc -= optind;
	argv += optind;
	if (only_reap ? argc != 2 || timestamp : argc < 4 || strcmp(argv[2], "--"))
		usage();
	s.zfs = !strcmp(argv[0], "zfs");
	if (!s.zfs && strcmp(argv[0], "btrfs"))
		errx(BD_USAGE, "'%s' is neither btrfs nor zfs", argv[0]);
	if (timestamp && !snapshot_timestamp(timestamp))
		errx(BD_USAGE, "-t must be 14 digits, not '%s'", timestamp);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN); /* a reader of our messages that is gone must not keep the snapshot */
	if (subject_open(&s, argv[1]) < 0)
		return BD_FATAL;
	if (!only_reap)
		return snapshot_and_run(&s, timestamp, (const char *const *)(argv + 3));
	return subject_lock(&s) < 0 ? BD_FATAL : snapshot_reap(&s) < 0 ? BD_FAILED : BD_DONE;
}
