/* bd-generations - lists the generations of repositories, the oldest first:
 * repository generation time state volumes failed dumps new shared only. With -v their volumes:
 * repository generation state volume status files dumps database dumped engine.
 *
 * Whole is what was published whole: our manifest, which nothing but a rename brings into a
 * repository, or any stamp, which is written last. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "manifest.h"
#include "tree.h"
#include "usage.h"

struct generation {
	const char *repo, *name;
	char *label; /* for messages */
	const char *state;
	bool readable;
	size_t volumes, failed;
	uintmax_t dumps;
	size_t first, rows; /* of manifest.volume */
};

struct volume {
	const char *name, *database, *dumped, *engine; /* NULL: not known */
	bool failed, damaged, files;
	uintmax_t dumps;
};

static struct generation *all;
static size_t count;
static struct volume *volumes;
static size_t volume_count;
static struct usage *usage_of;
static int status, bad = -1; /* bad: the folder of the lists of damaged files, -1: none */

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-generations [-sV] REPOSITORY...\n"
	                "       bd-generations -v [-x BAD] REPOSITORY...\n");
	exit(BD_USAGE);
}

static void
find_generations(const char *path)
{
	char **names;
	int repo = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (repo < 0 || generation_list(repo, &names) < 0) {
		if (repo < 0)
			warn("%s", path);
		else
			close(repo);
		status = BD_FAILED;
		return;
	}
	size_t n = 0;
	while (names[n])
		n++;
	all = xrealloc(all, count + n + 1, sizeof *all);
	while (n--)
		all[count++] = (struct generation){.repo = path, .name = names[n], .label = xasprintf("%s/%s", path, names[n])};
	free(names);
	close(repo);
}

static int
open_generation(void *arg, size_t i)
{
	(void)arg;
	int fd = open(all[i].label, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		warn("%s", all[i].label);
	return fd;
}

static const char *
label(void *arg, size_t i)
{
	(void)arg;
	return all[i].label;
}

static void
unreadable(struct generation *g)
{
	g->readable = false;
	g->state = "unreadable";
	status = BD_FAILED;
}

static bool
is_folder(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* -1: not to be read (errno). */
static int
count_dumps(int volume, uintmax_t *dumps)
{
	static const char suffix[] = ".backup.sql"; /* the cluster's ends so, too */
	int fd = openat(volume, "sql", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char **names;
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	ssize_t n = folder_names(fd, &names);
	int why = errno;
	close(fd);
	errno = why;
	if (n < 0)
		return -1;
	for (ssize_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);
		*dumps += *names[i] != '.' && len > strlen(suffix) && !strcmp(names[i] + len - strlen(suffix), suffix);
	}
	folder_names_free(names, (size_t)n);
	return 0;
}

/* Whether a file that was found damaged is part of the copy: path and inode are those of the list. */
static int
look_for_damage(int copy, struct volume *v)
{
	int fd = openat(bad, v->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), rc;
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	struct tsv t;
	if (!in)
		return errno == ENOENT ? 0 : -1;
	tsv_begin(&t, in, v->name);
	while ((rc = tsv_read(&t, 2)) > 0) {
		struct stat st;
		char *path = t.field[0] && t.field[1] ? xasprintf("files/%s", t.field[0]) : NULL;
		v->damaged = v->damaged || (path && fstatat(copy, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_ino == strtoumax(t.field[1], NULL, 10));
		free(path);
	}
	tsv_end(&t);
	fclose(in);
	errno = EINVAL;
	return rc;
}

/* Looks at what there is of the volume. */
static int
look(int generation, struct volume *v)
{
	int fd = openat(generation, v->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	v->files = is_folder(fd, "files");
	int rc = count_dumps(fd, &v->dumps);
	if (rc == 0 && bad >= 0)
		rc = look_for_damage(fd, v);
	int why = errno;
	close(fd);
	errno = why;
	return rc;
}

static struct volume *
add_volume(struct generation *g, const char *name)
{
	static size_t room;
	if (volume_count == room) {
		room = room ? 2 * room : 256;
		volumes = xrealloc(volumes, room, sizeof *volumes);
	}
	g->rows++;
	volumes[volume_count] = (struct volume){.name = name};
	return &volumes[volume_count++];
}

/* Without a manifest its folders have to tell. */
static int
volumes_from_folders(struct generation *g, int fd)
{
	char **names;
	ssize_t n = folder_names(fd, &names);
	for (ssize_t i = 0; i < n; i++)
		if (is_folder(fd, names[i]) && strcmp(names[i], "-"))
			add_volume(g, names[i]);
	return n < 0 ? -1 : 0;
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

/* Takes generation i out of the records, which begin at row *at. */
static void
take(const struct table *t, size_t i, size_t *at)
{
	struct generation *g = &all[i];
	g->first = volume_count;
	if (!g->readable)
		return;
	char **row = table_row(t, (*at)++);
	g->state = state_of(row[MANIFEST_NAME], row[MANIFEST_DATABASE]);
	if (!strcmp(g->state, "unreadable")) {
		warnx("%s: manifest.json is not a manifest", g->label);
		unreadable(g);
		return;
	}
	int fd = open_generation(NULL, i);
	bool listed = strcmp(row[MANIFEST_NAME], "none");
	for (; *at < t->rows && !strcmp((row = table_row(t, *at))[MANIFEST_KIND], MANIFEST_VOLUME); ++*at) {
		struct volume *v = add_volume(g, row[MANIFEST_NAME]);
		v->database = row[MANIFEST_DATABASE];
		v->dumped = row[MANIFEST_DUMPED];
		v->engine = row[MANIFEST_ENGINE];
		v->failed = row[MANIFEST_FAILED] && !strcmp(row[MANIFEST_FAILED], "yes");
	}
	bool ok = fd >= 0 && (listed || volumes_from_folders(g, fd) == 0);
	for (size_t v = g->first; ok && v < g->first + g->rows; v++)
		ok = look(fd, &volumes[v]) == 0;
	if (!ok) {
		warn("%s", g->label);
		unreadable(g);
	}
	if (fd >= 0)
		close(fd);
	g->volumes = g->rows;
	for (size_t v = g->first; v < g->first + g->rows; v++) {
		g->failed += volumes[v].failed;
		g->dumps += volumes[v].dumps;
	}
}

static int
read_manifests(void)
{
	static struct table t; /* what is told of the volumes points into it */
	struct manifests m;
	if (manifests_begin(&m) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		int fd = open_generation(NULL, i);
		all[i].readable = fd >= 0 && manifests_add(&m, i, fd, all[i].label) == 0;
		if (!all[i].readable)
			unreadable(&all[i]);
		if (fd >= 0)
			close(fd);
	}
	if (manifests_end(&m, &t) < 0)
		return -1;
	size_t at = 0;
	for (size_t i = 0; i < count; i++)
		take(&t, i, &at);
	return 0;
}

/* Each repository for itself. */
static int
measure(void)
{
	for (size_t i = 0, n; i < count; i += n) {
		for (n = 1; i + n < count && all[i + n].repo == all[i].repo; n++)
			;
		struct generation *rest = all;
		all += i;
		int rc = usage_measure(usage_of + i, n, open_generation, label, NULL);
		all = rest;
		if (rc < 0)
			return -1;
		for (size_t k = i; k < i + n; k++)
			if (!usage_of[k].known)
				status = BD_FAILED;
	}
	return 0;
}

static int
print_generation(const struct generation *g, const struct usage *u)
{
	struct tm tm;
	time_t when = generation_time(g->name, &tm);
	bool counted = g->readable, sized = u && u->known;
	return TSV_WRITE(stdout, g->repo, g->name, when < 0 ? NULL : tsv_num((uintmax_t)when).text, g->state,
	    counted ? tsv_num(g->volumes).text : NULL, counted ? tsv_num(g->failed).text : NULL,
	    counted ? tsv_num(g->dumps).text : NULL, sized ? tsv_num(u->fresh).text : NULL,
	    sized ? tsv_num(u->shared).text : NULL, sized ? tsv_num(u->only).text : NULL);
}

static int
print_volume(const struct generation *g, const struct volume *v)
{
	const char *what = !strcmp(g->state, "partial") ? "unproven" : v->failed ? "failed" : v->damaged ? "damaged" : v->files || v->dumps ? "good" : "missing";
	return TSV_WRITE(stdout, g->repo, g->name, g->state, v->name, what, v->files ? "yes" : "no", tsv_num(v->dumps).text,
	    v->database, v->dumped, v->engine);
}

static int
print(bool of_volumes)
{
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (!of_volumes)
			rc = print_generation(&all[i], usage_of ? &usage_of[i] : NULL);
		for (size_t v = all[i].first; of_volumes && all[i].readable && rc == 0 && v < all[i].first + all[i].rows; v++)
			rc = print_volume(&all[i], &volumes[v]);
	}
	return rc;
}

int
main(int argc, char *argv[])
{
	bool sizes = false, of_volumes = false;
	bd_start();
	for (int c; (c = getopt(argc, argv, "svVx:")) != -1;)
		switch (c) {
		case 's': sizes = true; break;
		case 'v': of_volumes = true; break;
		case 'V': bd_version();
		case 'x':
			bad = open(optarg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (bad < 0)
				err(BD_FATAL, "%s", optarg);
			break;
		default: usage();
		}
	if (optind == argc || (sizes && of_volumes) || (bad >= 0 && !of_volumes))
		usage();
	for (int i = optind; i < argc; i++)
		find_generations(argv[i]);
	if (read_manifests() < 0)
		return BD_FATAL;
	if (sizes) {
		usage_of = xcalloc(count + 1, sizeof *usage_of);
		if (measure() < 0)
			return BD_FATAL;
	}
	if (print(of_volumes) < 0)
		status = BD_FATAL;
	return bd_finish(status);
}
