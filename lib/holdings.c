/* holdings.c - what the generations of repositories hold, by their manifests and by what lies in them.
 *
 * Whole is what was published whole: our manifest, which nothing but a rename brings into a
 * repository, or any stamp, which is written last. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bad.h"
#include "holdings.h"
#include "manifest.h"
#include "tree.h"

int
holdings_find(struct holdings *h, const char *repository)
{
	char **names;
	int repo = open(repository, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (repo < 0) {
		warn("%s", repository);
		return -1;
	}
	int rc = generation_list(repo, &names);
	close(repo);
	if (rc < 0)
		return -1;
	size_t n = 0;
	while (names[n])
		n++;
	h->generation = xrealloc(h->generation, h->count + n + 1, sizeof *h->generation);
	while (n--)
		h->generation[h->count++] =
		    (struct generation){.repo = repository, .name = names[n], .path = xasprintf("%s/%s", repository, names[n])};
	free(names);
	return 0;
}

int
generation_open(const struct generation *g)
{
	int fd = folder_at(AT_FDCWD, g->path);
	if (fd < 0 && errno != ENOENT)
		warn("%s", g->path);
	return fd;
}

bool
generation_gone(const struct generation *g)
{
	struct stat st;
	return fstatat(AT_FDCWD, g->path, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

bool
generation_readable(const struct generation *g)
{
	return !field_is(g->state, "unreadable");
}

/* 1, 0, -1 (errno). */
static int
is_folder(int dir, const char *name)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return S_ISDIR(st.st_mode);
}

/* As folder_at, of what may be missing, or have something else in its place; -1 then, too. */
static int
enter(int dir, const char *name, int *rc)
{
	int fd = folder_at(dir, name);
	*rc = fd >= 0 || is_missing(errno) ? 0 : -1;
	return fd;
}

/* -1: not to be read (errno). */
static int
count_dumps(int volume, uintmax_t *dumps)
{
	static const char suffix[] = ".backup.sql"; /* the cluster's ends so, too */
	int rc, fd = enter(volume, "sql", &rc);
	char **names;
	if (fd < 0)
		return rc;
	ssize_t n = folder_names(fd, &names);
	if (close_after(fd, n < 0 ? -1 : 0) < 0)
		return -1;
	for (ssize_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);
		*dumps += *names[i] != '.' && len > strlen(suffix) && !strcmp(names[i] + len - strlen(suffix), suffix);
	}
	folder_names_free(names, (size_t)n);
	return 0;
}

static void
look_for_damage(int bad, const char *generation, int copy, struct holding *v)
{
	struct bad b;
	bad_open(&b, bad, v->name);
	unsigned parts = bad_parts(&b, generation, copy);
	v->damaged = parts & BAD_FILES;
	v->spoiled = parts & BAD_DUMPS;
	bad_close(&b);
}

/* Looks at what there is of the volume; -1 (errno). */
static int
look(int bad, const char *generation, int folder, struct holding *v)
{
	int rc, fd = enter(folder, v->name, &rc);
	if (fd < 0)
		return rc;
	rc = is_folder(fd, "files");
	v->files = rc > 0;
	if (rc >= 0)
		rc = count_dumps(fd, &v->dumps);
	if (rc == 0 && bad >= 0)
		look_for_damage(bad, generation, fd, v);
	return close_after(fd, rc);
}

static void
add(struct generation *g, struct holding v)
{
	g->holding = xrealloc(g->holding, g->holdings + 1, sizeof *g->holding);
	g->holding[g->holdings++] = v;
}

/* Without a manifest its folders have to tell; -1 (errno). */
static int
add_folders(struct generation *g, int fd)
{
	char **names;
	int rc = 0;
	ssize_t n = folder_names(fd, &names);
	for (ssize_t i = 0; i < n; i++) {
		int folder = rc < 0 ? 0 : is_folder(fd, names[i]);
		if (folder > 0 && strcmp(names[i], "-"))
			add(g, (struct holding){.name = names[i]});
		else
			free(names[i]);
		if (folder < 0)
			rc = -1;
	}
	free(names);
	return n < 0 ? -1 : rc;
}

static const char *
state_of(const char *manifest, const char *stamp)
{
	if (!strcmp(manifest, "bad"))
		return "unreadable";
	bool stamped = !strcmp(stamp, "good");
	if (!strcmp(manifest, "ours"))
		return stamped ? "whole" : "unstamped";
	return stamped ? "whole" : "partial";
}

/* Looks into a generation of which the manifest told, or not; -1 said. */
static int
look_into(int bad, struct generation *g, bool listed)
{
	int fd = generation_open(g);
	if (fd < 0)
		return -1;
	int rc = listed ? 0 : add_folders(g, fd);
	for (size_t i = 0; i < g->holdings && rc == 0; i++)
		rc = look(bad, g->name, fd, &g->holding[i]);
	if (rc < 0)
		warn("%s", g->path);
	close(fd);
	return rc;
}

/* Takes the generation out of the manifests, whose rows of it begin at *at; -1 said. */
static int
take(const struct holdings *h, struct generation *g, size_t *at)
{
	const struct table *t = &h->manifests;
	char **row = table_row(t, (*at)++);
	bool listed = strcmp(row[MANIFEST_NAME], "none");
	g->state = state_of(row[MANIFEST_NAME], row[MANIFEST_DATABASE]);
	if (!generation_readable(g)) {
		warnx("%s: manifest.json is not a manifest", g->path);
		return -1;
	}
	for (; *at < t->rows && !strcmp((row = table_row(t, *at))[MANIFEST_KIND], MANIFEST_VOLUME); ++*at)
		add(g, (struct holding){.name = row[MANIFEST_NAME], .database = row[MANIFEST_DATABASE],
		    .dumped = row[MANIFEST_DUMPED], .engine = row[MANIFEST_ENGINE], .failed = field_is(row[MANIFEST_FAILED], "yes")});
	return look_into(h->bad, g, listed);
}

int
holdings_read(struct holdings *h)
{
	struct manifests m;
	int status = BD_DONE;
	if (manifests_begin(&m) < 0)
		return BD_FATAL;
	for (size_t i = 0; i < h->count; i++) {
		struct generation *g = &h->generation[i];
		int fd = generation_open(g);
		g->state = fd >= 0 && manifests_add(&m, i, fd, g->path) == 0 ? NULL : "unreadable";
		if (fd >= 0)
			close(fd);
	}
	if (manifests_end(&m, &h->manifests) < 0)
		return BD_FATAL;
	size_t at = 0, count = h->count;
	h->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct generation g = h->generation[i];
		bool taken = generation_readable(&g) && take(h, &g, &at) == 0;
		if (generation_gone(&g)) {
			free(g.name);
			free(g.path);
			free(g.holding);
			continue;
		}
		if (!taken) {
			status = BD_FAILED;
			g.state = "unreadable";
			g.holdings = 0;
		}
		h->generation[h->count++] = g;
	}
	return status;
}
