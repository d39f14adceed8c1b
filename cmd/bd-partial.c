/* bd-partial - makes the folder in which a generation is built and prints its path.
 *
 * BACKUPS/.baudolo/partial/HASH.REPO.TIMESTAMP, with a timestamp above every
 * generation there is. Before anything is dumped or stopped it proves that a rename
 * from there to BACKUPS/HASH will work, and so will links. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "backups.h"
#include "tree.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-partial [-V] BACKUPS HASH REPOSITORY\n"
	                "       bd-partial -r BACKUPS HASH\n");
	exit(BD_USAGE);
}

/* As mkdir -p. */
static int
make_backups(const char *path)
{
	char *all = xstrdup(path);
	for (char *s = all + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = '\0';
		if (mkdir(all, 0755) < 0 && errno != EEXIST)
			err(BD_FATAL, "%s", all);
	}
	free(all);
	return backups_folder(AT_FDCWD, path, true);
}

/* Ends it all if a generation could not be renamed from here to the folder of this host
 * or, if there is one, to the repository. Whenever this is killed, an empty folder at most
 * stays in the former, which the next probe replaces; in the latter nothing ever appears:
 * rename(2) tells of another mount before it looks for the name. */
static void
probe(int partial, int host, int repo, const char *path)
{
	static const char name[] = ".baudolo-probe";
	struct stat here, there;
	bool ok = mkdirat(partial, name, 0700) == 0 && renameat(partial, name, host, name) == 0 &&
	    (unlinkat(host, name, AT_REMOVEDIR) == 0 || errno == ENOENT); /* another's probe has replaced it */
	if (ok && repo >= 0) {
		errno = EXDEV;
		ok = fstat(partial, &here) == 0 && fstat(repo, &there) == 0 && here.st_dev == there.st_dev &&
		    renameat(partial, name, repo, name) < 0 && errno == ENOENT;
	}
	if (ok)
		return;
	int why = errno;
	unlinkat(partial, name, AT_REMOVEDIR);
	rmdir(path);
	errno = why;
	err(BD_FATAL, "%s: cannot be renamed into the folder of this host or its repository", path);
}

/* Whether files can have several names there; if not, that is said. */
static void
probe_links(int partial, const char *path)
{
	static const char name[] = ".baudolo-probe", link[] = ".baudolo-link";
	int fd = openat(partial, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && (linkat(partial, name, partial, link, 0) == 0 || errno == EPERM || errno == EOPNOTSUPP);
	ok = ok && unlinkat(partial, name, 0) == 0;
	bool linked = ok && unlinkat(partial, link, 0) == 0;
	if (!ok || (!linked && errno != ENOENT)) {
		int why = errno;
		unlinkat(partial, name, 0);
		unlinkat(partial, link, 0);
		rmdir(path);
		errno = why;
		err(BD_FATAL, "%s", path);
	}
	if (!linked)
		warnx("WARNING: %s: no hard links can be made there: each generation is a full copy", path);
	close(fd);
}

static int
make(const char *root, const char *hash, const char *repo)
{
	check_name(hash, "hash");
	check_name(repo, "repository");
	umask(022); /* the upper levels are the admin's: never narrower than 0755 */
	int top = make_backups(root), host = backups_folder(top, hash, true);
	int parent = backups_hidden(top, "partial", true), old = backups_folder(host, repo, false);
	char **names = NULL;
	if (old >= 0 && generation_list(old, &names) < 0)
		return BD_FATAL;
	char *stamp = generation_next(names ? *names : NULL, time(NULL));
	if (!stamp)
		errx(BD_FATAL, "%s/%s: no name is left above '%s'", hash, repo, names && *names ? *names : "");
	char *path, *name;
	for (;;) {
		name = xasprintf("%s.%s.%s", hash, repo, stamp);
		path = xasprintf("%s/.baudolo/partial/%s", root, name);
		if (mkdirat(parent, name, 0700) == 0)
			break;
		char *next = errno == EEXIST ? generation_next(stamp, time(NULL)) : NULL;
		if (!next)
			err(BD_FATAL, "%s", path);
		free(stamp);
		free(name);
		free(path);
		stamp = next;
	}
	int fd = backups_folder(parent, name, false);
	if (fd < 0)
		err(BD_FATAL, "%s", path);
	probe(fd, host, old, path);
	probe_links(fd, path);
	puts(path);
	return bd_finish(BD_DONE);
}

/* Removes what dead runs of this host have left: whatever nobody holds a lock on. */
static int
reap(const char *root, const char *hash)
{
	int status = BD_DONE, parent;
	check_name(hash, "hash");
	size_t n = 0;
	char **names = backups_left(root, "partial", hash, &parent);
	for (; names[n]; n++) {
		int fd = openat(parent, names[n], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			warn("%s: left alone", names[n]);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (fd >= 0)
				warnx("%s: still in use, left alone", names[n]);
			continue;
		}
		if (remove_tree(parent, names[n]) < 0) {
			warnx("%s: could not be removed", names[n]);
			status = BD_FAILED;
		}
		close(fd);
	}
	folder_names_free(names, n);
	return status;
}

int
main(int argc, char *argv[])
{
	bool remove = false;
	bd_start();
	for (int c; (c = getopt(argc, argv, "rV")) != -1;)
		switch (c) {
		case 'r': remove = true; break;
		case 'V': bd_version();
		default: usage();
		}
	argv += optind;
	if (argc - optind != (remove ? 2 : 3))
		usage();
	return remove ? reap(argv[0], argv[1]) : make(argv[0], argv[1], argv[2]);
}
