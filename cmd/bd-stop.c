/* bd-stop - stops containers, runs COMMAND, starts them again: after a failure, after a
 * signal, and, by the guardian, after the death of bd-stop itself.
 *
 * The guardian waits at a pipe that ends with bd-stop. Unless a byte says that all is done,
 * it waits for the end of another pipe, which COMMAND and all that descends from it hold,
 * and then starts what is down. What is down stands in memory that both of them see, and
 * stands there before a stop is asked for. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container.h"

static struct container *containers;
static size_t count;
static atomic_bool *down; /* for each of them; shared */
static bool verbose;
static sigset_t ending; /* the signals that end us, after a while */

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-stop [-nvV] [-t SECONDS] [CONTAINER...] -- COMMAND [ARGUMENT...]\n");
	exit(BD_USAGE);
}

/* Says why it is not stopped, if anybody should know. */
static bool
stoppable(const struct container *c)
{
	switch (c->kind) {
	case CONTAINER_STOPPABLE:
		return true;
	case CONTAINER_DOWN:
		break;
	case CONTAINER_PAUSED:
		warnx("%s: not stopped: it is paused", c->name);
		break;
	case CONTAINER_TASK:
		fprintf(stderr, "Skipping stop/start for swarm task container '%s'.\n", c->name);
		break;
	case CONTAINER_TRANSIENT:
		warnx("%s: not stopped: Docker would delete it (--rm)", c->name);
		break;
	case CONTAINER_OURS:
		warnx("%s: not stopped: bd-stop runs in it", c->name);
		break;
	}
	return false;
}

static bool
known(const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(containers[i].id, id))
			return true;
	return false;
}

/* Collects the containers that are to be stopped. */
static int
inspect(struct docker *d, char *const names[], size_t n)
{
	int status = BD_DONE;
	containers = xcalloc(n, sizeof *containers);
	for (size_t i = 0; i < n; i++) {
		struct container c;
		int rc = container_inspect(d, names[i], &c);
		if (rc < 0)
			return BD_FATAL;
		if (rc == DOCKER_NONE) {
			warnx("%s: no such container", names[i]);
			status = BD_FAILED;
		} else if (!known(c.id) && stoppable(&c))
			containers[count++] = c;
		else
			container_free(&c);
	}
	return status;
}

/* Returns how many could not be started; each is named. */
static int
start_again(struct docker *d)
{
	int failed = 0;
	for (size_t i = count; i-- > 0;) {
		if (!atomic_load(&down[i]))
			continue;
		if (verbose)
			warnx("starting %s", containers[i].name);
		int rc = container_start(d, &containers[i]);
		if (rc) {
			warnx("%s: could not be started again%s%s", containers[i].name, rc == DOCKER_NONE ? ": " : "",
			    rc == DOCKER_NONE ? d->message : "");
			failed++;
		} else
			atomic_store(&down[i], false);
	}
	return failed;
}

static void
read_end(int fd, char *byte)
{
	while (read(fd, byte, 1) < 0 && errno == EINTR)
		;
}

static _Noreturn void
guard(int control, int family)
{
	char byte = 0;
	struct docker d;
	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		if (sig == SIGPIPE || sigismember(&ending, sig) == 1)
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
	_exit(docker_open(&d) < 0 || start_again(&d) ? BD_FAILED : BD_DONE);
}

/* control: the byte is to be written there; family: to be left open in COMMAND. */
static pid_t
start_guardian(int *control, int *family)
{
	int c[2], f[2];
	if (pipe2(c, O_CLOEXEC) < 0 || pipe2(f, O_CLOEXEC) < 0)
		err(BD_FATAL, "pipe");
	pid_t pid = fork();
	if (pid < 0)
		err(BD_FATAL, "fork");
	if (pid == 0) {
		close(c[1]);
		close(f[1]);
		guard(c[0], f[0]);
	}
	close(c[0]);
	close(f[0]);
	*control = c[1];
	*family = f[1];
	return pid;
}

/* The signal that wants us to end, or 0. */
static int
interrupted(void)
{
	const struct timespec now = {0};
	int sig = sigtimedwait(&ending, NULL, &now);
	return sig > 0 ? sig : 0;
}

static int
stop_all(struct docker *d, long grace)
{
	int sig;
	for (size_t i = 0; i < count; i++) {
		if ((sig = interrupted()))
			return 128 + sig;
		if (verbose)
			warnx("stopping %s", containers[i].name);
		atomic_store(&down[i], true);
		int rc = container_stop(d, &containers[i], grace);
		if (rc < 0) {
			warnx("%s: could not be stopped", containers[i].name);
			return BD_FATAL;
		}
		if (rc == DOCKER_NONE || d->status == 304) /* gone, or stopped by somebody else */
			atomic_store(&down[i], false);
	}
	return (sig = interrupted()) ? 128 + sig : BD_DONE;
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

static int
run(const char *const command[], int family)
{
	struct child c;
	sigset_t set = ending;
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
	close(family);
	int status = rc < 0 ? BD_FATAL : wait_for(&c, signals);
	close(signals);
	return status;
}

static int
stop_run_start(const char *const command[], long grace)
{
	struct docker d;
	int control, family;
	char byte = 1;
	down = mmap(NULL, (count + 1) * sizeof *down, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (down == MAP_FAILED)
		err(BD_FATAL, "memory");
	pid_t guardian = start_guardian(&control, &family);
	int status = BD_FATAL;
	if (docker_open(&d) == 0) { /* not before the fork: a connection cannot be shared */
		status = stop_all(&d, grace);
		if (status == BD_DONE)
			status = run(command, family);
		if (start_again(&d) && status == BD_DONE)
			status = BD_FAILED;
		docker_close(&d);
	}
	if (write(control, &byte, 1) == 1)
		waitpid(guardian, NULL, 0);
	return status;
}

static int
show(const char *const command[])
{
	for (size_t i = 0; i < count; i++)
		printf("stop %s\n", containers[i].name);
	char *line = shell_quote(command);
	puts(line);
	free(line);
	for (size_t i = count; i-- > 0;)
		printf("start %s\n", containers[i].name);
	return bd_finish(BD_DONE);
}

/* Held back from here on; those that are ignored, as by nohup, stay so. */
static void
hold_signals(void)
{
	static const int all[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction old;
	sigemptyset(&ending);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (sigaction(all[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(&ending, all[i]);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN); /* a reader of our messages that is gone must not keep containers down */
	sigset_t set = ending;
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int
main(int argc, char *argv[])
{
	long grace = GRACE_OWN;
	bool dry = false;
	bd_start();
	for (int c; (c = getopt(argc, argv, "+nt:vV")) != -1;)
		switch (c) {
		case 'n': dry = true; break;
		case 't': grace = bd_number(optarg, 0, 86400, "-t"); break;
		case 'v': verbose = true; break;
		case 'V': bd_version();
		default: usage();
		}
	int end = optind - 1; /* getopt(3) has taken the -- if there are no containers */
	while (end < argc && strcmp(argv[end], "--"))
		end++;
	if (end + 1 >= argc)
		usage();
	const char *const *command = (const char *const *)(argv + end + 1);
	struct docker d;
	if (docker_open(&d) < 0)
		return BD_FATAL;
	int missing = inspect(&d, argv + optind, end < optind ? 0 : (size_t)(end - optind));
	docker_close(&d);
	if (missing == BD_FATAL)
		return BD_FATAL;
	int status = dry ? show(command) : (hold_signals(), stop_run_start(command, grace));
	return status == BD_DONE ? missing : status;
}
