/* bd-start - starts the containers of journals that bd-stop left.
 *
 * Each journal is taken over under its lock, and shrinks to what could not be started. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "revive.h"

static long patience = REVIVE_PATIENCE;
static bool dry, verbose;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-start [-nvV] [-w SECONDS] JOURNAL...\n");
	exit(BD_USAGE);
}

static void
show(const struct journal *j)
{
	size_t top = 0;
	for (size_t i = 0; i < j->count; i++)
		if (j->entry[i].order > top)
			top = j->entry[i].order;
	for (size_t order = 0; order <= top; order++)
		for (size_t i = 0; i < j->count; i++)
			if (j->entry[i].order == order && j->entry[i].state != JOURNAL_LEFT)
				printf("start %s\n", j->entry[i].name);
}

static int
replay(const char *path)
{
	struct journal j;
	int status = !strcmp(path, "-") ? journal_read(&j, stdin, "stdin") : journal_open(&j, path);
	if (status)
		return status;
	if (dry) {
		show(&j);
		journal_leave(&j);
		return BD_DONE;
	}
	status = revive(&j, patience, verbose);
	if (journal_close(&j) < 0 && status == BD_DONE)
		status = BD_FAILED;
	return status;
}

int
main(int argc, char *argv[])
{
	bd_start();
	for (int c; (c = getopt(argc, argv, "nvVw:")) != -1;)
		switch (c) {
		case 'n': dry = true; break;
		case 'v': verbose = true; break;
		case 'V': bd_version();
		case 'w': patience = bd_number(optarg, 0, 86400, "-w"); break;
		default: usage();
		}
	if (optind == argc)
		usage();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	return bd_finish(bd_each(argv + optind, replay));
}
