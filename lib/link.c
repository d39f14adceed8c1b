/* link.c - a new copy: hard-links from PREV what can stand for the source's, hands out the rest. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "linker.h"

enum { SETTLED = 30 }; /* seconds: write(2) stamps ctime when it begins and may go on */

void
device_add(struct devices *d, dev_t dev)
{
	d->dev = xrealloc(d->dev, d->count + 1, sizeof *d->dev);
	d->dev[d->count++] = dev;
}

bool
device_known(const struct devices *d, dev_t dev)
{
	for (size_t i = 0; d && i < d->count; i++)
		if (d->dev[i] == dev)
			return true;
	return false;
}

static int
enter(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	struct level *now = linker_enter(l, i);
	if (!now)
		return -1;
	const struct level *up = l->depth > 1 ? now - 1 : NULL;
	int above = up ? up->prev : l->job->prev;
	now->prev = linker_below(above, up ? i->name : ".");
	if (now->prev < 0 && above >= 0 && !is_missing(errno))
		linker_said(l, i->path); /* all below is copied */
	now->dest = up ? linker_below(up->dest, i->name) : linker_below(l->job->dest, ".");
	if (now->dest < 0)
		return linker_said(l, i->path);
	if (!up && l->job->seen && index_put(l->job->seen, "", &i->st) < 0)
		return -1;
	if ((!up || up->dev != now->dev) && !device_known(l->job->synced, now->dev) && syncfs(i->fd) < 0)
		return linker_said(l, i->path);
	return 0;
}

static int
leave(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	const struct level *now = linker_top(l);
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, i->st.st_mtim};
	bool dirty = now->dirty;
	int rc = linker_dress(l, i);
	if (rc == 0 && futimens(now->dest, times) < 0)
		rc = linker_said(l, i->path);
	linker_leave(l);
	if (!l->depth)
		l->job->root_mtime = i->st.st_mtim;
	else if (rc == 0 && dirty)
		rc = linker_emit(l, i); /* its times, once rsync has filled it */
	return rc;
}

/* 1 linked, 0 cannot be linked but could be copied, -1 said. */
static int
try_link(struct linker *l, const struct walk_item *i, int dir, const char *from)
{
	if (linkat(dir, from, linker_top(l)->dest, i->name, 0) == 0)
		return 1;
	/* Too many links, another file system, or one that knows no hard links. */
	return errno == EMLINK || errno == EXDEV || errno == EPERM || errno == EOPNOTSUPP ? 0 : linker_said(l, i->path);
}

static int
file(struct linker *l, const struct walk_item *i)
{
	struct stat prev;
	const struct inode *class = linker_class(l, &i->st);
	if (class && class->path) {
		int rc = try_link(l, i, l->job->dest, class->path);
		if (rc <= 0)
			return rc ? rc : linker_said(l, i->path);
		linker_linked(l, i, NULL, class);
		return 0;
	}
	if (class)
		return linker_emit(l, i);
	int rc = linker_unchanged(l, i, &prev);
	if (rc > 0)
		rc = try_link(l, i, linker_top(l)->prev, i->name);
	if (rc < 0)
		return -1;
	bool fresh = rc && linker_linked(l, i, &prev, NULL);
	if (i->st.st_nlink > 1)
		linker_class_add(l, &i->st, rc ? i->path : NULL, 0, fresh);
	if (rc)
		return 0;
	l->job->bytes += linker_size(i);
	return linker_emit(l, i);
}

static int
entry(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	struct link_job *j = l->job;
	if (S_ISDIR(i->st.st_mode))
		return mkdirat(linker_top(l)->dest, i->name, 0700) < 0 ? linker_said(l, i->path) : 0;
	if (!S_ISREG(i->st.st_mode) && !S_ISLNK(i->st.st_mode))
		return 0; /* sockets, FIFOs and devices are not kept */
	if (j->seen && i->st.st_ctim.tv_sec < j->t0.tv_sec - SETTLED && index_put(j->seen, i->path, &i->st) < 0)
		return -1;
	return file(l, i) < 0 ? -1 : 0;
}

int
link_tree(struct link_job *j)
{
	static const struct walk_ops ops = {.entry = entry, .enter = enter, .leave = leave};
	return linker_walk(j, &ops);
}
