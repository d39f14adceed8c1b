/* safety.c - what a restore is about to replace, kept as a dump until the restore has succeeded. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "safety.h"
#include "text.h"

/* As mkdir -p; only the last one is for nobody else. */
static int
make_folder(const char *folder)
{
	char *path = xstrdup(folder);
	int rc = 0;
	for (char *p = path; rc == 0 && *p; p++)
		if (*p == '/' && p > path && p[1]) {
			*p = '\0';
			rc = mkdir(path, 0755) < 0 && errno != EEXIST ? -1 : 0;
			*p = '/';
		}
	if (rc == 0)
		rc = mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
	free(path);
	return rc;
}

/* A component of a path, which names of databases need not be. */
static void
put_plain(FILE *out, const char *name)
{
	for (const unsigned char *c = (const unsigned char *)name; *c; c++)
		if (*c <= ' ' || *c == '/' || *c == '%' || *c >= 0x7f)
			fprintf(out, "%%%02X", *c);
		else
			putc(*c, out);
}

static char *
make_name(const char *container, const char *database)
{
	char *text, when[32];
	size_t len;
	time_t now = time(NULL);
	struct tm tm;
	FILE *out = text_begin(&text, &len);
	if (!localtime_r(&now, &tm))
		err(BD_FATAL, "the time");
	strftime(when, sizeof when, "%Y%m%d%H%M%S", &tm);
	put_plain(out, container);
	if (database) {
		putc('.', out);
		put_plain(out, database);
	}
	fprintf(out, ".%s.%ld.%s", when, (long)getpid(), database ? "backup.sql" : "cluster.backup.sql");
	text_end(out);
	return text;
}

int
safety_begin(struct safety *s, const char *folder, const char *container, const char *database)
{
	*s = (struct safety){.dir = -1};
	char *real = make_folder(folder) == 0 ? realpath(folder, NULL) : NULL;
	if (real)
		s->dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0) {
		warn("%s", folder);
		free(real);
		return -1;
	}
	s->name = make_name(container, database);
	s->path = xasprintf("%s/%s", real, s->name);
	free(real);
	return 0;
}

int
safety_open(const struct safety *s)
{
	int fd = openat(s->dir, s->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		warn("%s", s->path);
	return fd;
}

int
safety_remove(struct safety *s)
{
	if (!s->path || unlinkat(s->dir, s->name, 0) == 0 || errno == ENOENT)
		return 0;
	warn("%s", s->path);
	return -1;
}

void
safety_free(struct safety *s)
{
	if (s->dir >= 0)
		close(s->dir);
	free(s->name);
	free(s->path);
	*s = (struct safety){.dir = -1};
}
