/* beside.c - a volume walked beside its contents.mtree. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beside.h"

/* Before, in and behind what is asked for: -1, 0, 1. Some of what is "before" may come between. */
static int
place(const struct beside *b, const char *path)
{
	if (b->path) {
		size_t len = strlen(b->path);
		int order = strncmp(path, b->path, len);
		if (order > 0 || (order == 0 && (unsigned char)path[len] > '/'))
			return 1;
		if (order < 0 || (path[len] && path[len] != '/'))
			return -1;
	}
	return b->from && strcmp(path, b->from) < 0 ? -1 : 0;
}

static void
next_on_disk(struct beside *b)
{
	int event;
	b->on_disk = false;
	while ((event = walk_next(b->walker, &b->disk)) != WALK_DONE) {
		if (event < 0)
			b->wrong(b->arg, *b->disk.path ? b->disk.path : ".", "unreadable", errno);
		if (event != WALK_ENTRY || !strcmp(b->disk.path, MTREE_NAME))
			continue;
		int where = place(b, b->disk.path);
		b->on_disk = where == 0;
		if (where >= 0)
			return;
	}
}

static void
next_on_list(struct beside *b)
{
	int rc;
	b->on_list = false;
	while ((rc = mtree_read(&b->mtree)) > 0) {
		int where = place(b, b->mtree.e.path);
		b->on_list = where == 0;
		if (where >= 0)
			return;
	}
	if (rc < 0) {
		b->whole = false;
		b->wrong(b->arg, MTREE_NAME, errno == EBADMSG ? "malformed" : "unreadable", errno == EBADMSG ? 0 : errno);
	}
}

int
beside_open(struct beside *b, int dir, const char *volume, const char *generation)
{
	b->name = xasprintf("%s/%s/" MTREE_NAME, generation, volume);
	b->whole = true;
	bool listed = mtree_at(&b->mtree, dir, MTREE_NAME, b->name) == 0;
	b->walker = listed ? walk_begin(dir, volume) : NULL;
	if (!b->walker) {
		int why = errno;
		if (listed)
			fclose(b->mtree.in);
		free(b->name);
		errno = why;
		return -1;
	}
	walk_from(b->walker, b->from && (!b->path || strcmp(b->from, b->path) > 0) ? b->from : b->path);
	next_on_disk(b);
	next_on_list(b);
	return 0;
}

void
beside_close(struct beside *b)
{
	walk_end(b->walker);
	fclose(b->mtree.in);
	mtree_close(&b->mtree);
	free(b->name);
}

const char *
beside_first(const struct beside *b)
{
	if (!b->on_disk || !b->on_list)
		return b->on_disk ? b->disk.path : b->on_list ? b->mtree.e.path : NULL;
	return strcmp(b->disk.path, b->mtree.e.path) < 0 ? b->disk.path : b->mtree.e.path;
}

bool
beside_there(const struct beside *b, const char *path)
{
	return b->on_disk && !strcmp(b->disk.path, path);
}

bool
beside_listed(const struct beside *b, const char *path)
{
	return b->on_list && !strcmp(b->mtree.e.path, path);
}

void
beside_pass(struct beside *b, const char *path)
{
	if (beside_there(b, path))
		next_on_disk(b);
	if (beside_listed(b, path))
		next_on_list(b);
}
