/* bd-digest - writes contents.mtree for each volume of the generation being built.
 *
 * An inode that the generation before names by the same path, and that is as its contents.mtree
 * says, takes its digest from there: what did not change is not read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "former.h"
#include "inodes.h"

static const char tmp_name[] = "." MTREE_NAME ".tmp"; /* that of save_begin */

static struct digester *digester;

struct volume {
	const char *name;
	int dir;
	struct mtree_out out;
	struct inodes inodes; /* those with several names that were read */
	struct former former;
	uintmax_t entries, read, bytes;
	char why[200];        /* it failed: the first reason */
};

struct item { /* what is known of an entry until its digest is */
	struct volume *volume;
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
	struct item *i = d->item;
	struct volume *v = i->volume;
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

/* The descriptor for the digester, -1 where nothing is to be read: the digest is known, or the volume has failed. */
static int
file(struct volume *v, const struct walk_item *i, struct item *item)
{
	const char *known = former_digest(&v->former, i);
	if (known) {
		memcpy(item->e.sha256, known, HASH_HEX);
		return -1;
	}
	if (i->st.st_nlink > 1) {
		if (inodes_find(&v->inodes, &i->st))
			return -1;
		inodes_add(&v->inodes, &i->st);
	}
	v->read++;
	v->bytes += (uintmax_t)i->st.st_size;
	int fd = walk_open(i);
	if (fd < 0)
		fail(v, i->path, errno);
	return fd;
}

static int
entry(void *arg, const struct walk_item *i)
{
	struct volume *v = arg;
	int fd = -1;
	if (!strcmp(i->path, tmp_name) || !strcmp(i->path, MTREE_NAME))
		return 0;
	if (*v->why)
		return -1;
	if (!S_ISREG(i->st.st_mode) && !S_ISDIR(i->st.st_mode) && !S_ISLNK(i->st.st_mode))
		return fail(v, i->path, ENOTSUP);
	struct item *item = xcalloc(1, sizeof *item);
	*item = (struct item){.volume = v, .e = mtree_of(i->path, &i->st), .st = i->st};
	if (S_ISREG(i->st.st_mode))
		fd = file(v, i, item);
	else if (S_ISLNK(i->st.st_mode) && !(item->e.link = walk_target(i)))
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
	former_enter(&v->former, i);
	return 0;
}

static int
leave(void *arg, const struct walk_item *i)
{
	struct volume *v = arg;
	(void)i;
	former_leave(&v->former);
	return 0;
}

/* Whether what was written is what the generation before has; then it is linked, if it can be. */
static bool
link_former(struct volume *v)
{
	int written = openat(v->dir, tmp_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int same = written < 0 ? -1 : former_is(&v->former, written);
	bool linked = same > 0 && linkat(v->former.dir, MTREE_NAME, v->dir, MTREE_NAME, 0) == 0;
	if (same < 0 || (same > 0 && !linked && errno != EMLINK))
		warn("%s: " MTREE_NAME " is not shared with the generation before", v->name);
	if (written >= 0)
		close(written);
	return linked;
}

/* Whether the file is that of the generation before. */
static bool
finish(struct volume *v, struct save *file)
{
	if (mtree_end(&v->out) < 0 || fflush(file->out) != 0 || ferror(file->out))
		fail(v, MTREE_NAME, errno ? errno : EIO);
	bool linked = !*v->why && link_former(v);
	if (linked || *v->why)
		save_abort(file);
	else if (save_commit(file) < 0)
		fail(v, MTREE_NAME, EIO);
	return linked;
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
	struct volume v = {.name = name};
	struct save file;
	bool linked = false;
	v.dir = folder_at(generation, name);
	if (v.dir < 0)
		fail(&v, "", errno);
	else if (unlinkat(v.dir, MTREE_NAME, 0) < 0 && errno != ENOENT) /* what an earlier bd-digest has left */
		fail(&v, MTREE_NAME, errno);
	/* Not synced: bd-publish does that for all of the generation. */
	else if (save_begin(&file, v.dir, MTREE_NAME, 0600, false) < 0)
		fail(&v, MTREE_NAME, EIO);
	else {
		former_open(&v.former, name, v.dir, repo, generations);
		mtree_begin(&v.out, file.out);
		if (walk(v.dir, name, &ops, &v) < 0 && !*v.why)
			fail(&v, "", EIO);
		digest_drain(digester);
		linked = finish(&v, &file);
		former_close(&v.former);
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
	int workers = (int)bd_processors(DIGEST_WORKERS), status = BD_DONE;
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
	int repo = repository(argv[optind], &generations), generation = folder_open(argv[optind + 1]);
	ssize_t n = folder_names(generation, &names);
	if (n < 0)
		err(BD_FATAL, "%s", argv[optind + 1]);
	if (!(digester = digest_begin(workers, put, NULL)))
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
