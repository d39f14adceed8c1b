/* walk.c - a tree in the byte order of full paths, by openat and O_NOFOLLOW only.
 *
 * "a-b" sorts before "a/x", so the contents of a folder wait until the names that
 * sort between "a" and "a/" have had their turn: a stack, since each waiting name is
 * a prefix of the next. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

enum { TRIES = 16 }; /* for a name that is a folder now and something else a moment later */

struct walker {
	const char *label;
	const struct walk_ops *ops;
	void *arg;
	char *path;
	size_t room;
};

struct waiting {
	char *name;
	int fd;
	struct stat st;
};

static int folder(struct walker *w, int dir, const char *name, int fd, const struct stat *st, size_t len);

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

ssize_t
folder_names(int fd, char ***names)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		if (copy >= 0)
			close(copy);
		return -1;
	}
	size_t n = 0, room = 0;
	*names = NULL;
	errno = 0;
	for (struct dirent *e; (e = readdir(d)); errno = 0) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (n == room) {
			room = room ? 2 * room : 32;
			*names = xrealloc(*names, room, sizeof **names);
		}
		(*names)[n++] = xstrdup(e->d_name);
	}
	int why = errno;
	closedir(d);
	if (why) {
		names_free(*names, n);
		errno = why;
		return -1;
	}
	if (n)
		qsort(*names, n, sizeof **names, by_bytes);
	return (ssize_t)n;
}

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
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
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

static int
visit(struct walker *w, int dir, const char *name, size_t len, struct waiting *wait, size_t *waits)
{
	struct walk_item i = {.name = name, .dir = dir};
	append(w, len, name);
	i.path = w->path;
	int rc = look(dir, name, &i);
	if (rc < 0)
		complain(w);
	if (rc > 0)
		rc = w->ops->entry(w->arg, &i);
	if (rc < 0 || i.fd < 0) {
		if (i.fd >= 0)
			close(i.fd);
		return rc;
	}
	wait[(*waits)++] = (struct waiting){.name = xstrdup(name), .fd = i.fd, .st = i.st};
	return 0;
}

static int
contents(struct walker *w, int dir, size_t len, struct waiting *wait)
{
	size_t below = append(w, len, wait->name);
	int rc = folder(w, dir, wait->name, wait->fd, &wait->st, below);
	close(wait->fd);
	free(wait->name);
	return rc;
}

static int
folder(struct walker *w, int dir, const char *name, int fd, const struct stat *st, size_t len)
{
	struct walk_item self = {.name = name, .dir = dir, .fd = fd, .st = *st, .path = w->path};
	if (w->ops->enter && w->ops->enter(w->arg, &self) < 0)
		return -1;
	char **names;
	ssize_t n = folder_names(fd, &names);
	if (n < 0) {
		complain(w);
		return -1;
	}
	/* Each waiting name is longer than the one below it, and NAME_MAX is 255. */
	struct waiting *wait = n ? xcalloc(256, sizeof *wait) : NULL;
	size_t waits = 0;
	int rc = 0;
	for (ssize_t i = 0; i < n && rc == 0; i++) {
		while (rc == 0 && waits && contents_first(wait[waits - 1].name, names[i]))
			rc = contents(w, fd, len, &wait[--waits]);
		if (rc == 0)
			rc = visit(w, fd, names[i], len, wait, &waits);
	}
	while (waits)
		if (rc == 0)
			rc = contents(w, fd, len, &wait[--waits]);
		else {
			close(wait[--waits].fd);
			free(wait[waits].name);
		}
	free(wait);
	names_free(names, (size_t)n);
	w->path[len] = '\0';
	self.path = w->path;
	if (rc == 0 && w->ops->leave)
		rc = w->ops->leave(w->arg, &self);
	return rc;
}

int
walk(int root, const char *label, const struct walk_ops *ops, void *arg)
{
	struct walker w = {.label = label, .ops = ops, .arg = arg, .path = xcalloc(256, 1), .room = 256};
	struct stat st;
	int rc = fstat(root, &st);
	if (rc < 0)
		warn("%s", label);
	else
		rc = folder(&w, -1, "", root, &st, 0);
	free(w.path);
	return rc;
}
