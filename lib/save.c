/* save.c - a file appears complete or not at all: an exclusive temporary beside
 * it, fsync, rename, fsync of the folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bd.h"

static void
forget(struct save *s)
{
	free(s->name);
	free(s->tmp);
	*s = (struct save){.dir = -1};
}

int
save_begin(struct save *s, int dir, const char *name, mode_t mode, bool durable)
{
	*s = (struct save){.dir = dir, .name = xstrdup(name), .tmp = xasprintf(".%s.tmp", name), .durable = durable};
	if (unlinkat(dir, s->tmp, 0) < 0 && errno != ENOENT)
		warn("%s", s->tmp);
	int fd = openat(dir, s->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd >= 0 && fchmod(fd, mode) == 0 && (s->out = fdopen(fd, "w")))
		return 0;
	warn("%s", name);
	if (fd >= 0) {
		close(fd);
		unlinkat(dir, s->tmp, 0);
	}
	forget(s);
	return -1;
}

int
save_commit(struct save *s)
{
	bool ok = fflush(s->out) == 0 && !ferror(s->out) && (!s->durable || fsync(fileno(s->out)) == 0);
	int why = errno;
	if (fclose(s->out) != 0 && ok) {
		ok = false;
		why = errno;
	}
	if (ok && (renameat(s->dir, s->tmp, s->dir, s->name) < 0 || (s->durable && fsync(s->dir) < 0))) {
		ok = false;
		why = errno;
	}
	if (!ok) {
		errno = why;
		warn("%s", s->name);
		unlinkat(s->dir, s->tmp, 0);
	}
	forget(s);
	return ok ? 0 : -1;
}

void
save_abort(struct save *s)
{
	fclose(s->out);
	unlinkat(s->dir, s->tmp, 0);
	forget(s);
}
