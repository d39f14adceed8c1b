/* mtree.c - writes and reads contents.mtree; see mtree.h for its form.
 *
 * The reader is strict in the simplest way: what it has understood of a line, written
 * anew, must be that line. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mtreeline.h"

static const char first[] = "#mtree\n. type=dir\n", self_line[] = "./" MTREE_NAME " type=file optional\n",
                  quoted_line[] = "# \\\n";

struct mtree_entry
mtree_of(const char *path, const struct stat *st)
{
	union {
		const char *in;
		char *out;
	} p = {.in = path}; /* nobody writes to it */
	return (struct mtree_entry){.path = p.out, .mode = st->st_mode, .uid = st->st_uid, .gid = st->st_gid,
	    .size = st->st_size, .time = st->st_mtim};
}

void
mtree_begin(struct mtree_out *m, FILE *to)
{
	*m = (struct mtree_out){.to = to};
	fputs(first, to);
}

static void
put_self(struct mtree_out *m)
{
	if (!m->self)
		fputs(self_line, m->to);
	m->self = true;
}

static void
put_line(struct mtree_out *m, FILE *to, const struct mtree_entry *e, enum mtree_form form)
{
	size_t len = mtreeline_format(&m->buf, &m->cap, e, form);
	fwrite(m->buf, 1, len, to);
}

void
mtree_put(struct mtree_out *m, const struct mtree_entry *e)
{
	if (strcmp(e->path, MTREE_NAME) > 0)
		put_self(m);
	if (!mtreeline_quotes(e->path)) {
		put_line(m, m->to, e, MTREE_PLAIN);
		return;
	}
	fputs(quoted_line, m->to);
	put_line(m, m->to, e, MTREE_QUOTED);
	if (!m->again && !(m->again = tmpfile()))
		err(BD_FATAL, "temporary file");
	put_line(m, m->again, e, MTREE_AGAIN);
}

int
mtree_end(struct mtree_out *m)
{
	int c;
	put_self(m);
	free(m->buf);
	if (!m->again)
		return 0;
	rewind(m->again);
	while ((c = getc(m->again)) != EOF)
		putc(c, m->to);
	bool bad = ferror(m->again);
	bad = fclose(m->again) != 0 || bad;
	if (bad)
		warn("temporary file");
	return bad ? -1 : 0;
}

void
mtree_open(struct mtree_in *m, FILE *in, const char *name)
{
	*m = (struct mtree_in){.in = in, .name = name};
}

int
mtree_at(struct mtree_in *m, int dir, const char *path, const char *name)
{
	int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	if (in) {
		mtree_open(m, in, name);
		return 0;
	}
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return -1;
}

static int
bad(const struct mtree_in *m, const char *why)
{
	warnx("%s:%zu: %s", m->name, m->line, why);
	errno = EBADMSG;
	return -1;
}

/* 1 a line, without its end; 0 the end of the file; -1 said. */
static int
next_line(struct mtree_in *m)
{
	errno = 0;
	ssize_t got = getline(&m->buf, &m->cap, m->in);
	if (got < 0) {
		if (feof(m->in) && !ferror(m->in))
			return 0;
		warn("%s", m->name);
		return -1;
	}
	m->line++;
	if (m->buf[got - 1] != '\n')
		return bad(m, "the last line has no end");
	if (strlen(m->buf) != (size_t)got)
		return bad(m, "NUL byte");
	return 1;
}

static int
parse(struct mtree_in *m, const char *line, enum mtree_form form)
{
	if (!mtreeline_parse(m->buf, &m->e, form))
		return bad(m, "not an entry of ours");
	mtreeline_format(&m->again, &m->again_cap, &m->e, form);
	if (strcmp(m->again, line) || (form == MTREE_QUOTED) != mtreeline_quotes(m->e.path))
		return bad(m, "not written as we would write it");
	return 1;
}

/* Whether the path is above the one before, which it replaces. */
static bool
ascends(struct mtree_in *m, const char *path)
{
	size_t need = strlen(path) + 1;
	if (m->any && strcmp(path, m->last) <= 0)
		return false;
	if (need > m->last_cap) {
		m->last_cap = 2 * need;
		m->last = xrealloc(m->last, m->last_cap, 1);
	}
	memcpy(m->last, path, need);
	return m->any = true;
}

/* The two lines before the first entry. */
static int
head(struct mtree_in *m)
{
	for (const char *s = first; *s; s = strchr(s, '\n') + 1) {
		int rc = next_line(m);
		if (rc < 0)
			return -1;
		size_t len = strcspn(s, "\n") + 1;
		if (rc == 0 || strncmp(m->buf, s, len) || m->buf[len])
			return bad(m, "this is no contents.mtree of ours");
	}
	return 1;
}

static bool
ends(const char *line, const char *end)
{
	size_t len = strlen(line), more = strlen(end);
	return len >= more && !strcmp(line + len - more, end);
}

/* The end of the file: what is said once more there, the first line of which is at hand if there is any. */
static int
tail(struct mtree_in *m, int rc)
{
	char is[HASH_HEX] = "", should[HASH_HEX] = "";
	struct hash h = {0};
	if (rc > 0 && hash_begin(&h) < 0)
		return -1;
	for (; rc > 0; rc = next_line(m))
		if (hash_add(&h, m->buf, strlen(m->buf)) < 0)
			return -1;
	if (h.ctx && hash_end(&h, is) < 0)
		return -1;
	if (m->expected.ctx && hash_end(&m->expected, should) < 0)
		return -1;
	if (rc == 0 && !m->self)
		return bad(m, "cut off");
	return rc == 0 && strcmp(is, should) ? bad(m, "the lines said again are not those that should be") : rc;
}

/* Remembers what must be said of the entry at the end. */
static int
expect_again(struct mtree_in *m)
{
	if (!m->expected.ctx && hash_begin(&m->expected) < 0)
		return -1;
	size_t len = mtreeline_format(&m->again, &m->again_cap, &m->e, MTREE_AGAIN);
	return hash_add(&m->expected, m->again, len);
}

static int
entry(struct mtree_in *m, enum mtree_form form)
{
	char *line = xstrdup(m->buf);
	int rc = parse(m, line, form);
	free(line);
	if (rc > 0 && form == MTREE_QUOTED && expect_again(m) < 0)
		return -1;
	if (rc > 0 && !ascends(m, m->e.path))
		return bad(m, "out of order");
	if (rc > 0 && !m->self && strcmp(m->e.path, MTREE_NAME) > 0)
		return bad(m, "no line of its own");
	return rc;
}

int
mtree_read(struct mtree_in *m)
{
	int rc = m->line ? 1 : head(m);
	if (rc > 0)
		rc = next_line(m);
	if (rc > 0 && !strcmp(m->buf, self_line)) {
		if (!ascends(m, MTREE_NAME))
			return bad(m, "out of order");
		m->self = true;
		rc = next_line(m);
	}
	if (rc == 0 || (rc > 0 && ends(m->buf, MTREE_AGAIN_END)))
		return tail(m, rc);
	if (rc < 0 || strcmp(m->buf, quoted_line))
		return rc < 0 ? rc : entry(m, MTREE_PLAIN);
	rc = next_line(m);
	return rc > 0 ? entry(m, MTREE_QUOTED) : rc < 0 ? rc : bad(m, "cut off");
}

const struct mtree_entry *
mtree_find(struct mtree_in *m, const char *path)
{
	while (!m->ended) {
		int order = m->e.path ? strcmp(m->e.path, path) : -1;
		if (order >= 0)
			return order ? NULL : &m->e;
		m->ended = mtree_read(m) <= 0;
	}
	return NULL;
}

bool
mtree_is(const struct mtree_entry *e, const struct stat *st)
{
	return e->mode == st->st_mode && e->uid == st->st_uid && e->gid == st->st_gid && (!S_ISREG(e->mode) || e->size == st->st_size) &&
	    e->time.tv_sec == st->st_mtim.tv_sec && e->time.tv_nsec == st->st_mtim.tv_nsec;
}

void
mtree_close(struct mtree_in *m)
{
	free(m->buf);
	free(m->last);
	free(m->again);
	hash_drop(&m->expected);
	*m = (struct mtree_in){0};
}
