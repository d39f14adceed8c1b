/* child.c - children that die with us, and knowing when the last of them is gone.
 *
 * PR_SET_PDEATHSIG reaches only the direct child: rsync's own children end when
 * their pipes do. So every child inherits the write end of a pipe it knows nothing
 * of, and only when that reads EOF is the whole family gone. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bd.h"

int
child_fork(struct child *c)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0) {
		warn("pipe");
		return -1;
	}
	pid_t parent = getpid();
	c->pid = fork();
	if (c->pid < 0) {
		warn("fork");
		close(p[0]);
		close(p[1]);
		return -1;
	}
	if (c->pid > 0) {
		close(p[1]);
		c->alive = p[0];
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(BD_FATAL);
	close(p[0]);
	fcntl(p[1], F_SETFD, 0); /* inherited by whatever is run from here */
	return 0;
}

void
child_exec(const char *const argv[])
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = argv}; /* execvp(3) does not write to them */
	execvp(argv[0], args.out);
	int why = errno;
	warn("%s", argv[0]);
	_exit(why == ENOENT ? 127 : 126);
}

int
child_spawn(struct child *c, const char *const argv[], int in, int out)
{
	int rc = child_fork(c);
	if (rc)
		return rc;
	if ((in >= 0 && dup2(in, 0) < 0) || (out >= 0 && dup2(out, 1) < 0)) {
		warn("dup2");
		_exit(126);
	}
	child_exec(argv);
	return -1;
}

int
child_wait(struct child *c)
{
	int status;
	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR) {
			warn("waitpid");
			return -1;
		}
	char byte;
	ssize_t got;
	while ((got = read(c->alive, &byte, 1)) < 0 && errno == EINTR)
		;
	if (got < 0)
		warn("waiting for the last child");
	close(c->alive);
	if (got < 0)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

char *
shell_quote(const char *const argv[])
{
	size_t len = 0;
	for (size_t i = 0; argv[i]; i++)
		len += 4 * strlen(argv[i]) + 3;
	char *out = xcalloc(len + 1, 1), *to = out;
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			*to++ = ' ';
		bool plain = *argv[i];
		for (const char *s = argv[i]; *s; s++)
			plain = plain && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%", *s);
		if (plain) {
			to = stpcpy(to, argv[i]);
			continue;
		}
		*to++ = '\'';
		for (const char *s = argv[i]; *s; s++)
			if (*s == '\'')
				to = stpcpy(to, "'\\''");
			else
				*to++ = *s;
		*to++ = '\'';
	}
	return out;
}
