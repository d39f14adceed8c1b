/* bad.c - what verification found wrong with a volume in its generations. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bad.h"

enum { COLUMNS = 5 };

static int
by_path(const void *a, const void *b)
{
	const struct bad_thing *x = a, *y = b;
	int order = strcmp(x->path, y->path);
	order = order ? order : strcmp(x->generation, y->generation);
	order = order ? order : strcmp(x->file.ino, y->file.ino);
	order = order ? order : strcmp(x->file.birth, y->file.birth);
	return order ? order : strcmp(x->what, y->what);
}

static bool
together(const struct bad_thing *a, const struct bad_thing *b)
{
	return !strcmp(a->path, b->path) && !strcmp(a->generation, b->generation) && !strcmp(a->file.ino, b->file.ino) &&
	       !strcmp(a->file.birth, b->file.birth);
}

static int
by_inode(const void *a, const void *b)
{
	const struct bad_thing *x = a, *y = b;
	return strcmp(x->file.ino, y->file.ino);
}

static void
sort(struct bad *b, int (*by)(const void *a, const void *b))
{
	if (b->count)
		qsort(b->thing, b->count, sizeof *b->thing, by);
}

void
bad_add(struct bad *b, const char *path, const char *generation, const char *what, const struct bad_file *file)
{
	b->thing = xrealloc(b->thing, b->count + 1, sizeof *b->thing);
	b->thing[b->count++] = (struct bad_thing){xstrdup(path), xstrdup(generation), xstrdup(what), *file};
}

static int
load(struct bad *b, struct tsv *t)
{
	int rc;
	while ((rc = tsv_read(t, COLUMNS)) > 0) {
		struct bad_file file = {0};
		if (!t->field[0] || (strcmp(t->field[0], ".") && strncmp(t->field[0], "./", 2)) || !t->field[3] || !t->field[4])
			return tsv_bad(t, "not what is wrong, and where");
		snprintf(file.ino, sizeof file.ino, "%s", t->field[1] ? t->field[1] : "");
		snprintf(file.birth, sizeof file.birth, "%s", t->field[2] ? t->field[2] : "");
		bad_add(b, t->field[0], t->field[3], t->field[4], &file);
	}
	sort(b, by_inode);
	return rc;
}

void
bad_open(struct bad *b, int dir, const char *volume)
{
	*b = (struct bad){0};
	int fd = openat(dir, volume, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	struct tsv t;
	if (in)
		tsv_begin(&t, in, volume);
	else
		warn("%s", volume);
	if (!in || load(b, &t) < 0) {
		warnx("WARNING: which files of %s are damaged cannot be told: all may be; 'baudolo-verify --volume %s' finds out", volume, volume);
		b->all = true;
	}
	if (in) {
		tsv_end(&t);
		fclose(in);
	} else if (fd >= 0)
		close(fd);
}

static void
drop(struct bad_thing *t)
{
	free(t->path);
	free(t->generation);
	free(t->what);
}

void
bad_drop(struct bad *b, bool (*gone)(void *arg, struct bad_thing *t), void *arg)
{
	size_t n = 0;
	for (size_t i = 0; i < b->count; i++)
		if (gone(arg, &b->thing[i]))
			drop(&b->thing[i]);
		else
			b->thing[n++] = b->thing[i];
	b->count = n;
}

void
bad_close(struct bad *b)
{
	for (size_t i = 0; i < b->count; i++)
		drop(&b->thing[i]);
	free(b->thing);
	*b = (struct bad){0};
}

int
bad_save(struct bad *b, int dir, const char *volume)
{
	struct save file;
	int rc = 0;
	if (!b->count)
		return (unlinkat(dir, volume, 0) < 0 && errno != ENOENT) || fsync(dir) < 0 ? (warn("%s", volume), -1) : 0;
	if (save_begin(&file, dir, volume, 0600, true) < 0)
		return -1;
	sort(b, by_path);
	for (size_t i = 0; i < b->count && rc == 0; i++) {
		const struct bad_thing *t = &b->thing[i];
		if (i && together(t - 1, t)) /* one thing is enough to be known of it */
			continue;
		rc = TSV_WRITE(file.out, t->path, *t->file.ino ? t->file.ino : NULL, *t->file.birth ? t->file.birth : NULL,
		    t->generation, t->what);
	}
	if (rc == 0)
		return save_commit(&file);
	save_abort(&file);
	return -1;
}

struct bad_file
bad_file_of(int dir, const char *path)
{
	struct bad_file f = {0};
	struct statx s;
	if (statx(dir, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &s) < 0)
		return f;
	snprintf(f.ino, sizeof f.ino, "%llu", (unsigned long long)s.stx_ino);
	if (s.stx_mask & STATX_BTIME)
		snprintf(f.birth, sizeof f.birth, "%lld.%09u", (long long)s.stx_btime.tv_sec, s.stx_btime.tv_nsec);
	return f;
}

/* Whether the path leads to that file. What cannot be looked at may be it. */
static bool
names(int dir, const char *path, const struct bad_file *bad)
{
	if (!*bad->ino)
		return false;
	struct bad_file f = bad_file_of(dir, path);
	if (!*f.ino && !is_missing(errno)) {
		warn("%s", path);
		return true;
	}
	return !strcmp(bad->ino, f.ino) && !strcmp(bad->birth, f.birth);
}

bool
bad_has(const struct bad *b, ino_t ino, int dir, const char *name)
{
	struct tsv_num number = tsv_num(ino);
	size_t low = 0, high = b->count;
	bool found = b->all;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(b->thing[middle].file.ino, number.text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; !found && low < b->count && !strcmp(b->thing[low].file.ino, number.text); low++)
		found = names(dir, name, &b->thing[low].file);
	return found;
}

bool
bad_there(const struct bad_thing *t, int volume)
{
	return names(volume, t->path, &t->file);
}

unsigned
bad_parts(const struct bad *b, const char *generation, int volume)
{
	unsigned parts = b->all ? BAD_FILES | BAD_DUMPS : 0;
	for (size_t i = 0; i < b->count; i++) {
		const struct bad_thing *t = &b->thing[i];
		if (!strcmp(t->generation, generation) || bad_there(t, volume))
			parts |= !strncmp(t->path, "./sql", 5) ? BAD_DUMPS : !strncmp(t->path, "./files", 7) ? BAD_FILES : BAD_FILES | BAD_DUMPS;
	}
	return parts;
}
