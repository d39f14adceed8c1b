/* stay.c - a copy brought up to date where it lies: what can stand for the source's stays;
 * what cannot, and what is gone, is put aside by a rename, and what is to be copied is handed out.
 *
 * No inode is written to but those of folders, since an older generation may name it, too. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "linker.h"

static int
enter(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	struct level *now = linker_enter(l, i);
	if (!now)
		return -1;
	now->dest = l->depth > 1 ? linker_below(now[-1].dest, i->name) : linker_below(l->job->dest, ".");
	now->prev = now->dest;
	ssize_t n = now->dest < 0 ? -1 : folder_names(now->dest, &now->names);
	if (n < 0)
		return linker_said(l, i->path);
	now->count = (size_t)n;
	return 0;
}

static int
put_aside(struct linker *l, const char *name, const char *path)
{
	struct link_job *j = l->job;
	struct level *now = linker_top(l);
	now->dirty = true;
	return renameat(now->dest, name, j->aside, tsv_num(j->gone++).text) < 0 ? linker_said(l, path) : 0;
}

/* What stands in DEST's folder before name (NULL: at all) is gone. 1: name stands there, too, 0: it does not, -1 said. */
static int
pass_by(struct linker *l, const char *name, const char *path)
{
	struct level *now = linker_top(l);
	int order = -1;
	while (now->at < now->count && (!name || (order = strcmp(now->names[now->at], name)) < 0))
		if (put_aside(l, now->names[now->at++], path) < 0)
			return -1;
	return now->at < now->count && order == 0;
}

/* Whether the copy of the folder has its mode, owner, time and attributes. */
static bool
same_folder(const struct walk_item *i, int dest)
{
	struct stat st;
	return fstat(dest, &st) == 0 && st.st_mode == i->st.st_mode && st.st_uid == i->st.st_uid && st.st_gid == i->st.st_gid &&
	       st.st_mtim.tv_sec == i->st.st_mtim.tv_sec && st.st_mtim.tv_nsec == i->st.st_mtim.tv_nsec &&
	       same_xattrs(i->fd, dest, ".");
}

static int
leave(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	const struct level *now = linker_top(l);
	int rc = pass_by(l, NULL, i->path);
	bool same = rc == 0 && !now->dirty && same_folder(i, now->dest);
	if (rc == 0 && !same && l->depth == 1) { /* listed for rsync, it would bring all that lies in it */
		rc = linker_dress(l, i);
		same = true;
	}
	linker_leave(l);
	if (!l->depth)
		l->job->root_mtime = i->st.st_mtim;
	return rc == 0 && !same ? linker_emit(l, i) : rc;
}

static int
folder(struct linker *l, const struct walk_item *i, bool there)
{
	struct level *now = linker_top(l);
	struct stat st;
	if (there && fstatat(now->dest, i->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return linker_said(l, i->path);
	if (there && S_ISDIR(st.st_mode))
		return 0;
	if (there && put_aside(l, i->name, i->path) < 0)
		return -1;
	now->dirty = true;
	return mkdirat(now->dest, i->name, 0700) < 0 ? linker_said(l, i->path) : 0;
}

/* A name takes the place of DEST's: what the index says of it is no longer true. */
static int
make_room(struct linker *l, const struct walk_item *i, bool there)
{
	if (l->job->known && index_forget(l->job->known, i->path) < 0)
		return linker_said(l, i->path);
	linker_top(l)->dirty = true;
	return there ? put_aside(l, i->name, i->path) : 0;
}

/* One more name of an inode whose copy stays. */
static int
join(struct linker *l, const struct walk_item *i, const struct inode *class, bool there)
{
	struct level *now = linker_top(l);
	struct stat st;
	linker_linked(l, i, NULL, class);
	if (there && fstatat(now->dest, i->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return linker_said(l, i->path);
	if (there && st.st_ino == class->copy)
		return 0;
	if (make_room(l, i, there) < 0)
		return -1;
	return linkat(l->job->dest, class->path, now->dest, i->name, 0) < 0 ? linker_said(l, i->path) : 0;
}

static int
file(struct linker *l, const struct walk_item *i, bool there)
{
	struct stat copy = {0};
	const struct inode *class = linker_class(l, &i->st);
	if (class && class->path)
		return join(l, i, class, there);
	int rc = class ? 0 : linker_unchanged(l, i, &copy);
	if (rc < 0)
		return -1;
	bool fresh = rc && linker_linked(l, i, &copy, NULL);
	if (!class && i->st.st_nlink > 1)
		linker_class_add(l, &i->st, rc ? i->path : NULL, copy.st_ino, fresh);
	if (rc)
		return 0;
	if (!class)
		l->job->bytes += linker_size(i);
	return make_room(l, i, there) < 0 ? -1 : linker_emit(l, i);
}

static int
entry(void *arg, const struct walk_item *i)
{
	struct linker *l = arg;
	int there = pass_by(l, i->name, i->path);
	if (there < 0)
		return -1;
	if (!S_ISDIR(i->st.st_mode) && !S_ISREG(i->st.st_mode) && !S_ISLNK(i->st.st_mode))
		return 0; /* not kept: what has its name in the copy is gone */
	if (there)
		linker_top(l)->at++;
	return S_ISDIR(i->st.st_mode) ? folder(l, i, there) : file(l, i, there);
}

int
stay_tree(struct link_job *j)
{
	static const struct walk_ops ops = {.entry = entry, .enter = enter, .leave = leave};
	return linker_walk(j, &ops);
}
