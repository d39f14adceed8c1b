/* folder.c - opening folders, and the names in them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bd.h"

int
folder_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err(BD_FATAL, "%s", path);
	return fd;
}

int
folder_at(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
folder_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xasprintf("%.*s", slash == path ? 1 : (int)(slash - path), path) : xstrdup(".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), why = errno;
	free(folder);
	*name = slash ? slash + 1 : path;
	errno = why;
	return fd;
}

bool
is_missing(int why)
{
	return why == ENOENT || why == ENOTDIR || why == ELOOP;
}

int
close_after(int fd, int rc)
{
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return rc;
}

bool
same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

int
folder_still(int dir, const char *name, int fd)
{
	struct stat open, there;
	if (fstat(fd, &open) < 0)
		return -1;
	if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return same_inode(&open, &there);
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
folder_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

ssize_t
folder_names(int fd, char ***names)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*names = NULL;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		if (copy >= 0)
			close(copy);
		return -1;
	}
	size_t n = 0, room = 0;
	errno = 0;
	for (struct dirent *e; (e = readdir(d)); errno = 0) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (n == room) {
			room = room ? 2 * room : 32;
			*names = xrealloc(*names, room, sizeof **names);
		}
		(*names)[n++] = xstrdup(e->d_name);
	}
	int why = errno;
	closedir(d);
	if (why) {
		folder_names_free(*names, n);
		*names = NULL;
		errno = why;
		return -1;
	}
	if (n)
		qsort(*names, n, sizeof **names, by_bytes);
	return (ssize_t)n;
}
