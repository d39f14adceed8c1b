/* swapper - exchanges two names as fast as it can, until SIGTERM
 *
 *	swapper A B
 *
 * It prints a line once it runs, leaves the names as it found them, says how
 * often it swapped, and dies with its parent: a test that was killed must not
 * leave one behind. */
#include <stdlib.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void
on_term(int sig)
{
	(void)sig;
	stop = 1;
}

int
main(int argc, char **argv)
{
	unsigned long swaps = 0;

	/* SWAP_CALM: microseconds, at most, between bursts of some swaps; without it there is no calm. */
	const char *calm = getenv("SWAP_CALM");
	unsigned int most = calm ? (unsigned int)atoi(calm) : 0;
	if (argc != 3)
		errx(2, "usage: swapper A B");
	signal(SIGTERM, on_term);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		err(1, "prctl");
	while (!stop || swaps % 2 == 1) {
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0)
			err(1, "%s and %s", argv[1], argv[2]);
		if (swaps++ == 0)
			puts("swapping"), fflush(stdout);
		if (most && random() % 16 == 0)
			usleep((unsigned int)random() % most);
	}
	printf("%lu swaps\n", swaps);
	return 0;
}
