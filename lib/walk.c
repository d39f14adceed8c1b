/* walk.c - a tree in the byte order of full paths, by openat and O_NOFOLLOW only.
 *
 * "a-b" sorts before "a/x", so the contents of a folder wait until the names that
 * sort between "a" and "a/" have had their turn: a stack, since each waiting name is
 * a prefix of the next. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

enum { TRIES = 16 }; /* for a name that is a folder now and something else a moment later */

struct waiting {
	char *name;
	int fd;
	struct stat st;
};

/* A folder being walked. Each waiting name is longer than the one below it, and NAME_MAX is 255. */
struct frame {
	struct waiting self; /* of the root: fd is the caller's */
	int dir;
	size_t len; /* of its path */
	char **names;
	size_t count, at;
	bool entered, listed, left;
	struct waiting *wait;
	size_t waits;
};

struct walker {
	const char *label, *from;
	struct frame *frame;
	size_t depth, frames;
	char *path;
	size_t room;
};

/* Puts name behind the first len bytes of the path; returns the new length. */
static size_t
append(struct walker *w, size_t len, const char *name)
{
	size_t more = strlen(name), at = len ? len + 1 : 0;
	if (at + more + 1 > w->room) {
		w->room = 2 * (at + more + 1);
		w->path = xrealloc(w->path, w->room, 1);
	}
	if (len)
		w->path[len] = '/';
	memcpy(w->path + at, name, more + 1);
	return at + more;
}

/* Stats name and opens it if it is a folder. 1 found, 0 vanished, -1 failed (errno). */
static int
look(int dir, const char *name, struct walk_item *i)
{
	for (int try = 0; try < TRIES; try++) {
		i->fd = -1;
		if (fstatat(dir, name, &i->st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -1;
		if (!S_ISDIR(i->st.st_mode))
			return 1;
		i->fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (i->fd >= 0)
			return fstat(i->fd, &i->st) < 0 ? -1 : 1;
		if (!is_missing(errno))
			return -1;
	}
	return 0;
}

/* Whether the contents of the folder `name` come before the entry `next`. */
static bool
contents_first(const char *name, const char *next)
{
	size_t n = strlen(name);
	return strncmp(name, next, n) || '/' < (unsigned char)next[n];
}

static void
complain(const struct walker *w)
{
	int why = errno;
	char *shown = tsv_show(*w->path ? w->path : ".");
	warnx("%s: %s: %s", w->label, shown, strerror(why));
	free(shown);
}

static void
push(struct walker *w, int dir, size_t len, struct waiting self)
{
	if (w->depth == w->frames) {
		w->frames = w->frames ? 2 * w->frames : 16;
		w->frame = xrealloc(w->frame, w->frames, sizeof *w->frame);
	}
	w->frame[w->depth++] = (struct frame){.self = self, .dir = dir, .len = len};
}

static void
pop(struct walker *w)
{
	struct frame *f = &w->frame[--w->depth];
	while (f->waits > 0) {
		close(f->wait[--f->waits].fd);
		free(f->wait[f->waits].name);
	}
	free(f->wait);
	folder_names_free(f->names, f->count);
	if (f->dir >= 0)
		close(f->self.fd);
	free(f->self.name);
}

struct walker *
walk_begin(int root, const char *label)
{
	struct walker *w = xcalloc(1, sizeof *w);
	struct waiting self = {.fd = root, .name = xstrdup("")};
	*w = (struct walker){.label = label, .path = xcalloc(256, 1), .room = 256};
	if (fstat(root, &self.st) == 0) {
		push(w, -1, 0, self);
		return w;
	}
	warn("%s", label);
	free(self.name);
	walk_end(w);
	return NULL;
}

void
walk_from(struct walker *w, const char *path)
{
	w->from = path;
}

void
walk_end(struct walker *w)
{
	if (!w)
		return;
	while (w->depth > 0)
		pop(w);
	free(w->frame);
	free(w->path);
	free(w);
}

/* Whether the path at hand, and all that would be below it, comes before what is asked for. */
static bool
passed_over(const struct walker *w, size_t len)
{
	if (!w->from)
		return false;
	int order = strncmp(w->path, w->from, len);
	return order < 0 || (order == 0 && w->from[len] && '/' < (unsigned char)w->from[len]);
}

/* The folder itself, as an event. */
static int
event(struct walker *w, const struct frame *f, struct walk_item *i, int kind)
{
	w->path[f->len] = '\0';
	*i = (struct walk_item){.path = w->path, .name = f->self.name, .dir = f->dir, .fd = f->self.fd, .st = f->self.st};
	return kind;
}

static int
list(struct walker *w, struct frame *f, struct walk_item *i)
{
	ssize_t n = folder_names(f->self.fd, &f->names);
	f->listed = true;
	f->count = n < 0 ? 0 : (size_t)n;
	if (n > 0)
		f->wait = xcalloc(256, sizeof *f->wait);
	if (n >= 0)
		return 0;
	int why = errno;
	event(w, f, i, 0);
	errno = why;
	complain(w);
	errno = why;
	return -1;
}

/* WALK_ENTRY, 0 if there is nothing to be seen, -1 said. */
static int
visit(struct walker *w, struct frame *f, struct walk_item *i)
{
	const char *name = f->names[f->at++];
	size_t len = append(w, f->len, name);
	if (passed_over(w, len))
		return 0;
	*i = (struct walk_item){.path = w->path, .name = name, .dir = f->self.fd};
	int rc = look(f->self.fd, name, i);
	if (rc < 0) {
		int why = errno;
		complain(w);
		if (i->fd >= 0)
			close(i->fd);
		errno = why;
		return -1;
	}
	if (rc > 0 && i->fd >= 0)
		f->wait[f->waits++] = (struct waiting){.name = xstrdup(name), .fd = i->fd, .st = i->st};
	return rc > 0 ? WALK_ENTRY : 0;
}

int
walk_next(struct walker *w, struct walk_item *i)
{
	while (w->depth > 0) {
		struct frame *f = &w->frame[w->depth - 1];
		int rc = 0;
		if (f->left) {
			pop(w);
		} else if (!f->entered) {
			f->entered = true;
			rc = event(w, f, i, WALK_ENTER);
		} else if (!f->listed) {
			rc = list(w, f, i);
		} else if (f->waits && (f->at == f->count || contents_first(f->wait[f->waits - 1].name, f->names[f->at]))) {
			struct waiting next = f->wait[--f->waits];
			push(w, f->self.fd, append(w, f->len, next.name), next);
		} else if (f->at < f->count) {
			rc = visit(w, f, i);
		} else {
			f->left = true;
			rc = event(w, f, i, WALK_LEAVE);
		}
		if (rc)
			return rc;
	}
	return WALK_DONE;
}

int
walk(int root, const char *label, const struct walk_ops *ops, void *arg)
{
	struct walk_item i;
	struct walker *w = walk_begin(root, label);
	int event = w ? walk_next(w, &i) : -1, rc = 0;
	for (; event > 0 && rc >= 0; event = rc < 0 ? -1 : walk_next(w, &i))
		switch (event) {
		case WALK_ENTRY: rc = ops->entry(arg, &i); break;
		case WALK_ENTER: rc = ops->enter ? ops->enter(arg, &i) : 0; break;
		default: rc = ops->leave ? ops->leave(arg, &i) : 0; break;
		}
	walk_end(w);
	return event;
}

int
walk_open(const struct walk_item *i)
{
	struct stat st;
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, fd = openat(i->dir, i->name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM) /* not ours */
		fd = openat(i->dir, i->name, flags);
	if (fd < 0 || (fstat(fd, &st) == 0 && same_inode(&st, &i->st)))
		return fd;
	close(fd);
	errno = EAGAIN;
	return -1;
}

char *
walk_target(const struct walk_item *i)
{
	char buf[4096]; /* the kernel's limit, with a NUL */
	ssize_t n = readlinkat(i->dir, i->name, buf, sizeof buf - 1);
	if (n < 0)
		return NULL;
	buf[n] = '\0';
	return xstrdup(buf);
}
