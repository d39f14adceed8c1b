/* journal.c - the containers that are to run again, on disk before the first of them is stopped.
 *
 * The file only grows while its owner lives, by whole records in one write each: a last line
 * without its end is what a death has cut off, and does not count. The lock is on the open
 * file, which bd-stop and its guardian share, so the file cannot be replaced before both are
 * done with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "journal.h"
#include "table.h"

enum { NAME, ID, PRIOR, STATE, ORDER, SENT, SPAN, NEEDS, COLUMNS };

static const char *const states[] = {
	[JOURNAL_RUNNING] = "running", [JOURNAL_STOPPING] = "stopping", [JOURNAL_STOPPED] = "stopped", [JOURNAL_LEFT] = "left"};

static int
say(const struct journal *j, const char *what)
{
	warn("%s%s%s", j->path, *what ? ": " : "", what);
	return BD_FATAL;
}

/* Whether the file is still the one of that name: 1, 0, -1 said. */
static int
is_there(const struct journal *j)
{
	int rc = folder_still(j->dir, j->name, j->fd);
	if (rc < 0)
		say(j, "");
	return rc;
}

/* Sets j->fd, locked. */
static int
take(struct journal *j, int flags)
{
	*j = (struct journal){.path = j->path, .dir = -1, .fd = -1};
	if ((j->dir = folder_of(j->path, &j->name)) < 0)
		return say(j, "");
	j->fd = openat(j->dir, j->name, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
	struct stat st;
	if (j->fd < 0 || fstat(j->fd, &st) < 0)
		return say(j, "");
	if (!S_ISREG(st.st_mode)) { /* it would be replaced in the end */
		warnx("%s: not a file", j->path);
		return BD_FATAL;
	}
	if (flock(j->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return say(j, "lock");
	warnx("%s: belongs to a bd-stop or bd-start that is at work", j->path);
	return BD_LOCKED;
}

static int
in_memory(struct journal *j, const char *path)
{
	*j = (struct journal){.path = path, .dir = -1, .fd = memfd_create("journal", MFD_CLOEXEC)};
	return j->fd < 0 || fcntl(j->fd, F_SETFL, O_APPEND) < 0 ? say(j, "") : 0;
}

int
journal_create(struct journal *j, const char *path)
{
	struct stat st;
	if (!path)
		return in_memory(j, "journal");
	j->path = path;
	int rc = take(j, O_CREAT);
	int there = rc ? -1 : is_there(j);
	if (rc == 0 && there < 0)
		rc = BD_FATAL;
	else if (rc == 0 && (fstat(j->fd, &st) < 0 || !there))
		rc = say(j, "removed meanwhile");
	else if (rc == 0 && st.st_size > 0) {
		warnx("%s: left by a run that died; bd-start %s", path, path);
		rc = BD_FATAL;
	}
	if (rc)
		journal_leave(j);
	return rc;
}

/* The number in text; sets *bad if it is none. */
static long
number(const char *text, bool *bad)
{
	char *end;
	errno = 0;
	long n = text ? strtol(text, &end, 10) : 0;
	if (text && (errno || *end || n < 0))
		*bad = true;
	return n;
}

static struct entry *
find(const struct journal *j, const char *id)
{
	for (size_t i = j->count; i-- > 0;)
		if (!strcmp(j->entry[i].id, id))
			return &j->entry[i];
	return NULL;
}

static void
clear(struct entry *e)
{
	free(e->name);
	free(e->id);
	free(e->prior);
	free(e->needs);
	*e = (struct entry){0};
}

static char *
copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static int
take_row(struct journal *j, char *const row[])
{
	bool bad = !row[NAME] || !row[ID] || !row[PRIOR] || !row[STATE] || !row[ORDER];
	struct entry e = {.order = (size_t)number(row[ORDER], &bad), .sent = number(row[SENT], &bad), .span = number(row[SPAN], &bad)};
	size_t state = 0;
	while (!bad && state <= JOURNAL_LEFT && strcmp(states[state], row[STATE]))
		state++;
	if (bad || state > JOURNAL_LEFT)
		return -1;
	e.state = (enum journal_state)state;
	e.name = xstrdup(row[NAME]);
	e.id = xstrdup(row[ID]);
	e.prior = xstrdup(row[PRIOR]);
	e.needs = copy(row[NEEDS]);
	struct entry *old = find(j, e.id);
	if (old) {
		clear(old);
		*old = e;
	} else
		journal_add(j, &e);
	return 0;
}

static int
take_records(struct journal *j, FILE *in, const char *name)
{
	struct table t = {.columns = COLUMNS};
	int rc = table_read(&t, in, name);
	for (size_t i = 0; !rc && i < t.rows; i++)
		if (take_row(j, table_row(&t, i)) < 0) {
			warnx("%s:%zu: no record of a journal", name, i + 1);
			rc = BD_USAGE;
		}
	table_free(&t);
	return rc;
}

int
journal_read(struct journal *j, FILE *in, const char *name)
{
	int rc = in_memory(j, name);
	return rc ? rc : take_records(j, in, name);
}

int
journal_reload(struct journal *j)
{
	struct stat st;
	if (fstat(j->fd, &st) < 0)
		return say(j, "");
	size_t len = 0, size = (size_t)st.st_size;
	char *text = xcalloc(size + 1, 1);
	for (ssize_t got = 1; len < size && got > 0; len += (size_t)got)
		if ((got = pread(j->fd, text + len, size - len, (off_t)len)) < 0) {
			free(text);
			return say(j, "");
		}
	len = strlen(text); /* an end that was not written may read as NULs */
	while (len && text[len - 1] != '\n')
		len--;
	for (size_t i = 0; i < j->count; i++)
		clear(&j->entry[i]);
	j->count = 0;
	if (len < size && ftruncate(j->fd, (off_t)len) < 0) {
		free(text);
		return say(j, "");
	}
	FILE *in = len ? fmemopen(text, len, "r") : NULL;
	int rc = !len ? 0 : in ? take_records(j, in, j->path) : say(j, "");
	if (in)
		fclose(in);
	free(text);
	return rc;
}

int
journal_open(struct journal *j, const char *path)
{
	j->path = path;
	int rc = take(j, 0);
	int there = rc ? 0 : is_there(j);
	if (there)
		rc = there < 0 ? BD_FATAL : journal_reload(j);
	if (rc)
		journal_leave(j);
	return rc;
}

struct entry *
journal_add(struct journal *j, const struct entry *e)
{
	j->entry = xrealloc(j->entry, j->count + 1, sizeof *j->entry);
	j->entry[j->count] = *e;
	return &j->entry[j->count++];
}

static int
put(const struct entry *e, FILE *out)
{
	return TSV_WRITE(out, e->name, e->id, e->prior, states[e->state], tsv_num(e->order).text,
	    e->sent ? tsv_num((uintmax_t)e->sent).text : NULL, e->sent ? tsv_num((uintmax_t)e->span).text : NULL, e->needs);
}

/* Nothing, or all of it. */
static int
append(struct journal *j, const char *text, size_t len)
{
	struct stat st;
	if (fstat(j->fd, &st) < 0)
		return -1;
	ssize_t put = write(j->fd, text, len);
	if (put == (ssize_t)len)
		return 0;
	int why = put < 0 ? errno : ENOSPC;
	if (ftruncate(j->fd, st.st_size) < 0)
		why = errno;
	errno = why;
	return -1;
}

static int
write_some(struct journal *j, size_t first, size_t end)
{
	char *text;
	size_t len;
	int rc = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		err(BD_FATAL, "memory");
	for (size_t i = first; i < end; i++)
		if (put(&j->entry[i], out) < 0)
			rc = -1;
	if (fclose(out) != 0)
		err(BD_FATAL, "memory");
	if (rc == 0 && append(j, text, len) < 0) {
		say(j, "");
		rc = -1;
	}
	free(text);
	return rc;
}

int
journal_write(struct journal *j, size_t first, bool durable)
{
	if (write_some(j, first, j->count) < 0)
		return -1;
	if (durable && (fsync(j->fd) < 0 || (j->dir >= 0 && fsync(j->dir) < 0))) {
		say(j, "fsync");
		return -1;
	}
	return 0;
}

int
journal_mark(struct journal *j, size_t i, enum journal_state state)
{
	struct entry *e = &j->entry[i];
	e->state = state;
	if (state != JOURNAL_STOPPING)
		e->sent = 0;
	return write_some(j, i, i + 1);
}

int
journal_print(const struct journal *j, FILE *out)
{
	for (size_t i = 0; i < j->count; i++)
		if (j->entry[i].state != JOURNAL_LEFT && put(&j->entry[i], out) < 0)
			return -1;
	return 0;
}

static int
shrink(struct journal *j)
{
	struct save s;
	size_t left = 0;
	for (size_t i = 0; i < j->count; i++)
		left += j->entry[i].state == JOURNAL_LEFT;
	if (left == j->count)
		return unlinkat(j->dir, j->name, 0) < 0 || fsync(j->dir) < 0 ? (say(j, ""), -1) : 0;
	if (save_begin(&s, j->dir, j->name, 0600, true) < 0)
		return -1;
	if (journal_print(j, s.out) == 0)
		return save_commit(&s);
	save_abort(&s);
	return -1;
}

int
journal_close(struct journal *j)
{
	int rc = j->name ? is_there(j) : 0;
	if (rc > 0)
		rc = shrink(j);
	journal_leave(j);
	return rc;
}

void
journal_leave(struct journal *j)
{
	for (size_t i = 0; i < j->count; i++)
		clear(&j->entry[i]);
	free(j->entry);
	if (j->fd >= 0)
		close(j->fd);
	if (j->dir >= 0)
		close(j->dir);
	*j = (struct journal){.dir = -1, .fd = -1};
}
