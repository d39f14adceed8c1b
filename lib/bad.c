/* bad.c - files of former copies that were found damaged, and must not be linked from.
 *
 * Records `./path inode`. The inode says which of the copies of a path is meant, in however
 * many generations it has that name; where it is a new file's by now, that is copied once
 * more than needed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

struct known { /* in a tsearch(3) tree */
	const char *path;
	uintmax_t ino;
};

static int
by_path(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = strcmp(x->path, y->path);
	return order ? order : x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int
load(struct bad *b, struct tsv *t)
{
	int rc;
	while ((rc = tsv_read(t, 2)) > 0) {
		char *end = NULL;
		uintmax_t ino = t->field[1] ? strtoumax(t->field[1], &end, 10) : 0;
		if (!t->field[0] || strncmp(t->field[0], "./", 2) || !ino || *end)
			return tsv_bad(t, "not a path and an inode");
		struct known *e = xcalloc(1, sizeof *e);
		*e = (struct known){.path = xstrdup(t->field[0] + 2), .ino = ino};
		if (!tsearch(e, &b->tree, by_path))
			err(BD_FATAL, "memory");
	}
	return rc;
}

void
bad_open(struct bad *b, int dir, const char *name)
{
	*b = (struct bad){0};
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	struct tsv t;
	if (in)
		tsv_begin(&t, in, name);
	else
		warn("%s", name);
	if (!in || load(b, &t) < 0) {
		warnx("WARNING: which files of %s are damaged cannot be told: nothing is linked from a former copy", name);
		b->all = true;
	}
	if (in) {
		tsv_end(&t);
		fclose(in);
	} else if (fd >= 0)
		close(fd);
}

bool
bad_has(const struct bad *b, const char *path, ino_t ino)
{
	struct known key = {.path = path, .ino = ino};
	return b->all || (b->tree && tfind(&key, &b->tree, by_path));
}

static void
known_free(void *p)
{
	struct known *e = p;
	union {
		const char *in;
		char *out;
	} path = {.in = e->path};
	free(path.out);
	free(e);
}

void
bad_close(struct bad *b)
{
	tdestroy(b->tree, known_free);
	*b = (struct bad){0};
}
