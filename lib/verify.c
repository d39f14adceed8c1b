/* verify.c - compares a volume, as several generations have it, with what its contents.mtree say.
 *
 * All generations are walked at once, path by path, each together with its contents.mtree.
 * So the names of an inode that generations share come together, and it is read once;
 * and the work can end before any path and be taken up there another time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beside.h"
#include "differ.h"
#include "verify.h"

struct stream { /* of one side */
	struct verify *v;
	struct verify_side *side;
	struct beside at;
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
	int why;        /* it could not be opened (errno) */
};

/* Too few descriptors, or too little memory, are no damage. */
static const char *
reason(int why)
{
	if (why == EMFILE || why == ENFILE || why == ENOMEM) {
		errno = why;
		err(BD_FATAL, "verification");
	}
	return strerror(why);
}

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
	char *found = *hex ? xasprintf("sha256=%s", hex) : xstrdup(reason(d->why ? d->why : c->why ? c->why : EIO));
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
find(struct verify *v, struct verify_side *side, const char *path, const char *what, int why)
{
	struct check *c = check_new(v, NULL, path);
	add(c, side, 0, what, NULL, why ? xstrdup(reason(why)) : NULL);
	digest_put(v->digester, -1, c->path, c);
}

/* Of beside: something else than a file is wrong. */
static void
wrong(void *arg, const char *path, const char *what, int why)
{
	struct stream *s = arg;
	s->side->partly = true;
	find(s->v, s->side, path, what, why);
}

/* False: there is nothing to be compared; it was said. */
static bool
open_stream(struct verify *v, struct stream *s, struct verify_side *side)
{
	*s = (struct stream){.v = v, .side = side, .at = {.path = v->path, .from = v->from, .wrong = wrong, .arg = s}};
	side->status = VERIFY_OK;
	side->files = side->bytes = 0;
	side->partly = true;
	if (side->dir < 0 && !is_missing(side->why))
		find(v, side, ".", "unreadable", side->why);
	else if (side->dir < 0) {
		side->partly = false;
		find(v, side, ".", "missing", 0);
	} else if (beside_open(&s->at, side->dir, v->volume, side->generation) == 0) {
		side->partly = false;
		return true;
	} else if (errno == ENOENT) {
		side->status = VERIFY_UNVOUCHED;
		find(v, side, ".", "unvouched", 0);
	} else
		find(v, side, MTREE_NAME, "unreadable", errno);
	return false;
}

static bool
readable(const struct stream *s, const char *path)
{
	return beside_there(&s->at, path) && beside_listed(&s->at, path) && S_ISREG(s->at.disk.st.st_mode) &&
	    S_ISREG(s->at.mtree.e.mode);
}

/* The inode of s, and of those behind it that share it: one reading for all. done: which streams that is. */
static void
check_content(struct verify *v, struct inodes *inodes, struct stream *s, size_t left, bool *done, const char *path)
{
	struct check *c = check_new(v, inodes, path);
	c->st = s->at.disk.st;
	for (size_t i = 0; i < left; i++) {
		if (done[i] || !readable(&s[i], path) || !same_inode(&s[i].at.disk.st, &c->st))
			continue;
		done[i] = true;
		c->member = xrealloc(c->member, c->members + 1, sizeof *c->member);
		c->member[c->members].side = s[i].side;
		memcpy(c->member[c->members++].sha256, s[i].at.mtree.e.sha256, HASH_HEX);
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
		fd = walk_open(&s->at.disk);
		if (fd < 0) {
			c->why = errno;
			warn("%s: %s", s->at.name, path);
		} else /* from the disk, not from what the system remembers of it */
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		s->side->bytes += (uintmax_t)c->st.st_size;
		v->bytes += (uintmax_t)c->st.st_size;
	}
	digest_put(v->digester, fd, c->path, c);
}

struct difference { /* for differ */
	struct check *c;
	const struct stream *s;
};

static void
differs(void *arg, const char *what, char *expected, char *found)
{
	const struct difference *d = arg;
	const struct stat *st = &d->s->at.disk.st;
	add(d->c, d->s->side, S_ISDIR(st->st_mode) ? 0 : st->st_ino, what, expected, found);
}

/* The path comes first of all; the streams are moved on behind it. */
static void
check_path(struct verify *v, struct inodes *inodes, struct stream *stream, size_t streams, bool *done, const char *path)
{
	struct check *c = check_new(v, inodes, path);
	for (size_t i = 0; i < streams; i++) {
		const struct stream *s = &stream[i];
		struct difference d = {c, s};
		bool there = beside_there(&s->at, path), wanted = beside_listed(&s->at, path);
		done[i] = false;
		if (there && wanted)
			differ(&s->at.mtree.e, &s->at.disk, differs, &d);
		else if (there && s->at.whole)
			differs(&d, "extra", NULL, differ_type(s->at.disk.st.st_mode));
		else if (wanted)
			add(c, s->side, 0, "missing", differ_type(s->at.mtree.e.mode), NULL);
	}
	digest_put(v->digester, -1, c->path, c); /* what is found is told in the order of paths */
	for (size_t i = 0; i < streams && !v->quick; i++)
		if (!done[i] && readable(&stream[i], path))
			check_content(v, inodes, &stream[i], streams - i, done + i, path);
	for (size_t i = 0; i < streams; i++)
		beside_pass(&stream[i].at, path);
}

/* The first path of all that are at hand, NULL at the end. */
static const char *
first(const struct stream *stream, size_t streams)
{
	const char *path = NULL;
	for (size_t i = 0; i < streams; i++) {
		const char *at = beside_first(&stream[i].at);
		if (at && (!path || strcmp(at, path) < 0))
			path = at;
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
		beside_close(&stream[i].at);
	for (size_t i = 0; i < sides; i++)
		if (side[i].dir >= 0)
			close(side[i].dir);
	inodes_free(&inodes);
	free(stream);
	free(done);
}
