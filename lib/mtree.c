/* mtree.c - writes and reads contents.mtree; see mtree.h for its form.
 *
 * The reader is strict in the simplest way: what it has understood of a line, written
 * anew, must be that line. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mtree.h"

static const char first[] = "#mtree\n. type=dir\n", self_line[] = "./" MTREE_NAME " type=file optional\n",
                  quoted_line[] = "# \\\n", again_end[] = " optional\n", magic_chars[] = "*?[";

/* Line ends, blanks, '#', backslash, glob characters, '=' and all that is not ASCII mean something to one reader or another. */
static bool
harmless(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c && strchr("-._,+:@%/~", c));
}

/* A growing line; no write of ours can fail but for memory. */
struct line {
	char **buf;
	size_t *cap, len;
};

static void
reserve(struct line *l, size_t more)
{
	if (l->len + more + 1 > *l->cap) {
		*l->cap = 2 * (l->len + more + 1);
		*l->buf = xrealloc(*l->buf, *l->cap, 1);
	}
}

static void
add_escaped(struct line *l, const char *s, size_t len)
{
	reserve(l, 4 * len);
	char *to = *l->buf + l->len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (harmless(c)) {
			*to++ = s[i];
			continue;
		}
		*to++ = '\\';
		*to++ = (char)('0' + (c >> 6));
		*to++ = (char)('0' + (c >> 3 & 7));
		*to++ = (char)('0' + (c & 7));
	}
	*to = '\0';
	l->len = (size_t)(to - *l->buf);
}

static bool
magic(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr(magic_chars, name[i]))
			return true;
	return false;
}

/* The path; with each name in it that mtree(8) would take for a pattern made one that matches only itself. */
static void
add_quoted(struct line *l, const char *path)
{
	for (const char *s = path;; s++) {
		size_t len = strcspn(s, "/");
		bool pattern = magic(s, len);
		for (size_t i = 0; i < len; i++) {
			if (pattern && (s[i] == '\\' || strchr(magic_chars, s[i])))
				add_escaped(l, "\\", 1);
			add_escaped(l, s + i, 1);
		}
		s += len;
		if (!*s)
			return;
		add_escaped(l, "/", 1);
	}
}

static void __attribute__((format(printf, 2, 3)))
add(struct line *l, const char *fmt, ...)
{
	enum { ROOM = 200 }; /* five numbers, or a digest */
	va_list ap;
	reserve(l, ROOM);
	va_start(ap, fmt);
	int n = vsnprintf(*l->buf + l->len, ROOM, fmt, ap);
	va_end(ap);
	l->len += n > 0 ? (size_t)n : 0;
}

enum form { PLAIN, QUOTED, AGAIN };

static size_t
format(char **buf, size_t *cap, const struct mtree_entry *e, enum form form)
{
	struct line l = {.buf = buf, .cap = cap};
	const char *type = S_ISDIR(e->mode) ? "dir" : S_ISLNK(e->mode) ? "link" : "file";
	add(&l, "./");
	if (form == QUOTED)
		add_quoted(&l, e->path);
	else
		add_escaped(&l, e->path, strlen(e->path));
	add(&l, " type=%s uid=%ju gid=%ju mode=0%03o", type, (uintmax_t)e->uid, (uintmax_t)e->gid, (unsigned)e->mode & 07777);
	if (S_ISREG(e->mode))
		add(&l, " size=%jd", (intmax_t)e->size);
	add(&l, " time=%jd.%09ld", (intmax_t)e->time.tv_sec, e->time.tv_nsec);
	if (S_ISREG(e->mode))
		add(&l, " sha256=%s", e->sha256);
	if (S_ISLNK(e->mode)) {
		add(&l, " link=");
		add_escaped(&l, e->link, strlen(e->link));
	}
	add(&l, form == AGAIN ? " optional\n" : "\n");
	return l.len;
}

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
put_line(struct mtree_out *m, FILE *to, const struct mtree_entry *e, enum form form)
{
	size_t len = format(&m->buf, &m->cap, e, form);
	fwrite(m->buf, 1, len, to);
}

void
mtree_put(struct mtree_out *m, const struct mtree_entry *e)
{
	if (strcmp(e->path, MTREE_NAME) > 0)
		put_self(m);
	if (!magic(e->path, strlen(e->path))) {
		put_line(m, m->to, e, PLAIN);
		return;
	}
	fputs(quoted_line, m->to);
	put_line(m, m->to, e, QUOTED);
	if (!m->again && !(m->again = tmpfile()))
		err(BD_FATAL, "temporary file");
	put_line(m, m->again, e, AGAIN);
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

static bool
octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Undoes the escapes in place, up to a blank or the end of the line; returns what follows, NULL: unknown escape. */
static char *
unescape(char *s)
{
	char *to = s;
	while (*s && *s != ' ' && *s != '\n') {
		if (*s != '\\') {
			*to++ = *s++;
			continue;
		}
		if (s[1] < '0' || s[1] > '3' || !octal(s[2]) || !octal(s[3]))
			return NULL;
		*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
		s += 4;
	}
	if (!*s)
		return NULL;
	char *end = s + 1;
	*to = '\0';
	return end;
}

/* Takes ` KEY=` off *s; it ended at a blank, which is gone. */
static bool
key(char **s, const char *name)
{
	size_t len = strlen(name);
	if (strncmp(*s, name, len))
		return false;
	*s += len;
	return true;
}

/* A number of base 8 or 10, and the blank or line end behind it. */
static bool
number(char **s, int base, uintmax_t max, uintmax_t *n)
{
	char *end;
	if (!isdigit((unsigned char)**s))
		return false;
	errno = 0;
	*n = strtoumax(*s, &end, base);
	if (errno || *n > max || (*end != ' ' && *end != '\n'))
		return false;
	*s = end + 1;
	return true;
}

static bool
seconds(char **s, struct timespec *t)
{
	char *end;
	errno = 0;
	intmax_t sec = strtoimax(*s, &end, 10);
	if (errno || end == *s || *end != '.')
		return false;
	*s = end + 1;
	uintmax_t nsec;
	if (!number(s, 10, 999999999, &nsec))
		return false;
	*t = (struct timespec){.tv_sec = (time_t)sec, .tv_nsec = (long)nsec};
	return true;
}

static bool
digest(char **s, char hex[HASH_HEX])
{
	if (strspn(*s, "0123456789abcdef") != HASH_HEX - 1)
		return false;
	memcpy(hex, *s, HASH_HEX - 1);
	hex[HASH_HEX - 1] = '\0';
	*s += HASH_HEX; /* with what follows */
	return true;
}

/* Whether the path is one that a walk would give: no way out, nothing twice. */
static bool
sound(const char *path)
{
	for (const char *s = path;; s++) {
		size_t len = strcspn(s, "/");
		if (len == 0 || (len <= 2 && !strncmp(s, "..", len)))
			return false;
		s += len;
		if (!*s)
			return true;
	}
}

/* The rest of the line behind the path; false: not understood. */
static bool
parse_rest(struct mtree_entry *e, char *s)
{
	uintmax_t uid, gid, mode, size = 0;
	if (key(&s, "type=dir "))
		e->mode = S_IFDIR;
	else if (key(&s, "type=file "))
		e->mode = S_IFREG;
	else if (key(&s, "type=link "))
		e->mode = S_IFLNK;
	else
		return false;
	if (!key(&s, "uid=") || !number(&s, 10, (uid_t)-1, &uid) || !key(&s, "gid=") || !number(&s, 10, (gid_t)-1, &gid) ||
	    !key(&s, "mode=") || !number(&s, 8, 07777, &mode))
		return false;
	if (S_ISREG(e->mode) && (!key(&s, "size=") || !number(&s, 10, INT64_MAX, &size)))
		return false;
	if (!key(&s, "time=") || !seconds(&s, &e->time))
		return false;
	if (S_ISREG(e->mode) && (!key(&s, "sha256=") || !digest(&s, e->sha256)))
		return false;
	if (S_ISLNK(e->mode)) {
		e->link = key(&s, "link=") ? s : NULL;
		if (!e->link || !(s = unescape(s)))
			return false;
	}
	e->uid = (uid_t)uid;
	e->gid = (gid_t)gid;
	e->mode |= (mode_t)mode;
	e->size = (off_t)size;
	return !*s;
}

/* Undoes add_quoted, in place. */
static void
unquote(char *path)
{
	char *to = path;
	for (char *s = path;;) {
		size_t len = strcspn(s, "/");
		bool pattern = magic(s, len);
		for (char *end = s + len; s < end; *to++ = *s++)
			s += pattern && *s == '\\' && s + 1 < end;
		if (!(*to++ = *s++))
			return;
	}
}

static int
parse(struct mtree_in *m, const char *line, enum form form)
{
	m->e = (struct mtree_entry){0};
	char *s = m->buf, *rest = NULL;
	if (key(&s, "./"))
		rest = unescape(s);
	m->e.path = s;
	if (!rest || !sound(s) || !parse_rest(&m->e, rest))
		return bad(m, "not an entry of ours");
	if (form == QUOTED)
		unquote(s);
	format(&m->again, &m->again_cap, &m->e, form);
	if (strcmp(m->again, line) || (form == QUOTED) != magic(s, strlen(s)))
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
	size_t len = format(&m->again, &m->again_cap, &m->e, AGAIN);
	return hash_add(&m->expected, m->again, len);
}

static int
entry(struct mtree_in *m, enum form form)
{
	char *line = xstrdup(m->buf);
	int rc = parse(m, line, form);
	free(line);
	if (rc > 0 && form == QUOTED && expect_again(m) < 0)
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
	if (rc == 0 || (rc > 0 && ends(m->buf, again_end)))
		return tail(m, rc);
	if (rc < 0 || strcmp(m->buf, quoted_line))
		return rc < 0 ? rc : entry(m, PLAIN);
	rc = next_line(m);
	return rc > 0 ? entry(m, QUOTED) : rc < 0 ? rc : bad(m, "cut off");
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
