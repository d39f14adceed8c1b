/* bd-publish - makes a generation appear in its repository, whole and durable.
 *
 * syncfs(2) reports write errors since its descriptor was opened, so the descriptor
 * must be older than the first byte: the caller hands it down. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tree.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-publish [-V] [-f FD] PARTIAL REPOSITORY\n");
	exit(BD_USAGE);
}

/* Splits "dir/name" in place and opens dir. */
static int
parent_of(char *path, const char **name)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	if (slash)
		*slash = '\0';
	const char *dir = !slash ? "." : *path ? path : "/";
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err(BD_FATAL, "%s", dir);
	return fd;
}

static void
move(int from, const char *name, int to, const char *as)
{
	if (renameat2(from, name, to, as, RENAME_NOREPLACE) < 0)
		err(BD_FATAL, "%s", as);
	if (fsync(to) < 0 || fsync(from) < 0)
		err(BD_FATAL, "%s: published, but perhaps not durable: fsync", as);
}

/* The repository's first generation: the two come into being with one rename. The folder
 * is held, so that no bd-partial -r takes it for a dead run's, and its name is no longer
 * than that of the partial generation. */
static void
first(int from, const char *partial, const char *stamp, int host, const char *repo)
{
	char *both = xasprintf("%.*sf%s", (int)(stamp - partial), partial, stamp + 1);
	umask(022);
	if (mkdirat(from, both, 0755) < 0 && errno != EEXIST) /* of a bd-publish that was killed */
		err(BD_FATAL, "%s", both);
	int fd = openat(from, both, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		err(BD_FATAL, "%s", both);
	move(from, partial, fd, stamp);
	move(from, both, host, repo);
	close(fd);
	free(both);
}

/* Names ascend: whoever takes the last one gets the newest. */
static void
check_order(int repo, const char *stamp)
{
	char **names;
	if (generation_list(repo, &names) < 0)
		exit(BD_FATAL);
	if (*names && strcmp(*names, stamp) > 0)
		errx(BD_FATAL, "%s: not published: there is a newer generation, %s", stamp, *names);
}

int
main(int argc, char *argv[])
{
	long held = -1;
	bd_start();
	for (int c; (c = getopt(argc, argv, "f:V")) != -1;)
		switch (c) {
		case 'f': held = bd_number(optarg, 0, 1 << 20, "-f"); break;
		case 'V': bd_version();
		default: usage();
		}
	argv += optind;
	if (argc - optind != 2)
		usage();
	const char *partial, *repo;
	int from = parent_of(argv[0], &partial), host = parent_of(argv[1], &repo);
	const char *dot = strrchr(partial, '.'), *stamp = dot ? dot + 1 : partial;
	if (!generation_name(stamp))
		errx(BD_USAGE, "'%s' does not end in a timestamp of 14 digits", partial);
	struct stat st;
	int fd = openat(from, partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		err(BD_FATAL, "%s", partial);
	if (held >= 0) {
		struct stat h;
		if (fstat((int)held, &h) < 0)
			err(BD_USAGE, "-f %ld", held);
		if (h.st_dev != st.st_dev)
			errx(BD_USAGE, "-f %ld is on another file system than %s", held, partial);
	}
	if (syncfs(held >= 0 ? (int)held : fd) < 0)
		err(BD_FATAL, "%s: not published: the file system reports a write error", partial);
	int dir = openat(host, repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		check_order(dir, stamp);
	if (dir >= 0)
		move(from, partial, dir, stamp);
	else if (errno == ENOENT)
		first(from, partial, stamp, host, repo);
	else
		err(BD_FATAL, "%s", repo);
	return bd_finish(BD_DONE);
}
