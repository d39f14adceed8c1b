/* bd-remove - removes generations: first each is renamed out of sight, to BACKUPS/.baudolo/removed, then deleted.
 *
 * So there is never half a generation under its name, and -r goes on where a dead one ended. Inodes that
 * other generations name are unlinked and nothing else; no link is followed and no mount entered. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backups.h"
#include "process.h"
#include "tree.h"

static bool verbose;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-remove [-vV] BACKUPS HASH REPOSITORY GENERATION...\n"
	                "       bd-remove -r [-v] BACKUPS HASH\n");
	exit(BD_USAGE);
}

/* Opens a folder below dir, and nothing through a link or on another mount. */
static int
enter(int dir, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

static void
complain(const char *label, const char *name)
{
	int why = errno;
	char *shown = tsv_show(name);
	warnx("%s: %s: %s", label, shown, strerror(why));
	free(shown);
}

/* Removes all that is in the folder, as far as it can be. */
static int
empty(int folder, const char *label)
{
	char **names;
	int rc = 0;
	ssize_t n = folder_names(folder, &names);
	if (n < 0) {
		warn("%s", label);
		return -1;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (unlinkat(folder, names[i], 0) == 0 || errno == ENOENT)
			continue;
		int below = errno == EISDIR ? enter(folder, names[i]) : -1;
		if (below >= 0) {
			rc = empty(below, label) < 0 ? -1 : rc;
			close(below);
		}
		if (below < 0 || (unlinkat(folder, names[i], AT_REMOVEDIR) < 0 && errno != ENOENT)) {
			complain(label, names[i]);
			rc = -1;
		}
	}
	folder_names_free(names, (size_t)n);
	return rc;
}

/* Whether somebody uses the generation: what is in restore or verification is flocked. Said. */
static bool
used(int folder, const char *repo, const char *generation)
{
	struct stat st;
	if (fstat(folder, &st) < 0 || flock(folder, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			warnx("%s/%s: left alone: it is being read", repo, generation);
		else
			warn("%s/%s", repo, generation);
		return true;
	}
	const char *end = repo + strlen(repo);
	for (int parts = 2; parts && end > repo;) /* the host's hash, and the repository */
		parts -= *--end == '/';
	char *whole = xasprintf("%s/%s", end, generation);
	long pid = process_in(whole, &st);
	free(whole);
	if (pid > 0)
		warnx("%s/%s: left alone: process %ld uses it", repo, generation, pid);
	else if (pid < 0)
		warnx("%s/%s: left alone: whether a process uses it is not known: %s", repo, generation, strerror(errno));
	return pid;
}

/* Deletes what has been renamed away. Two at it are in nobody's way. */
static int
delete(int removed, const char *name)
{
	int fd = enter(removed, name), rc = 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0) {
		rc = empty(fd, name);
		close(fd);
	}
	if (fd >= 0 && (rc < 0 || unlinkat(removed, name, AT_REMOVEDIR) == 0 || errno == ENOENT))
		return rc;
	warn("%s", name);
	return -1;
}

/* Out of sight, and durably so before the first byte goes. */
static int
hide(int repo, const char *path, const char *generation, int removed, const char *name)
{
	int folder = folder_at(repo, generation);
	if (folder < 0) {
		warn("%s/%s", path, generation);
		return -1;
	}
	int rc = used(folder, path, generation) ? -1 : 0;
	if (rc == 0 && (renameat2(repo, generation, removed, name, RENAME_NOREPLACE) < 0 || fsync(removed) < 0 || fsync(repo) < 0)) {
		warn("%s/%s", path, generation);
		rc = -1;
	}
	close(folder);
	return rc;
}

static int
remove_all(const char *root, const char *hash, const char *repo, char *const generations[])
{
	int status = BD_DONE;
	umask(022);
	int top = backups_folder(AT_FDCWD, root, false), host = top < 0 ? -1 : backups_folder(top, hash, false);
	int fd = host < 0 ? -1 : backups_folder(host, repo, false);
	char *given = xasprintf("%s/%s/%s", root, hash, repo), *path = realpath(given, NULL);
	if (fd < 0 || !path)
		err(BD_FATAL, "%s", given);
	free(given);
	int removed = backups_hidden(top, "removed", true);
	for (; *generations; generations++) {
		char *name = xasprintf("%s.%s.%s", hash, repo, *generations);
		if (verbose)
			printf("remove %s/%s\n", path, *generations);
		if (hide(fd, path, *generations, removed, name) < 0 || delete(removed, name) < 0)
			status = BD_FAILED;
		free(name);
	}
	if (syncfs(top) < 0) { /* only then is the room free on all file systems */
		warn("%s", root);
		status = BD_FAILED;
	}
	free(path);
	return status;
}

/* What dead ones of this host have begun to remove. */
static int
resume(const char *root, const char *hash)
{
	int status = BD_DONE, removed;
	size_t n = 0;
	char **names = backups_left(root, "removed", hash, &removed);
	for (; names[n]; n++) {
		if (verbose)
			printf("remove %s/.baudolo/removed/%s\n", root, names[n]);
		if (delete(removed, names[n]) < 0)
			status = BD_FAILED;
	}
	folder_names_free(names, n);
	return status;
}

int
main(int argc, char *argv[])
{
	bool again = false;
	bd_start();
	for (int c; (c = getopt(argc, argv, "rvV")) != -1;)
		switch (c) {
		case 'r': again = true; break;
		case 'v': verbose = true; break;
		case 'V': bd_version();
		default: usage();
		}
	argv += optind;
	argc -= optind;
	if (again ? argc != 2 : argc < 4)
		usage();
	check_name(argv[1], "hash");
	if (again)
		return bd_finish(resume(argv[0], argv[1]));
	check_name(argv[2], "repository");
	for (int i = 3; i < argc; i++)
		if (!generation_name(argv[i]))
			errx(BD_USAGE, "'%s' is not the name of a generation", argv[i]);
	return bd_finish(remove_all(argv[0], argv[1], argv[2], argv + 3));
}
