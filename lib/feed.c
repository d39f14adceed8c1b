/* feed.c - paths for an rsync that is started with the first of them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed.h"

static const char *const hot_options[] = {
	"--from0", "--files-from=-", "--no-implied-dirs", "--ignore-missing-args", NULL};
static const char *const cold_options[] = {"--from0", "--files-from=-", "--no-implied-dirs", NULL};
enum { VANISHED = 24 }; /* rsync(1), EXIT VALUES */

static const char *const *
options(bool cold)
{
	return cold ? cold_options : hot_options;
}

void
feed_command(const char *argv[], size_t room, bool cold)
{
	rsync_command(argv, room, options(cold));
}

int
feed_write(FILE *to, const char *path)
{
	return fprintf(to, "./%s", path) < 0 || putc('\0', to) < 0 ? -1 : 0;
}

static int
start(struct feed *f)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0) {
		warn("pipe");
		return -1;
	}
	if (f->verbose) {
		const char *argv[24];
		feed_command(argv, sizeof argv / sizeof *argv, f->cold);
		char *line = shell_quote(argv);
		warnx("+ %s", line);
		free(line);
	}
	int rc = rsync_spawn(&f->child, f->src, f->dest, options(f->cold), p[0]);
	close(p[0]);
	if (rc < 0 || !(f->to = fdopen(p[1], "w"))) {
		close(p[1]);
		return -1;
	}
	return 0;
}

int
feed_put(void *arg, const char *path)
{
	struct feed *f = arg;
	if (!f->to && start(f) < 0) {
		f->ended = true;
		return -1;
	}
	f->ended = feed_write(f->to, path) < 0;
	if (f->ended)
		return -1;
	if (fputs(path, f->told) >= 0 && putc('\0', f->told) >= 0)
		return 0;
	snprintf(f->why, sizeof f->why, "what is to be copied cannot be noted: %s", strerror(errno));
	return -1;
}

enum feed_end
feed_end(struct feed *f, bool complete)
{
	if (!f->to) {
		if (f->ended)
			snprintf(f->why, sizeof f->why, "rsync could not be started");
		return complete ? FEED_DONE : FEED_FAILED;
	}
	if (!complete)
		kill(f->child.pid, SIGKILL);
	bool fed = fclose(f->to) == 0;
	int status = child_wait(&f->child);
	if (complete && fed && status == 0)
		return FEED_DONE;
	if (complete && fed && status == VANISHED && !f->cold)
		return FEED_VANISHED;
	if (status != 128 + SIGKILL || complete || f->ended)
		snprintf(f->why, sizeof f->why, "rsync ended with status %d", status);
	return FEED_FAILED;
}
