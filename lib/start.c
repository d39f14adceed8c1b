/* start.c - first and last acts of every program. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bd.h"

void
bd_start(void)
{
	/* A closed standard descriptor would be taken by the first file we open. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			_exit(BD_FATAL);
	/* A shell without job control starts `cmd &` with INT and QUIT ignored. */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	/* A walk holds a few descriptors per folder level. */
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

void
bd_catch(void (*handler)(int))
{
	static const int all[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction act = {.sa_handler = handler}, old;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (sigaction(all[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(all[i], &act, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
}

int
bd_each(char *const operand[], int (*act)(const char *operand))
{
	int status = BD_DONE;
	for (; *operand; operand++) {
		int rc = act(*operand);
		status = rc > status ? rc : status;
	}
	return status;
}

int
bd_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout) && fclose(stdout) == 0)
		return status;
	warn("stdout");
	return BD_FATAL;
}

void
bd_version(void)
{
	printf("%s %s\n", program_invocation_short_name, BD_VERSION);
	exit(bd_finish(BD_DONE));
}

void
bd_usage(const char *synopsis)
{
	fprintf(stderr, "usage: %s\n", synopsis);
	exit(BD_USAGE);
}

char **
bd_operands(int argc, char *argv[], const char *options, int min, int max, const char *synopsis)
{
	bd_start();
	for (int c; (c = getopt(argc, argv, options)) != -1;)
		switch (c) {
		case 'V': bd_version();
		default: bd_usage(synopsis);
		}
	int count = argc - optind;
	if (count < min || (max >= 0 && count > max))
		bd_usage(synopsis);
	return argv + optind;
}

long
bd_processors(long max)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > max ? max : n;
}

long
bd_number(const char *text, long min, long max, const char *what)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < min || n > max)
		errx(BD_USAGE, "%s must be a number from %ld to %ld, not '%s'", what, min, max, text);
	return n;
}
