/* bd-digest - writes contents.mtree for each volume of the generation being built.
 *
 * An inode that the generation before names by the same path, and that is as its
 * contents.mtree says, takes its digest from there: what did not change is not read. The
 * two are merged in lock-step, both being in the byte order of full paths. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "mtree.h"
#include "tree.h"

static const char tmp_name[] = "." MTREE_NAME ".tmp"; /* that of save_begin */

static struct digester *digester;
static struct volume *volume; /* the one at work */

/* What a former generation has at the folder being walked, one a level. */
struct levels {
	int *fd;
	size_t depth, room;
};

struct volume {
	const char *name;
	int dir;
	struct mtree_out out;
	struct inodes inodes; /* those with several names that were read */
	int before;           /* the volume in the generation before, -1 without a contents.mtree to take digests from */
	struct mtree_in mtree;
	bool entry;           /* mtree.e is one that was not passed yet */
	struct levels levels;
	uintmax_t entries, read, bytes;
	char why[200];        /* it failed: the first reason */
};

struct item { /* what is known of an entry until its digest is */
	struct mtree_entry e;
	struct stat st;
};

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-digest [-j JOBS] [-V] REPOSITORY GENERATION\n");
	exit(BD_USAGE);
}

/* Says why the volume has failed; returns -1. */
static int
fail(struct volume *v, const char *path, int why)
{
	char *shown = tsv_show(*path ? path : ".");
	if (!*v->why)
		snprintf(v->why, sizeof v->why, "%s: %s", strerror(why), shown); /* the path may be cut off */
	warnx("%s: %s: %s", v->name, shown, strerror(why));
	free(shown);
	return -1;
}

/* Of the digester: entries in their order. */
static void
put(void *arg, const struct digest *d)
{
	struct volume *v = volume;
	struct item *i = d->item;
	(void)arg;
	if (S_ISREG(i->st.st_mode) && !*i->e.sha256) {
		struct inode_digest *n = i->st.st_nlink > 1 ? inodes_find(&v->inodes, &i->st) : NULL;
		if (n && *d->hex)
			memcpy(n->hex, d->hex, HASH_HEX);
		const char *hex = n ? n->hex : d->hex;
		if (!*hex)
			fail(v, i->e.path, d->why ? d->why : EIO);
		memcpy(i->e.sha256, hex, HASH_HEX);
	}
	if (!*v->why)
		mtree_put(&v->out, &i->e);
	free(i->e.path);
	free(i->e.link);
	free(i);
}

/* Moves the former contents.mtree to the path; whether it is there. */
static bool
former(struct volume *v, const char *path)
{
	while (v->entry) {
		int order = strcmp(v->mtree.e.path, path);
		if (order >= 0)
			return order == 0;
		v->entry = mtree_read(&v->mtree) > 0;
	}
	return false;
}

/* Something of the generation before cannot be read: what depends on it is read afresh. */
static void
doubt(const struct volume *v, const char *path)
{
	int why = errno;
	if (why == ENOENT || why == ENOTDIR || why == ELOOP) /* not there, or another thing than now */
		return;
	char *shown = tsv_show(path);
	warnx("%s: of the generation before: %s: %s", v->name, shown, strerror(why));
	free(shown);
}

/* Whether the former contents.mtree has the digest of this very inode, as it is now. Were its size or
 * times others than recorded, somebody has written to it since, and the digest is not of what is here. */
static bool
taken_over(struct volume *v, const struct walk_item *i)
{
	struct stat st;
	int dir = v->levels.depth ? v->levels.fd[v->levels.depth - 1] : -1;
	if (i->st.st_nlink < 2 || dir < 0 || !former(v, i->path))
		return false;
	if (fstatat(dir, i->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		doubt(v, i->path);
		return false;
	}
	const struct mtree_entry *e = &v->mtree.e;
	return e->mode == i->st.st_mode && e->uid == i->st.st_uid && e->gid == i->st.st_gid && e->size == i->st.st_size &&
	    e->time.tv_sec == i->st.st_mtim.tv_sec && e->time.tv_nsec == i->st.st_mtim.tv_nsec &&
	    st.st_ino == i->st.st_ino && st.st_dev == i->st.st_dev;
}

/* A descriptor of the file to be read, -1 said. */
static int
open_file(struct volume *v, const struct walk_item *i)
{
	struct stat st;
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, fd = openat(i->dir, i->name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM) /* not ours */
		fd = openat(i->dir, i->name, flags);
	if (fd < 0)
		return fail(v, i->path, errno);
	if (fstat(fd, &st) == 0 && st.st_ino == i->st.st_ino && st.st_dev == i->st.st_dev)
		return fd;
	close(fd);
	return fail(v, i->path, EAGAIN); /* it was exchanged: nobody should write here */
}

/* The descriptor for the digester, -1 where nothing is to be read: the digest is known, or the volume has failed. */
static int
file(struct volume *v, const struct walk_item *i, struct item *item)
{
	if (taken_over(v, i)) {
		memcpy(item->e.sha256, v->mtree.e.sha256, HASH_HEX);
		return -1;
	}
	if (i->st.st_nlink > 1) {
		if (inodes_find(&v->inodes, &i->st))
			return -1;
		inodes_add(&v->inodes, &i->st);
	}
	v->read++;
	v->bytes += (uintmax_t)i->st.st_size;
	return open_file(v, i);
}

static char *
target(const struct walk_item *i)
{
	char buf[4096]; /* the kernel's limit, with a NUL */
	ssize_t n = readlinkat(i->dir, i->name, buf, sizeof buf - 1);
	if (n < 0)
		return NULL;
	buf[n] = '\0';
	return xstrdup(buf);
}

static int
entry(void *arg, const struct walk_item *i)
{
	struct volume *v = arg;
	struct item *item;
	int fd = -1;
	if (!strcmp(i->path, tmp_name) || !strcmp(i->path, MTREE_NAME))
		return 0;
	if (*v->why)
		return -1;
	if (!S_ISREG(i->st.st_mode) && !S_ISDIR(i->st.st_mode) && !S_ISLNK(i->st.st_mode))
		return fail(v, i->path, ENOTSUP);
	item = xcalloc(1, sizeof *item);
	item->e = mtree_of(i->path, &i->st);
	item->e.path = NULL;
	item->st = i->st;
	if (S_ISREG(i->st.st_mode))
		fd = file(v, i, item);
	else if (S_ISLNK(i->st.st_mode) && !(item->e.link = target(i)))
		fail(v, i->path, errno);
	if (*v->why) {
		free(item);
		return -1;
	}
	item->e.path = xstrdup(i->path);
	v->entries++;
	digest_put(digester, fd, item->e.path, item);
	return 0;
}

static int
enter(void *arg, const struct walk_item *i)
{
	struct volume *v = arg;
	struct levels *l = &v->levels;
	if (v->before < 0)
		return 0;
	if (l->depth == l->room) {
		l->room = l->room ? 2 * l->room : 32;
		l->fd = xrealloc(l->fd, l->room, sizeof *l->fd);
	}
	int up = l->depth ? l->fd[l->depth - 1] : v->before;
	l->fd[l->depth++] = up < 0 ? -1 :
	    openat(up, *i->name ? i->name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (up >= 0 && l->fd[l->depth - 1] < 0)
		doubt(v, i->path);
	return 0;
}

static int
leave(void *arg, const struct walk_item *i)
{
	struct volume *v = arg;
	(void)i;
	if (v->before >= 0 && v->levels.fd[--v->levels.depth] >= 0)
		close(v->levels.fd[v->levels.depth]);
	return 0;
}

static int
folder(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Whether the folder is the volume itself: the generation may lie in the repository. */
static bool
is_self(const struct volume *v, int fd)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && fstat(v->dir, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Opens the volume in the generation it was linked from, the newest other one with its files, if that has a contents.mtree. */
static void
open_before(struct volume *v, int repo, char *const *generations)
{
	v->before = -1;
	for (char *const *g = generations; g && *g && v->before < 0; g++) {
		char *path = xasprintf("%s/%s", *g, v->name);
		int dir = folder(repo, path), files = dir < 0 ? -1 : folder(dir, "files");
		if (files < 0)
			doubt(v, path);
		if (files >= 0 && !is_self(v, dir))
			v->before = dir;
		else if (dir >= 0)
			close(dir);
		if (files >= 0)
			close(files);
		free(path);
	}
	int fd = v->before < 0 ? -1 : openat(v->before, MTREE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	if (!in) {
		if (v->before >= 0)
			doubt(v, MTREE_NAME);
		if (fd >= 0)
			close(fd);
		if (v->before >= 0)
			close(v->before);
		v->before = -1;
		return;
	}
	char *name = xasprintf("%s/" MTREE_NAME " of before", v->name);
	mtree_open(&v->mtree, in, name);
	v->entry = mtree_read(&v->mtree) > 0;
}

static void
close_before(struct volume *v)
{
	if (v->before < 0)
		return;
	while (v->levels.depth > 0)
		leave(v, NULL);
	free(v->levels.fd);
	fclose(v->mtree.in);
	union {
		const char *in;
		char *out;
	} name = {.in = v->mtree.name};
	free(name.out);
	mtree_close(&v->mtree);
	close(v->before);
}

/* Whether what was written is, byte for byte, what the generation before has. */
static bool
same_as_before(const struct volume *v, FILE *written)
{
	struct stat a, b;
	int old = v->before < 0 ? -1 : fileno(v->mtree.in), new;
	if (old < 0 || fstat(old, &a) < 0 || fstat(fileno(written), &b) < 0 || a.st_size != b.st_size ||
	    lseek(old, 0, SEEK_SET) < 0 || (new = openat(v->dir, tmp_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return false;
	bool same = same_bytes(old, new, v->name) > 0;
	close(new);
	return same;
}

static bool
finish(struct volume *v, struct save *file, bool *linked)
{
	if (fflush(file->out) != 0 || ferror(file->out))
		fail(v, MTREE_NAME, errno ? errno : EIO);
	*linked = !*v->why && same_as_before(v, file->out) && linkat(v->before, MTREE_NAME, v->dir, MTREE_NAME, 0) == 0;
	if (*linked || *v->why)
		save_abort(file);
	else if (save_commit(file) < 0)
		fail(v, MTREE_NAME, EIO);
	return !*v->why;
}

/* The record of the volume: name, status, entries, files read, their bytes, whether its mtree is that of before, reason. */
static int
report(const struct volume *v, bool linked)
{
	return TSV_WRITE(stdout, v->name, *v->why ? "failed" : "ok", tsv_num(v->entries).text, tsv_num(v->read).text,
	    tsv_num(v->bytes).text, linked ? "linked" : "new", *v->why ? v->why : NULL);
}

static int
digest_volume(int generation, const char *name, int repo, char *const *generations)
{
	static const struct walk_ops ops = {.entry = entry, .enter = enter, .leave = leave};
	struct volume v = {.name = name, .before = -1};
	struct save file;
	bool linked = false;
	v.dir = folder(generation, name);
	if (v.dir < 0)
		fail(&v, "", errno);
	else if (unlinkat(v.dir, MTREE_NAME, 0) < 0 && errno != ENOENT) /* what an earlier bd-digest has left */
		fail(&v, MTREE_NAME, errno);
	/* Not synced: bd-publish does that for all of the generation. */
	else if (save_begin(&file, v.dir, MTREE_NAME, 0600, false) < 0)
		fail(&v, MTREE_NAME, EIO);
	else {
		volume = &v;
		open_before(&v, repo, generations);
		mtree_begin(&v.out, file.out);
		if (walk(v.dir, name, &ops, &v) < 0 && !*v.why)
			fail(&v, "", EIO);
		digest_drain(digester);
		if (mtree_end(&v.out) < 0)
			fail(&v, MTREE_NAME, EIO);
		finish(&v, &file, &linked);
		close_before(&v);
		inodes_free(&v.inodes);
	}
	if (v.dir >= 0)
		close(v.dir);
	if (report(&v, linked) < 0)
		return BD_FATAL;
	return *v.why ? BD_FAILED : BD_DONE;
}

int
main(int argc, char *argv[])
{
	int workers = digest_workers(), status = BD_DONE;
	bd_start();
	for (int c; (c = getopt(argc, argv, "j:V")) != -1;)
		switch (c) {
		case 'j': workers = (int)bd_number(optarg, 1, DIGEST_WORKERS, "-j"); break;
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 2)
		usage();
	char **generations = NULL, **names;
	int repo = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    generation = open(argv[optind + 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (repo < 0 && errno != ENOENT)
		err(BD_FATAL, "%s", argv[optind]);
	ssize_t n = generation < 0 ? -1 : folder_names(generation, &names);
	if (n < 0)
		err(BD_FATAL, "%s", argv[optind + 1]);
	if ((repo >= 0 && generation_list(repo, &generations) < 0) || !(digester = digest_begin(workers, put, NULL)))
		return BD_FATAL;
	for (ssize_t i = 0; i < n && status != BD_FATAL; i++) {
		struct stat st;
		if (fstatat(generation, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			err(BD_FATAL, "%s", names[i]);
		int rc = S_ISDIR(st.st_mode) ? digest_volume(generation, names[i], repo, generations) : BD_DONE;
		status = rc > status ? rc : status;
	}
	digest_end(digester);
	return bd_finish(status);
}
