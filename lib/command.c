/* command.c - runs COMMAND between two things that must both be done. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "signals.h"

void
command_hold(sigset_t *ending)
{
	signals_hold(ending);
	signal(SIGPIPE, SIG_IGN); /* a reader of our messages that is gone must not keep containers down */
}

static bool
has_ended(pid_t pid)
{
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

/* Waits for COMMAND and all that descends from it, passing signals on. When COMMAND has ended
 * and others have not, a signal ends the waiting. */
static int
wait_for(struct child *c, int signals)
{
	struct pollfd p[] = {{.fd = c->alive, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;
	int status;
	for (bool ended = false, gone = false; !ended || !gone; ended = has_ended(c->pid)) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents) {
			gone = true;
			p[0].fd = -1;
		}
		if (!p[1].revents || read(signals, &info, sizeof info) != sizeof info || info.ssi_signo == SIGCHLD)
			continue;
		if (has_ended(c->pid)) {
			warnx("what the command left running is no longer waited for");
			break;
		}
		/* what a terminal sends has reached COMMAND already */
		if (info.ssi_signo != SIGINT || info.ssi_code != SI_KERNEL)
			kill(c->pid, (int)info.ssi_signo);
	}
	close(c->alive);
	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			return BD_FATAL;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
command_run(const char *const command[], int family, const sigset_t *ending, bool verbose)
{
	struct child c;
	sigset_t set = *ending;
	sigaddset(&set, SIGCHLD);
	int signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0) {
		warn("signalfd");
		return BD_FATAL;
	}
	if (verbose) {
		char *line = shell_quote(command);
		warnx("+ %s", line);
		free(line);
	}
	int rc = child_fork(&c);
	if (rc == 0) {
		fcntl(family, F_SETFD, 0);
		child_exec(command);
	}
	int status = rc < 0 ? BD_FATAL : wait_for(&c, signals);
	close(signals);
	return status;
}
