/* guardian.c - a process that starts the containers of a journal when we die.
 *
 * It waits at a pipe that ends with us. Unless a byte says that all is done, it waits for the
 * end of another pipe, which COMMAND and all that descends from it hold. Only then it reads
 * the journal, whose lock it has shared all the time. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guardian.h"
#include "revive.h"

static void
read_end(int fd, char *byte)
{
	ssize_t got;
	while ((got = read(fd, byte, 1)) < 0 && errno == EINTR)
		;
	if (got < 0)
		warn("guardian");
}

static _Noreturn void
guard(int control, int family, struct journal *j, const sigset_t *deaf, long patience)
{
	char byte = 0;
	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		if (sig == SIGPIPE || sigismember(deaf, sig) == 1)
			signal(sig, SIG_IGN);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) { /* who reads what we write should see its end when bd-stop ends */
		dup2(null, 0);
		dup2(null, 1);
	}
	read_end(control, &byte);
	if (byte)
		_exit(BD_DONE);
	read_end(family, &byte);
	warnx("bd-stop died; the containers are started again");
	if (journal_reload(j))
		_exit(BD_FATAL);
	int status = revive(j, patience, false);
	if (journal_close(j) < 0 && status == BD_DONE)
		status = BD_FAILED;
	_exit(status);
}

int
guardian_start(struct guardian *g, struct journal *j, const sigset_t *deaf, long patience)
{
	int c[2], f[2];
	if (pipe2(c, O_CLOEXEC) < 0) {
		warn("pipe");
		return -1;
	}
	if (pipe2(f, O_CLOEXEC) < 0) {
		warn("pipe");
		close(c[0]);
		close(c[1]);
		return -1;
	}
	g->pid = fork();
	if (g->pid == 0) {
		close(c[1]);
		close(f[1]);
		guard(c[0], f[0], j, deaf, patience);
	}
	close(c[0]);
	close(f[0]);
	g->control = c[1];
	g->family = f[1];
	if (g->pid > 0)
		return 0;
	warn("fork");
	close(g->control);
	close(g->family);
	return -1;
}

void
guardian_dismiss(struct guardian *g)
{
	char byte = 1;
	close(g->family);
	if (write(g->control, &byte, 1) == 1) /* else it was killed */
		while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
			;
	close(g->control);
}
