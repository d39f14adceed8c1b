/* verify.c - compares a volume, as several generations have it, with what its contents.mtree say.
 *
 * All generations are walked at once, path by path, each together with its contents.mtree.
 * So the names of an inode that generations share come together, and it is read once;
 * and the work can end before any path and be taken up there another time. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mtree.h"
#include "tree.h"
#include "verify.h"

struct stream { /* of one side: what is there and what should be, both in the byte order of paths */
	struct verify_side *side;
	struct walker *walker;
	struct walk_item disk;
	struct mtree_in mtree;
	char *name;
	bool on_disk, on_list; /* disk and mtree.e are at hand */
	bool whole;            /* the list could be read so far: what is not in it is extra */
};

struct finding {
	struct verify_side *side;
	const char *what;
	char *expected, *found;
	ino_t ino;
};

struct member { /* a generation that names an inode by the path at hand */
	struct verify_side *side;
	char sha256[HASH_HEX];
};

struct check { /* what is known of a path until its digest is */
	struct verify *v;
	struct inodes *inodes;
	char *path;
	struct finding *finding;
	size_t findings;
	struct member *member;
	size_t members;
	struct stat st; /* of the members */
	bool listed;    /* the inode is in inodes */
};

static void
add(struct check *c, struct verify_side *side, ino_t ino, const char *what, char *expected, char *found)
{
	c->finding = xrealloc(c->finding, c->findings + 1, sizeof *c->finding);
	c->finding[c->findings++] = (struct finding){side, what, expected, found, ino};
}

static void
report(const struct check *c, struct verify_side *side, ino_t ino, const char *what, const char *expected, const char *found)
{
	const struct verify_finding f = {
		.side = side, .path = c->path, .what = what, .expected = expected, .found = found, .ino = ino};
	if (side->status == VERIFY_OK)
		side->status = VERIFY_BAD;
	c->v->found(c->v->arg, &f);
}

static void
compare_content(const struct check *c, const struct digest *d)
{
	struct inode_digest *known = c->listed ? inodes_find(c->inodes, &c->st) : NULL;
	if (known && *d->hex)
		memcpy(known->hex, d->hex, HASH_HEX);
	const char *hex = known ? known->hex : d->hex;
	char *found = *hex ? xasprintf("sha256=%s", hex) : xstrdup(strerror(d->why ? d->why : EIO));
	for (size_t i = 0; i < c->members; i++) {
		const struct member *m = &c->member[i];
		char *expected = xasprintf("sha256=%s", m->sha256);
		m->side->files++;
		if (strcmp(m->sha256, hex))
			report(c, m->side, c->st.st_ino, *hex ? "content" : "unreadable", expected, found);
		free(expected);
	}
	free(found);
}

/* Of the digester: in the order of paths. */
void
verify_done(void *arg, const struct digest *d)
{
	struct check *c = d->item;
	(void)arg;
	for (size_t i = 0; i < c->findings; i++) {
		struct finding *f = &c->finding[i];
		report(c, f->side, f->ino, f->what, f->expected, f->found);
		free(f->expected);
		free(f->found);
	}
	if (c->members)
		compare_content(c, d);
	free(c->finding);
	free(c->member);
	free(c->path);
	free(c);
}

static struct check *
check_new(struct verify *v, struct inodes *inodes, const char *path)
{
	struct check *c = xcalloc(1, sizeof *c);
	*c = (struct check){.v = v, .inodes = inodes, .path = xstrdup(path)};
	return c;
}

/* One finding by itself. */
static void
find(struct verify *v, struct verify_side *side, const char *path, const char *what, const char *found)
{
	struct check *c = check_new(v, NULL, path);
	add(c, side, 0, what, NULL, found ? xstrdup(found) : NULL);
	digest_put(v->digester, -1, c->path, c);
}

/* Before, in and behind what is asked for: -1, 0, 1. Some of what is "before" may come between. */
static int
place(const struct verify *v, const char *path)
{
	if (v->path) {
		size_t len = strlen(v->path);
		int order = strncmp(path, v->path, len);
		if (order > 0 || (order == 0 && (unsigned char)path[len] > '/'))
			return 1;
		if (order < 0 || (path[len] && path[len] != '/'))
			return -1;
	}
	return v->from && strcmp(path, v->from) < 0 ? -1 : 0;
}

static void
next_on_disk(struct verify *v, struct stream *s)
{
	int event;
	s->on_disk = false;
	while ((event = walk_next(s->walker, &s->disk)) != WALK_DONE) {
		if (event < 0)
			find(v, s->side, *s->disk.path ? s->disk.path : ".", "unreadable", strerror(errno));
		if (event != WALK_ENTRY || !strcmp(s->disk.path, MTREE_NAME))
			continue;
		int where = place(v, s->disk.path);
		s->on_disk = where == 0;
		if (where >= 0)
			return;
	}
}

static void
next_on_list(struct verify *v, struct stream *s)
{
	int rc;
	s->on_list = false;
	while ((rc = mtree_read(&s->mtree)) > 0) {
		int where = place(v, s->mtree.e.path);
		s->on_list = where == 0;
		if (where >= 0)
			return;
	}
	if (rc < 0) {
		s->whole = false;
		find(v, s->side, MTREE_NAME, errno == EBADMSG ? "malformed" : "unreadable", errno == EBADMSG ? NULL : strerror(errno));
	}
}

/* False: there is nothing to be compared; it was said. */
static bool
open_stream(struct verify *v, struct stream *s, struct verify_side *side)
{
	*s = (struct stream){.side = side, .whole = true};
	side->status = VERIFY_OK;
	side->files = side->bytes = 0;
	if (side->dir < 0) {
		find(v, side, ".", "missing", NULL);
		return false;
	}
	int fd = openat(side->dir, MTREE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		side->status = VERIFY_UNVOUCHED;
		find(v, side, ".", "unvouched", NULL);
		return false;
	}
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	if (!in || !(s->walker = walk_begin(side->dir, v->volume))) {
		find(v, side, MTREE_NAME, "unreadable", strerror(errno));
		if (in)
			fclose(in);
		else if (fd >= 0)
			close(fd);
		return false;
	}
	const char *from = v->from && (!v->path || strcmp(v->from, v->path) > 0) ? v->from : v->path;
	walk_from(s->walker, from);
	s->name = xasprintf("%s/%s/" MTREE_NAME, side->generation, v->volume);
	mtree_open(&s->mtree, in, s->name);
	next_on_disk(v, s);
	next_on_list(v, s);
	return true;
}

static void
close_stream(struct stream *s)
{
	if (!s->walker)
		return;
	walk_end(s->walker);
	fclose(s->mtree.in);
	mtree_close(&s->mtree);
	free(s->name);
}

static const char *
type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "dir";
	case S_IFREG: return "file";
	case S_IFLNK: return "link";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	case S_IFBLK: return "block";
	default: return "char";
	}
}

static void
differ(struct check *c, const struct stream *s, const char *what, char *expected, char *found)
{
	bool folder = S_ISDIR(s->disk.st.st_mode);
	add(c, s->side, folder ? 0 : s->disk.st.st_ino, what, expected, found);
}

static void
compare_link(struct check *c, const struct stream *s)
{
	char to[4096] = ""; /* the kernel's limit, with a NUL */
	if (readlinkat(s->disk.dir, s->disk.name, to, sizeof to - 1) < 0)
		differ(c, s, "unreadable", NULL, xstrdup(strerror(errno)));
	else if (strcmp(to, s->mtree.e.link))
		differ(c, s, "link", xasprintf("link=%s", s->mtree.e.link), xasprintf("link=%s", to));
}

static void
compare_metadata(struct check *c, const struct stream *s)
{
	const struct mtree_entry *e = &s->mtree.e;
	const struct stat *st = &s->disk.st;
	if ((e->mode & S_IFMT) != (st->st_mode & S_IFMT)) {
		differ(c, s, "type", xasprintf("type=%s", type_of(e->mode)), xasprintf("type=%s", type_of(st->st_mode)));
		return;
	}
	if (e->mode != st->st_mode)
		differ(c, s, "mode", xasprintf("mode=0%03o", (unsigned)e->mode & 07777),
		    xasprintf("mode=0%03o", (unsigned)st->st_mode & 07777));
	if (e->uid != st->st_uid)
		differ(c, s, "uid", xasprintf("uid=%ju", (uintmax_t)e->uid), xasprintf("uid=%ju", (uintmax_t)st->st_uid));
	if (e->gid != st->st_gid)
		differ(c, s, "gid", xasprintf("gid=%ju", (uintmax_t)e->gid), xasprintf("gid=%ju", (uintmax_t)st->st_gid));
	if (S_ISREG(e->mode) && e->size != st->st_size)
		differ(c, s, "size", xasprintf("size=%jd", (intmax_t)e->size), xasprintf("size=%jd", (intmax_t)st->st_size));
	if (e->time.tv_sec != st->st_mtim.tv_sec || e->time.tv_nsec != st->st_mtim.tv_nsec)
		differ(c, s, "time", xasprintf("time=%jd.%09ld", (intmax_t)e->time.tv_sec, e->time.tv_nsec),
		    xasprintf("time=%jd.%09ld", (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec));
	if (S_ISLNK(e->mode))
		compare_link(c, s);
}

static bool
same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* A descriptor of the file to be read from the disk, not from what the system remembers of it. */
static int
open_file(const struct stream *s)
{
	struct stat st;
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, fd = openat(s->disk.dir, s->disk.name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM) /* not ours */
		fd = openat(s->disk.dir, s->disk.name, flags);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !same_inode(&st, &s->disk.st))) {
		close(fd);
		fd = -1;
		errno = ENOENT;
	}
	if (fd >= 0)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return fd;
}

static bool
readable(const struct stream *s, const char *path)
{
	return s->on_disk && s->on_list && !strcmp(s->disk.path, path) && !strcmp(s->mtree.e.path, path) &&
	    S_ISREG(s->disk.st.st_mode) && S_ISREG(s->mtree.e.mode);
}

/* The inode of s, and of those behind it that share it: one reading for all. done: which streams that is. */
static void
check_content(struct verify *v, struct inodes *inodes, struct stream *s, size_t left, bool *done, const char *path)
{
	struct check *c = check_new(v, inodes, path);
	c->st = s->disk.st;
	for (size_t i = 0; i < left; i++) {
		if (done[i] || !readable(&s[i], path) || !same_inode(&s[i].disk.st, &c->st))
			continue;
		done[i] = true;
		c->member = xrealloc(c->member, c->members + 1, sizeof *c->member);
		c->member[c->members].side = s[i].side;
		memcpy(c->member[c->members++].sha256, s[i].mtree.e.sha256, HASH_HEX);
	}
	int fd = -1;
	bool again = false;
	if (c->st.st_nlink > c->members) { /* it has other names, here or where we do not look */
		again = inodes_find(inodes, &c->st) != NULL;
		c->listed = true;
		if (!again)
			inodes_add(inodes, &c->st);
	}
	if (!again) {
		fd = open_file(s);
		if (fd < 0)
			warn("%s: %s", s->name, path);
		s->side->bytes += (uintmax_t)c->st.st_size;
		v->bytes += (uintmax_t)c->st.st_size;
	}
	digest_put(v->digester, fd, c->path, c);
}

/* The path comes first of all; the streams are moved on behind it. */
static void
check_path(struct verify *v, struct inodes *inodes, struct stream *stream, size_t streams, bool *done, const char *path)
{
	struct check *c = check_new(v, inodes, path);
	for (size_t i = 0; i < streams; i++) {
		struct stream *s = &stream[i];
		bool there = s->on_disk && !strcmp(s->disk.path, path), wanted = s->on_list && !strcmp(s->mtree.e.path, path);
		done[i] = false;
		if (there && wanted)
			compare_metadata(c, s);
		else if (there && s->whole)
			differ(c, s, "extra", NULL, xasprintf("type=%s", type_of(s->disk.st.st_mode)));
		else if (wanted)
			add(c, s->side, 0, "missing", xasprintf("type=%s", type_of(s->mtree.e.mode)), NULL);
	}
	digest_put(v->digester, -1, c->path, c); /* what is found is told in the order of paths */
	for (size_t i = 0; i < streams && !v->quick; i++)
		if (!done[i] && readable(&stream[i], path))
			check_content(v, inodes, &stream[i], streams - i, done + i, path);
	for (size_t i = 0; i < streams; i++) {
		struct stream *s = &stream[i];
		if (s->on_disk && !strcmp(s->disk.path, path))
			next_on_disk(v, s);
		if (s->on_list && !strcmp(s->mtree.e.path, path))
			next_on_list(v, s);
	}
}

/* The first path of all that are at hand, NULL at the end. */
static const char *
first(const struct stream *stream, size_t streams)
{
	const char *path = NULL;
	for (size_t i = 0; i < streams; i++) {
		const struct stream *s = &stream[i];
		if (s->on_disk && (!path || strcmp(s->disk.path, path) < 0))
			path = s->disk.path;
		if (s->on_list && (!path || strcmp(s->mtree.e.path, path) < 0))
			path = s->mtree.e.path;
	}
	return path;
}

void
verify_volume(struct verify *v, struct verify_side *side, size_t sides)
{
	struct stream *stream = xcalloc(sides, sizeof *stream);
	bool *done = xcalloc(sides, sizeof *done);
	struct inodes inodes = {0};
	size_t streams = 0;
	v->next = NULL;
	for (size_t i = 0; i < sides; i++)
		streams += open_stream(v, &stream[streams], &side[i]);
	for (const char *at; !v->next && (at = first(stream, streams));) {
		char *path = xstrdup(at);
		if (v->enough && v->enough(v->arg)) {
			v->next = path;
			break;
		}
		check_path(v, &inodes, stream, streams, done, path);
		free(path);
	}
	digest_drain(v->digester);
	for (size_t i = 0; i < streams; i++)
		close_stream(&stream[i]);
	for (size_t i = 0; i < sides; i++)
		if (side[i].dir >= 0)
			close(side[i].dir);
	inodes_free(&inodes);
	free(stream);
	free(done);
}
