/* execs.c - the journal of commands: what was started in containers, on disk before that.
 *
 * The file only grows while somebody writes it, by whole records in one write each: a last line
 * without its end is what a death has cut off, of a command that was not started then. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "execs.h"

enum { EXEC, CONTAINER, COLUMNS };

static int
open_folder(struct execs *j, const char *path)
{
	*j = (struct execs){.path = path, .fd = -1, .t = {.columns = COLUMNS}};
	if ((j->dir = folder_of(path, &j->name)) < 0)
		warn("%s", path);
	return j->dir < 0 ? -1 : 0;
}

/* Whether the file is still the one of that name: 1, 0, -1 said. */
static int
is_there(const struct execs *j)
{
	int rc = folder_still(j->dir, j->name, j->fd);
	if (rc < 0)
		warn("%s", j->path);
	return rc;
}

static int
open_file(struct execs *j, int flags, int lock)
{
	struct stat st;
	j->fd = openat(j->dir, j->name, O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | flags, 0600);
	if (j->fd < 0 || fstat(j->fd, &st) < 0) {
		warn("%s", j->path);
		return BD_FATAL;
	}
	if (!S_ISREG(st.st_mode)) {
		warnx("%s: not a file", j->path);
		return BD_FATAL;
	}
	while (flock(j->fd, lock) < 0)
		if (errno == EWOULDBLOCK) {
			warnx("%s: belongs to somebody who is at work", j->path);
			return BD_LOCKED;
		} else if (errno != EINTR) {
			warn("%s: lock", j->path);
			return BD_FATAL;
		}
	return 0;
}

int
execs_open(const char *path)
{
	struct execs j;
	int fd = -1, there = -1;
	if (open_folder(&j, path) == 0 && open_file(&j, O_WRONLY | O_CREAT | O_APPEND, LOCK_SH | LOCK_NB) == 0)
		there = is_there(&j);
	if (there < 0)
		;
	else if (!there)
		warnx("%s: removed meanwhile", path);
	else if (fsync(j.dir) < 0)
		warn("%s: fsync", path);
	else {
		fd = j.fd;
		j.fd = -1;
	}
	execs_close(&j);
	return fd;
}

int
execs_note(int fd, const char *exec, const char *container)
{
	char *line = xasprintf("%s\t%s\n", exec, container);
	size_t len = strlen(line);
	errno = ENOSPC; /* where only a part is written */
	int rc = write(fd, line, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : -1;
	if (rc < 0)
		warn("journal of commands");
	free(line);
	return rc;
}

static int
read_records(struct execs *j)
{
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	ssize_t got = -1;
	if (fstat(j->fd, &st) == 0) {
		text = xcalloc((size_t)st.st_size + 1, 1);
		while ((got = read(j->fd, text + len, (size_t)st.st_size - len)) > 0)
			len += (size_t)got;
	}
	int rc = 0;
	if (got < 0) {
		warn("%s", j->path);
		rc = BD_FATAL;
	}
	while (len && text[len - 1] != '\n')
		len--;
	FILE *in = len && !rc ? fmemopen(text, len, "r") : NULL;
	if (in) {
		rc = table_read(&j->t, in, j->path);
		fclose(in);
	}
	free(text);
	return rc;
}

static int
check(const struct execs *j)
{
	for (size_t i = 0; i < j->t.rows; i++)
		if (!table_row(&j->t, i)[EXEC] || !table_row(&j->t, i)[CONTAINER]) {
			warnx("%s:%zu: no record of a command", j->path, i + 1);
			return BD_USAGE;
		}
	return 0;
}

int
execs_take(struct execs *j, const char *path)
{
	int rc = open_folder(j, path) < 0 ? BD_FATAL : open_file(j, O_RDONLY, LOCK_EX | LOCK_NB);
	int there = rc ? 0 : is_there(j);
	if (there)
		rc = there < 0 ? BD_FATAL : read_records(j);
	if (there && !rc)
		rc = check(j);
	if (rc)
		execs_close(j);
	return rc;
}

int
execs_leave(struct execs *j, const bool left[])
{
	struct save s;
	size_t n = 0;
	for (size_t i = 0; i < j->t.rows; i++)
		n += left[i];
	int there = is_there(j);
	if (there <= 0)
		return there;
	if (!n) {
		if (unlinkat(j->dir, j->name, 0) == 0 && fsync(j->dir) == 0)
			return 0;
		warn("%s", j->path);
		return -1;
	}
	if (save_begin(&s, j->dir, j->name, 0600, true) < 0)
		return -1;
	for (size_t i = 0; i < j->t.rows; i++)
		if (left[i] && TSV_WRITE(s.out, table_row(&j->t, i)[EXEC], table_row(&j->t, i)[CONTAINER]) < 0) {
			save_abort(&s);
			return -1;
		}
	return save_commit(&s);
}

void
execs_close(struct execs *j)
{
	table_free(&j->t);
	if (j->fd >= 0)
		close(j->fd);
	if (j->dir >= 0)
		close(j->dir);
	*j = (struct execs){.dir = -1, .fd = -1};
}
