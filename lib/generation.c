/* generation.c - the names in a repository: YYYYMMDDHHMMSS in local time. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

enum { DIGITS = 14 };

bool
generation_name(const char *s)
{
	return strlen(s) == DIGITS && strspn(s, "0123456789") == DIGITS;
}

static int
newest_first(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

int
generation_list(int repo, char ***names)
{
	size_t n = 0, room = 16;
	*names = xcalloc(room, sizeof **names);
	int fd = openat(repo, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		warn("repository");
		return -1;
	}
	errno = 0;
	for (struct dirent *e; (e = readdir(d)); errno = 0) {
		struct stat st;
		if (!generation_name(e->d_name))
			continue;
		if (fstatat(repo, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT)
				continue;
			break;
		}
		if (!S_ISDIR(st.st_mode))
			continue;
		if (n + 2 > room) {
			room *= 2;
			*names = xrealloc(*names, room, sizeof **names);
		}
		(*names)[n++] = xstrdup(e->d_name);
	}
	int why = errno;
	closedir(d);
	(*names)[n] = NULL;
	qsort(*names, n, sizeof **names, newest_first);
	if (!why)
		return 0;
	errno = why;
	warn("repository");
	return -1;
}

int
repository(const char *path, char ***generations)
{
	int repo = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (repo < 0 && errno != ENOENT)
		err(BD_FATAL, "%s", path);
	*generations = NULL;
	if (repo >= 0 && generation_list(repo, generations) < 0)
		exit(BD_FATAL);
	return repo;
}

static char *
format(const struct tm *t)
{
	char *s = xcalloc(DIGITS + 1, 1);
	if (!strftime(s, DIGITS + 1, "%Y%m%d%H%M%S", t) || strlen(s) != DIGITS) {
		free(s);
		return NULL;
	}
	return s;
}

/* The name one second above s by the calendar; where s is no date, one above as a number. */
static char *
above(const char *s)
{
	struct tm t = {0};
	const char *end = strptime(s, "%Y%m%d%H%M%S", &t);
	if (end && !*end) {
		time_t later = timegm(&t) + 1;
		char *name = gmtime_r(&later, &t) ? format(&t) : NULL;
		if (name && strcmp(name, s) > 0)
			return name;
		free(name);
	}
	unsigned long long n = strtoull(s, NULL, 10) + 1;
	char *name = xasprintf("%0*llu", DIGITS, n);
	if (generation_name(name))
		return name;
	free(name);
	return NULL;
}

char *
generation_next(const char *newest, time_t now)
{
	struct tm t;
	char *name = localtime_r(&now, &t) ? format(&t) : NULL;
	if (!name || (newest && strcmp(name, newest) <= 0)) {
		free(name);
		return newest ? above(newest) : NULL;
	}
	return name;
}

time_t
generation_time(const char *name, struct tm *tm)
{
	*tm = (struct tm){0};
	const char *end = strptime(name, "%Y%m%d%H%M%S", tm);
	if (!end || *end)
		return -1;
	struct tm utc = *tm; /* a local time may not exist, where a name is above one that was before the gap; a date must */
	time_t day = timegm(&utc);
	if (day < 0 || utc.tm_mday != tm->tm_mday || utc.tm_min != tm->tm_min) /* 31 April; a second 60 */
		return -1;
	tm->tm_wday = utc.tm_wday;
	tm->tm_yday = utc.tm_yday;
	struct tm local = *tm;
	local.tm_isdst = -1;
	return mktime(&local);
}
