/* bd-exec - runs a command in a container.
 *
 * docker exec, but nothing secret stands in an argument, and a command does not outlive us. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec.h"
#include "execs.h"

static volatile sig_atomic_t ending; /* the signal that came */

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-exec [-iV] [-E NAME]... [-J JOURNAL] [-u USER] CONTAINER COMMAND [ARGUMENT...]\n");
	exit(BD_USAGE);
}

static void
on_signal(int sig)
{
	ending = sig;
}

static int
put(int fd, const char *name, const char *data, size_t len)
{
	while (len && !ending) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		else if (n < 0 && errno != EINTR) {
			warn("%s", name);
			return -1;
		}
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return ending ? -1 : 0;
}

static int
put_out(void *arg, const void *data, size_t len)
{
	(void)arg;
	return put(STDOUT_FILENO, "stdout", data, len);
}

static int
put_err(void *arg, const void *data, size_t len)
{
	(void)arg;
	return put(STDERR_FILENO, "stderr", data, len);
}

static ssize_t
get_in(void *arg, void *buf, size_t len)
{
	(void)arg;
	for (;;) {
		ssize_t n = read(STDIN_FILENO, buf, len);
		if (n >= 0)
			return n;
		if (errno == EAGAIN)
			poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
		else if (errno != EINTR)
			warn("stdin");
		if (ending || (errno != EAGAIN && errno != EINTR))
			return -1;
	}
}

/* NAME=VALUE of our own environment. */
static char *
variable(const char *name)
{
	const char *value = getenv(name);
	if (!*name || strchr(name, '='))
		errx(BD_USAGE, "-E takes the name of a variable, not its value");
	if (!value)
		errx(BD_USAGE, "%s is not in the environment", name);
	return xasprintf("%s=%s", name, value);
}

static int
work(const struct exec *e)
{
	struct docker d;
	if (docker_open(&d) < 0)
		return BD_FATAL;
	int status = exec_run(&d, e);
	docker_close(&d);
	if (status == EXEC_NONE)
		warnx("%s: no such container", e->container);
	return status >= 0 ? status : ending ? 128 + ending : BD_FATAL;
}

int
main(int argc, char *argv[])
{
	static const int in = STDIN_FILENO;
	const char *journal = NULL, **env = xcalloc((size_t)argc + 1, sizeof *env);
	size_t variables = 0;
	struct exec e = {.env = env, .journal = -1, .out = put_out, .err = put_err, .stop = &ending};
	bd_start();
	for (int c; (c = getopt(argc, argv, "+E:iJ:u:V")) != -1;)
		switch (c) {
		case 'E': env[variables++] = variable(optarg); break;
		case 'i': e.in = get_in; e.ready = &in; break;
		case 'J': journal = optarg; break;
		case 'u': e.user = optarg; break;
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind < 2)
		usage();
	e.container = argv[optind];
	e.argv = (const char *const *)(argv + optind + 1);
	if (journal && (e.journal = execs_open(journal)) < 0)
		return BD_FATAL;
	bd_catch(on_signal); /* who reads us and is gone must not leave the command running */
	return work(&e);
}
