/* differ.c - what of a file is not as its entry in contents.mtree says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "differ.h"

static const char *
word(mode_t mode)
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

char *
differ_type(mode_t mode)
{
	return xasprintf("type=%s", word(mode));
}

static char *
mode_text(mode_t mode)
{
	return xasprintf("mode=0%03o", (unsigned)mode & 07777);
}

static char *
time_text(const struct timespec *t)
{
	return xasprintf("time=%jd.%09ld", (intmax_t)t->tv_sec, t->tv_nsec);
}

static void
compare_link(const struct mtree_entry *e, const struct walk_item *i, differ_found *found, void *arg)
{
	char *to = walk_target(i);
	if (!to)
		found(arg, "unreadable", NULL, xstrdup(strerror(errno)));
	else if (strcmp(to, e->link))
		found(arg, "link", xasprintf("link=%s", e->link), xasprintf("link=%s", to));
	free(to);
}

void
differ(const struct mtree_entry *e, const struct walk_item *i, differ_found *found, void *arg)
{
	const struct stat *st = &i->st;
	if ((e->mode & S_IFMT) != (st->st_mode & S_IFMT)) {
		found(arg, "type", differ_type(e->mode), differ_type(st->st_mode));
		return;
	}
	if (e->mode != st->st_mode)
		found(arg, "mode", mode_text(e->mode), mode_text(st->st_mode));
	if (e->uid != st->st_uid)
		found(arg, "uid", xasprintf("uid=%ju", (uintmax_t)e->uid), xasprintf("uid=%ju", (uintmax_t)st->st_uid));
	if (e->gid != st->st_gid)
		found(arg, "gid", xasprintf("gid=%ju", (uintmax_t)e->gid), xasprintf("gid=%ju", (uintmax_t)st->st_gid));
	if (S_ISREG(e->mode) && e->size != st->st_size)
		found(arg, "size", xasprintf("size=%jd", (intmax_t)e->size), xasprintf("size=%jd", (intmax_t)st->st_size));
	if (e->time.tv_sec != st->st_mtim.tv_sec || e->time.tv_nsec != st->st_mtim.tv_nsec)
		found(arg, "time", time_text(&e->time), time_text(&st->st_mtim));
	if (S_ISLNK(e->mode))
		compare_link(e, i, found, arg);
}
