/* index.c - what the last copy saw of its source.
 *
 * First record: `baudolo-index 1 BOOT-ID COPY`, COPY being device, inode and birth
 * time of the folder that holds the copy. Then the source's root, as `/`, and one record
 * a file, in walking order: `/path device inode ctime`. Last: `- - - COUNT`; without it the file is not whole.
 * It is not fsynced: after a power cut the boot id differs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tree.h"

enum { COLUMNS = 4 };

static const char *
boot_id(void)
{
	static char id[64];
	FILE *f = *id ? NULL : fopen("/proc/sys/kernel/random/boot_id", "re");
	if (f) {
		if (!fgets(id, sizeof id, f))
			*id = '\0';
		id[strcspn(id, "\n")] = '\0';
		fclose(f);
	}
	return *id ? id : "unknown";
}

/* What the index says of the folder it was made for; an inode number alone comes back. */
static char *
identity(int copy)
{
	struct statx s;
	if (statx(copy, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &s) < 0)
		return NULL;
	if (!(s.stx_mask & STATX_BTIME)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	return xasprintf("%x.%x:%llx:%lld.%09u", s.stx_dev_major, s.stx_dev_minor, (unsigned long long)s.stx_ino,
	    (long long)s.stx_btime.tv_sec, s.stx_btime.tv_nsec);
}

/* The fields of a file's record. */
struct seen {
	char dev[24], ino[24], ctime[48], dev_ino[48];
};

static dev_t snapshot, subject;

void
index_snapshot(dev_t of_snapshot, dev_t of_subject)
{
	snapshot = of_snapshot;
	subject = of_subject;
}

static dev_t
device(const struct stat *st)
{
	return snapshot && st->st_dev == snapshot ? subject : st->st_dev;
}

static struct seen
seen(const struct stat *st)
{
	struct seen s;
	snprintf(s.dev, sizeof s.dev, "%jx", (uintmax_t)device(st));
	snprintf(s.ino, sizeof s.ino, "%ju", (uintmax_t)st->st_ino);
	snprintf(s.ctime, sizeof s.ctime, "%jd.%09ld", (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
	snprintf(s.dev_ino, sizeof s.dev_ino, "%s %s", s.dev, s.ino);
	return s;
}

static bool
is_whole(int fd, const char *name)
{
	char tail[64];
	struct stat st = {0};
	ssize_t got = fstat(fd, &st);
	if (got == 0 && st.st_size >= (off_t)sizeof tail)
		got = pread(fd, tail, sizeof tail, st.st_size - (off_t)sizeof tail);
	if (got < 0)
		warn("index %s", name);
	if (got != (ssize_t)sizeof tail || tail[sizeof tail - 1] != '\n')
		return false;
	tail[sizeof tail - 1] = '\0';
	char *last = strrchr(tail, '\n');
	return last && !strncmp(last + 1, "-\t-\t-\t", 6);
}

static bool
is_for(struct index_in *x, int copy, bool across_boots)
{
	char *id = identity(copy);
	bool ok = id && tsv_read(&x->t, COLUMNS) == 1 && x->t.field[0] && x->t.field[1] && x->t.field[2] &&
	    x->t.field[3] && !strcmp(x->t.field[0], "baudolo-index") && !strcmp(x->t.field[1], "1") &&
	    (across_boots || !strcmp(x->t.field[2], boot_id())) && !strcmp(x->t.field[3], id);
	free(id);
	return ok;
}

static void
next(struct index_in *x)
{
	x->path = NULL;
	if (tsv_read(&x->t, COLUMNS) == 1 && x->t.field[0] && x->t.field[1] && x->t.field[2] && x->t.field[3])
		x->path = x->t.field[0];
}

bool
index_same_root(const struct index_in *x, const struct stat *st)
{
	struct seen s = seen(st);
	return !strcmp(x->root, s.dev_ino);
}

bool
index_open(struct index_in *x, int dir, const char *name, int copy, bool across_boots)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f) {
		if (errno != ENOENT)
			warn("index %s", name);
		if (fd >= 0)
			close(fd);
		return false;
	}
	tsv_begin(&x->t, f, name);
	x->path = NULL;
	if (is_whole(fd, name) && is_for(x, copy, across_boots)) {
		next(x);
		if (x->path && !strcmp(x->path, "/")) {
			snprintf(x->root, sizeof x->root, "%s %s", x->t.field[1], x->t.field[2]);
			next(x);
			return true;
		}
	}
	index_close(x);
	return false;
}

void
index_close(struct index_in *x)
{
	if (fclose(x->t.in) != 0) /* index_forget may have written */
		warn("index %s", x->t.name);
	tsv_end(&x->t);
}

static bool
go_to(struct index_in *x, const char *path)
{
	int order = -1;
	while (x->path && (order = strcmp(x->path + 1, path)) < 0)
		next(x);
	return x->path && order == 0;
}

bool
index_find(struct index_in *x, const char *path, const struct stat *st)
{
	if (!go_to(x, path))
		return false;
	struct seen s = seen(st);
	return !strcmp(x->t.field[1], s.dev) && !strcmp(x->t.field[2], s.ino) && !strcmp(x->t.field[3], s.ctime);
}

int
index_forget(struct index_in *x, const char *path)
{
	if (!go_to(x, path))
		return 0;
	/* The record ends in ctime and LF, and no ctime looks like that. */
	off_t end = ftello(x->t.in);
	size_t len = strlen(x->t.field[3]);
	return end < 0 || pwrite(fileno(x->t.in), "x", 1, end - 1 - (off_t)len) != 1 ? -1 : 0;
}

int
index_begin(struct index_out *x, int dir, const char *name, int copy)
{
	*x = (struct index_out){0};
	char *id = identity(copy);
	if (!id) {
		warn("%s", name);
		return -1;
	}
	int rc = save_begin(&x->file, dir, name, 0600, false);
	if (rc == 0)
		rc = TSV_WRITE(x->file.out, "baudolo-index", "1", boot_id(), id);
	free(id);
	return rc;
}

int
index_put(struct index_out *x, const char *path, const struct stat *st)
{
	struct seen s = seen(st);
	char *rooted = xasprintf("/%s", path); /* a file may be called "-" */
	int rc = TSV_WRITE(x->file.out, rooted, s.dev, s.ino, s.ctime);
	free(rooted);
	x->count++;
	return rc;
}

int
index_commit(struct index_out *x)
{
	if (TSV_WRITE(x->file.out, NULL, NULL, NULL, tsv_num(x->count).text) < 0) {
		save_abort(&x->file);
		return -1;
	}
	return save_commit(&x->file);
}

void
index_abort(struct index_out *x)
{
	save_abort(&x->file);
}
