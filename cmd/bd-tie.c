/* bd-tie - runs COMMAND so that it dies with the process that started bd-tie. A shell
 * cannot ask the kernel for that, and a copy must not go on when the front end that
 * would have to publish or remove it is gone. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bd.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-tie [-V] -p PARENT [-s SIGNAL] COMMAND [ARGUMENT...]\n");
	exit(BD_USAGE);
}

static int
signal_number(const char *name)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sigabbrev_np(sig) && !strcmp(name, sigabbrev_np(sig)))
			return sig;
	errx(BD_USAGE, "unknown signal '%s'", name);
}

int
main(int argc, char *argv[])
{
	long parent = 0;
	int sig = SIGKILL;
	bd_start();
	for (int c; (c = getopt(argc, argv, "+p:s:V")) != -1;)
		switch (c) {
		case 'p': parent = bd_number(optarg, 1, 1L << 30, "-p"); break;
		case 's': sig = signal_number(optarg); break;
		case 'V': bd_version();
		default: usage();
		}
	if (!parent || optind == argc)
		usage();
	if (prctl(PR_SET_PDEATHSIG, sig) < 0)
		err(BD_FATAL, "prctl");
	if (getppid() != parent) /* it died before prctl(2), or is not our parent at all */
		errx(BD_FATAL, "process %ld did not start this one, or is gone", parent);
	child_exec((const char *const *)(argv + optind));
	return BD_FATAL;
}
