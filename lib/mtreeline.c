/* mtreeline.c - an entry of contents.mtree as a line, both ways; see mtree.h for its form. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mtreeline.h"

static const char magic_chars[] = "*?[";

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

size_t
mtreeline_format(char **buf, size_t *cap, const struct mtree_entry *e, enum mtree_form form)
{
	struct line l = {.buf = buf, .cap = cap};
	const char *type = S_ISDIR(e->mode) ? "dir" : S_ISLNK(e->mode) ? "link" : "file";
	add(&l, "./");
	if (form == MTREE_QUOTED)
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
	add(&l, form == MTREE_AGAIN ? MTREE_AGAIN_END : "\n");
	return l.len;
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

bool
mtreeline_parse(char *line, struct mtree_entry *e, enum mtree_form form)
{
	char *s = line, *rest = NULL;
	*e = (struct mtree_entry){0};
	if (key(&s, "./"))
		rest = unescape(s);
	e->path = s;
	if (!rest || !sound(s) || !parse_rest(e, rest))
		return false;
	if (form == MTREE_QUOTED)
		unquote(s);
	return true;
}

bool
mtreeline_quotes(const char *path)
{
	return magic(path, strlen(path));
}
