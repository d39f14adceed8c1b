/* signals.c - signals that are waited for instead of ending us. */
#include <stddef.h>
#include <unistd.h>

#include "signals.h"

void
signals_hold(sigset_t *ending)
{
	static const int all[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction old;
	sigemptyset(ending);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (sigaction(all[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(ending, all[i]);
	signal(SIGCHLD, SIG_DFL);
	sigset_t set = *ending;
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void
signals_die(int sig)
{
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, sig);
	signal(sig, SIG_DFL);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + sig);
}
