/* process.c - which processes are in a folder, by proc(5). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bd.h"
#include "process.h"

/* A process may end at any time, and of a path that has no end nobody can tell more. */
static bool
is_gone(void)
{
	return errno == ENOENT || errno == ESRCH || errno == EACCES || errno == ENAMETOOLONG;
}

/* Whether target, which a process of the folder proc sees, is the folder or lies below it. */
static bool
leads_to(int proc, char *target, const char *end, const struct stat *folder)
{
	char *rest = NULL;
	struct stat st;
	for (char *at = strstr(target, end); at && !rest; at = strstr(at + 1, end))
		if (!at[strlen(end)] || at[strlen(end)] == '/')
			rest = at + strlen(end);
	if (!rest)
		return false;
	*rest = '\0';
	char *path = xasprintf("root%s", target);
	int rc = fstatat(proc, path, &st, 0);
	free(path);
	return rc == 0 ? same_inode(&st, folder) : !is_gone();
}

/* 1: the link in dir leads there, 0: not, -1 (errno). */
static int
follow(int proc, int dir, const char *link, const char *end, const struct stat *folder)
{
	char target[PATH_MAX + 1];
	ssize_t n = readlinkat(dir, link, target, PATH_MAX);
	if (n < 0)
		return is_gone() ? 0 : -1;
	target[n] = '\0';
	return leads_to(proc, target, end, folder);
}

/* The same of all descriptors. */
static int
follow_all(int proc, const char *end, const struct stat *folder)
{
	char **fds;
	int dir = folder_at(proc, "fd"), rc = 0;
	ssize_t n = dir < 0 ? -1 : folder_names(dir, &fds);
	if (n < 0)
		rc = is_gone() ? 0 : -1;
	for (ssize_t i = 0; i < n && rc == 0; i++)
		rc = follow(proc, dir, fds[i], end, folder);
	if (n >= 0)
		folder_names_free(fds, (size_t)n);
	return close_after(dir, rc);
}

static int
look(int all, const char *pid, const char *end, const struct stat *folder)
{
	int proc = folder_at(all, pid);
	if (proc < 0)
		return is_gone() ? 0 : -1;
	int rc = follow(proc, proc, "cwd", end, folder);
	if (rc == 0)
		rc = follow_all(proc, end, folder);
	return close_after(proc, rc);
}

long
process_in(const char *end, const struct stat *folder)
{
	char **pids;
	long found = 0;
	int all = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t n = all < 0 ? -1 : folder_names(all, &pids);
	if (n < 0)
		found = -1;
	for (ssize_t i = 0; i < n && !found; i++) {
		long pid = strtol(pids[i], NULL, 10);
		int rc = pid <= 0 || pid == getpid() ? 0 : look(all, pids[i], end, folder);
		found = rc > 0 ? pid : rc;
	}
	if (n >= 0)
		folder_names_free(pids, (size_t)n);
	close_after(all, 0);
	return found;
}
