/* copy.c - one volume into the generation being built: linked from the newest
 * generation that has it, the rest copied by rsync. A copy that fails leaves no
 * `files` folder: a restore would take it for the volume. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bad.h"
#include "feed.h"
#include "mtree.h"
#include "tree.h"

static void __attribute__((format(printf, 2, 3)))
because(struct copy_result *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!*r->reason)
		vsnprintf(r->reason, sizeof r->reason, fmt, ap);
	va_end(ap);
}

/* A file without a name; NULL (errno). */
static FILE *
nameless(int dir)
{
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) /* not every file system has it */
		return tmpfile();
	return fd < 0 ? NULL : fdopen(fd, "w+");
}

/* Whether all that path leads through was last changed before t0, by a clock that may lag behind ours for a moment. */
static bool
unmoved(int src, char *path, const struct timespec *t0)
{
	bool ok = true;
	for (char *end = path; ok && end;) {
		struct stat st;
		if ((end = strchr(end, '/')))
			*end = '\0';
		ok = fstatat(src, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (!ok && errno != ENOENT && errno != ENOTDIR)
			warn("%s: it is taken for changed", path);
		ok = ok && st.st_ctim.tv_sec < t0->tv_sec - 1;
		if (end)
			*end++ = '/';
	}
	return ok;
}

/* Whether all of told is in the copy. A hot copy may lack what came and went while rsync was at it. */
static bool
has_arrived(const struct copy *c, struct copy_result *r, const struct link_job *j, FILE *told)
{
	char *path = NULL;
	size_t room = 0;
	struct stat st;
	bool ok = true;
	if (fseek(told, 0, SEEK_SET) != 0) {
		because(r, "what is to be copied cannot be noted: %s", strerror(errno));
		return false;
	}
	while (ok && getdelim(&path, &room, '\0', told) > 0) {
		if (fstatat(j->dest, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (errno == ENOENT && !c->cold && !unmoved(j->src, path, &c->t0)) {
			r->status = COPY_VANISHED;
			continue;
		}
		char *shown = tsv_show(path);
		because(r, "rsync did not copy %s", shown);
		free(shown);
		ok = false;
	}
	if (ferror(told)) {
		because(r, "what was to be copied cannot be read again");
		ok = false;
	}
	free(path);
	return ok;
}

/* Walks by tree, which hands out what rsync is to copy; its paths are kept in told. */
static bool
walk_and_copy(const struct copy *c, struct copy_result *r, struct link_job *j, int (*tree)(struct link_job *j), FILE *told)
{
	struct feed f = {.told = told, .src = c->source >= 0 ? c->source : j->src, .dest = j->dest, .verbose = c->verbose, .cold = c->cold};
	j->emit = feed_put;
	j->arg = &f;
	bool walked = tree(j) == 0;
	enum feed_end end = feed_end(&f, walked);
	bool ok = walked && end != FEED_FAILED;
	r->status = end == FEED_VANISHED ? COPY_VANISHED : COPY_DONE;
	if (*f.why)
		because(r, "%s", f.why);
	ok = ok && has_arrived(c, r, j, told);
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, j->root_mtime};
	if (ok && futimens(j->dest, times) < 0) {
		because(r, "files: %s", strerror(errno));
		ok = false;
	}
	if (!ok)
		because(r, "%s", *j->why ? j->why : "the source could not be read");
	return ok;
}

/* The newest generation's copy of the volume; r->base is its name. */
static int
newest_copy(const struct copy *c, char base[16])
{
	for (char *const *g = c->generations; c->repo >= 0 && g && *g; g++) {
		char *path = xasprintf("%s/%s/files", *g, c->volume);
		int fd = folder_at(c->repo, path);
		if (fd < 0 && errno != ENOENT)
			warn("%s: not linked from", path);
		free(path);
		if (fd >= 0) {
			snprintf(base, 16, "%s", *g);
			return fd;
		}
	}
	return -1;
}

/* Opens VOLUME/name in the partial generation, made if need be. */
static int
partial_folder(const struct copy *c, const char *name, bool make)
{
	char *path = xasprintf("%s/%s", c->volume, name);
	int fd = make ? mkdirat(c->partial, path, 0700) : 0;
	if (fd == 0)
		fd = folder_at(c->partial, path);
	free(path);
	return fd;
}

static int
partial_rename(int partial, const char *volume, const char *from, const char *to)
{
	char *old = xasprintf("%s/%s", volume, from), *new = xasprintf("%s/%s", volume, to);
	int rc = renameat2(partial, old, partial, new, RENAME_NOREPLACE);
	free(old);
	free(new);
	return rc;
}

/* The index says what the walk saw, which is what rsync read, unless a folder was exchanged in between: no record
 * stays of what was copied and has been moved since t0. */
static void
forget_moved(const struct copy *c, const struct link_job *j, const char *slot, FILE *told)
{
	struct index_in x;
	char *path = NULL;
	size_t room = 0;
	bool ok = fseek(told, 0, SEEK_SET) == 0 && index_open(&x, c->index, slot, j->dest, false);
	if (ok) {
		while (getdelim(&path, &room, '\0', told) > 0)
			if (!unmoved(j->src, path, &c->t0) && index_forget(&x, path) < 0)
				ok = false;
		ok = ok && feof(told);
		index_close(&x);
	}
	free(path);
	if (!ok) {
		warnx("%s: no index: the next copy compares by content", c->volume);
		unlinkat(c->index, slot, 0);
	}
}

/* A new copy in VOLUME/name. */
static bool
make_copy(const struct copy *c, struct copy_result *r, struct link_job *j, const char *name, const char *slot, FILE *told)
{
	struct index_out seen;
	r->made = true; /* before it is: we may be killed right after */
	j->dest = partial_folder(c, name, true);
	if (j->dest < 0) {
		r->made = errno != EEXIST;
		because(r, "%s/%s: %s", c->volume, name, strerror(errno));
		return false;
	}
	if (c->index >= 0 && index_begin(&seen, c->index, slot, j->dest) == 0)
		j->seen = &seen;
	bool ok = walk_and_copy(c, r, j, link_tree, told);
	if (j->seen && !ok)
		index_abort(&seen);
	else if (j->seen && index_commit(&seen) < 0)
		warnx("%s: no index: the next copy compares by content", c->volume);
	else if (j->seen)
		forget_moved(c, j, slot, told);
	return ok;
}

/* The copy that is there, which has an index: brought up to date. */
static bool
mend_copy(const struct copy *c, struct copy_result *r, struct link_job *j, FILE *told)
{
	j->dest = folder_at(j->prev, ".");
	j->aside = partial_folder(c, "files.gone", true);
	bool ok = j->dest >= 0 && j->aside >= 0;
	if (!ok)
		because(r, "%s/files.gone: %s", c->volume, strerror(errno));
	ok = ok && walk_and_copy(c, r, j, stay_tree, told);
	if (j->aside >= 0)
		close(j->aside);
	return ok;
}

/* In the place of the hot copy, if there is one. */
static bool
replace_copy(const struct copy *c, struct copy_result *r, struct link_job *j, const char *slot, bool hot, FILE *told)
{
	if (!make_copy(c, r, j, "files.cold", slot, told))
		return false;
	if ((!hot || partial_rename(c->partial, c->volume, "files", "files.hot") == 0) &&
	    partial_rename(c->partial, c->volume, "files.cold", "files") == 0)
		return true;
	because(r, "files: %s", strerror(errno));
	return false;
}

/* It is empty now, and the hot copy was not? */
static void
warn_if_emptied(const struct copy *c, const struct link_job *j)
{
	char **now, **before;
	ssize_t n = folder_names(j->src, &now), m = n ? 0 : folder_names(j->prev, &before);
	if (n < 0 || m < 0)
		warn("%s: whether it was emptied", c->volume);
	if (n > 0)
		folder_names_free(now, (size_t)n);
	if (m > 0)
		folder_names_free(before, (size_t)m);
	if (n == 0 && (m > 0 || j->gone))
		warnx("%s: WARNING: it is empty now, and was not before its containers stopped", c->volume);
}

/* The list of the generation that is linked from. Without it nothing is linked unread. */
static bool
open_list(struct link_job *j, struct mtree_in *list, const char *name)
{
	if (mtree_at(list, j->prev, "../" MTREE_NAME, name) < 0) {
		warn("WARNING: all is compared by content: %s", name);
		j->known = NULL;
		return false;
	}
	j->list = list;
	return true;
}

/* The index of the copy in prev is in one of two slots; the other one is for ours. */
static bool
copy_from(const struct copy *c, struct copy_result *r, struct link_job *j, bool hot)
{
	struct index_in known;
	struct stat root;
	char *slot[2] = {xasprintf("%s.0", c->volume), xasprintf("%s.1", c->volume)};
	int old = -1;
	FILE *told = nameless(c->partial);
	bool ok = told;
	if (!told)
		because(r, "what is to be copied cannot be noted: %s", strerror(errno));
	for (int i = 0; i < 2 && old < 0 && c->index >= 0 && j->prev >= 0; i++)
		if (index_open(&known, c->index, slot[i], j->prev, c->across_boots))
			old = i;
	if (old >= 0 && !c->checksum)
		j->known = &known;
	struct mtree_in list;
	char *name = xasprintf("%s/%s/" MTREE_NAME, r->base, c->volume);
	bool opened = j->known && !hot && open_list(j, &list, name);
	if (ok && c->cold && old >= 0 && (fstat(j->src, &root) < 0 || !index_same_root(&known, &root))) {
		because(r, "another folder is at its mountpoint since the containers stopped");
		ok = false;
	}
	if (ok && hot && j->known)
		ok = mend_copy(c, r, j, told);
	else if (ok && c->cold)
		ok = replace_copy(c, r, j, slot[old == 0], hot, told);
	else if (ok)
		ok = make_copy(c, r, j, "files", slot[old == 0], told);
	if (ok && hot)
		warn_if_emptied(c, j);
	/* What the hot copy has copied is no less new to the generation. */
	uintmax_t fresh = hot ? j->fresh : 0, fresh_bytes = hot ? j->fresh_bytes : 0;
	r->linked = j->linked - fresh;
	r->copied = j->copied + fresh;
	r->shared = j->shared - fresh_bytes;
	r->bytes = j->bytes + fresh_bytes;
	if (opened) {
		fclose(list.in);
		mtree_close(&list);
	}
	free(name);
	if (told)
		fclose(told);
	if (old >= 0)
		index_close(&known);
	free(slot[0]);
	free(slot[1]);
	return ok;
}

void
copy_volume(const struct copy *c, struct copy_result *r)
{
	struct timespec begin, end;
	struct link_job j = {.label = c->volume, .prev = -1, .dest = -1, .t0 = c->t0, .synced = c->synced};
	bool ok = false;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	*r = (struct copy_result){0};
	/* The mountpoint is the host's, and may be a symlink that the admin made; what lies in it is the containers'. */
	j.src = c->source >= 0          ? openat(c->source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	        : c->source == HELD_NOT ? open(c->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	                                : -1;
	if (c->source == HELD_FAILED)
		because(r, "%s: it could not be opened before its containers stopped", c->mountpoint);
	else if (j.src < 0)
		because(r, "%s: %s", c->mountpoint, strerror(errno));
	else if ((mkdirat(c->partial, c->volume, 0755) < 0 && errno != EEXIST) || fstat(c->partial, &j.built) < 0)
		because(r, "%s: %s", c->volume, strerror(errno));
	else {
		int hot = c->cold ? partial_folder(c, "files", false) : -1;
		struct bad bad = {0};
		if (c->bad >= 0 && hot < 0) { /* the hot copy was made afresh */
			bad_open(&bad, c->bad, c->volume);
			j.bad = &bad;
		}
		j.prev = hot >= 0 ? hot : newest_copy(c, r->base);
		ok = copy_from(c, r, &j, hot >= 0);
		bad_close(&bad);
	}
	for (size_t i = 0; i < 3; i++)
		if ((const int[]){j.src, j.prev, j.dest}[i] >= 0)
			close((const int[]){j.src, j.prev, j.dest}[i]);
	if (!ok) {
		r->status = COPY_FAILED;
		warnx("%s: not copied: %s", c->volume, r->reason);
		if (r->made || c->cold)
			r->left = copy_discard(c, c->volume) < 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	r->ms = (uintmax_t)((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
}

int
remove_tree(int dir, const char *path)
{
	char *here = xasprintf("./%s", path);
	const char *argv[] = {"rm", "-rf", "--", here, NULL};
	struct child c;
	int rc = child_fork(&c);
	if (rc == 0) {
		if (fchdir(dir) < 0)
			err(126, "fchdir");
		child_exec(argv);
	}
	free(here);
	return rc < 0 || child_wait(&c) != 0 ? -1 : 0;
}

int
copy_discard(const struct copy *c, const char *volume)
{
	/* Of a cold copy the containers wait, and removing is slow. */
	bool aside = c->cold && (partial_rename(c->partial, volume, "files", "files.hot") == 0 || errno == ENOENT);
	char *files = xasprintf("%s/files", volume);
	int rc = aside ? 0 : remove_tree(c->partial, files);
	free(files);
	if (rc < 0)
		warnx("%s: its half copy could not be removed", volume);
	return rc;
}

void
copy_show(const struct copy *c, FILE *out)
{
	char base[16] = "";
	const char *argv[24];
	int prev = newest_copy(c, base);
	if (prev >= 0)
		close(prev);
	char *from = *base ? xasprintf("%s/%s/%s/files", c->repo_path, base, c->volume) : xstrdup("-");
	char *to = xasprintf("%s/%s/files", c->partial_path, c->volume);
	const char *link[] = {"bd-link", c->mountpoint, from, to, NULL};
	feed_command(argv, sizeof argv / sizeof *argv, c->cold);
	char *a = shell_quote(link), *b = shell_quote(argv);
	fprintf(out, "%s | %s\n", a, b);
	free(a);
	free(b);
	free(to);
	free(from);
}
