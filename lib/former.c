/* former.c - a volume in the generation that it was linked from: the digests that its contents.mtree has.
 *
 * The walk and the contents.mtree are merged in lock-step, both being in the byte order of full paths.
 * What cannot be read of the generation before is not known, so that it is read afresh. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "former.h"

static void
doubt(const struct former *f, const char *path)
{
	int why = errno;
	if (is_missing(why))
		return;
	char *shown = tsv_show(path);
	warnx("%s: of the generation before: %s: %s", f->volume, shown, strerror(why));
	free(shown);
}

/* The volume in the generation at the path below repo, if that has files and is not the one being built, which may lie
 * in the repository; else -1. */
static int
open_volume(const struct former *f, int repo, const char *path, int self)
{
	int dir = folder_at(repo, path), files = dir < 0 ? -1 : folder_at(dir, "files");
	if (files < 0)
		doubt(f, path);
	else
		close(files);
	struct stat there, ours;
	if (files >= 0 && fstat(dir, &there) == 0 && fstat(self, &ours) == 0 && !same_inode(&there, &ours))
		return dir;
	if (dir >= 0)
		close(dir);
	return -1;
}

void
former_open(struct former *f, const char *volume, int self, int repo, char *const *generations)
{
	*f = (struct former){.volume = volume, .dir = -1};
	for (char *const *g = generations; g && *g && f->dir < 0; g++) {
		char *path = xasprintf("%s/%s", *g, volume);
		f->dir = open_volume(f, repo, path, self);
		free(path);
	}
	if (f->dir < 0)
		return;
	f->name = xasprintf("%s/" MTREE_NAME " of before", volume);
	if (mtree_at(&f->mtree, f->dir, MTREE_NAME, f->name) == 0)
		return;
	doubt(f, MTREE_NAME);
	free(f->name);
	close(f->dir);
	f->dir = -1;
}

void
former_close(struct former *f)
{
	if (f->dir < 0)
		return;
	while (f->depth > 0)
		former_leave(f);
	free(f->level);
	fclose(f->mtree.in);
	mtree_close(&f->mtree);
	free(f->name);
	close(f->dir);
	*f = (struct former){.dir = -1};
}

void
former_enter(struct former *f, const struct walk_item *i)
{
	if (f->dir < 0)
		return;
	if (f->depth == f->room) {
		f->room = f->room ? 2 * f->room : 32;
		f->level = xrealloc(f->level, f->room, sizeof *f->level);
	}
	int up = f->depth ? f->level[f->depth - 1] : f->dir, fd = up < 0 ? -1 : folder_at(up, *i->name ? i->name : ".");
	if (up >= 0 && fd < 0)
		doubt(f, i->path);
	f->level[f->depth++] = fd;
}

void
former_leave(struct former *f)
{
	if (f->dir >= 0 && f->level[--f->depth] >= 0)
		close(f->level[f->depth]);
}

/* Were its size or times others than recorded, somebody has written to it since, and the digest is not of what is here. */
const char *
former_digest(struct former *f, const struct walk_item *i)
{
	struct stat st;
	int dir = f->depth ? f->level[f->depth - 1] : -1;
	const struct mtree_entry *e = i->st.st_nlink < 2 || dir < 0 ? NULL : mtree_find(&f->mtree, i->path);
	if (!e)
		return NULL;
	if (fstatat(dir, i->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		doubt(f, i->path);
		return NULL;
	}
	return mtree_is(e, &i->st) && same_inode(&st, &i->st) ? e->sha256 : NULL;
}

int
former_is(struct former *f, int mtree)
{
	struct stat a, b;
	int old = f->dir < 0 ? -1 : fileno(f->mtree.in);
	if (old < 0)
		return 0;
	if (fstat(old, &a) < 0 || fstat(mtree, &b) < 0 || lseek(old, 0, SEEK_SET) < 0)
		return -1;
	return a.st_size == b.st_size ? same_bytes(old, mtree, f->volume) : 0;
}
