/* sqldir.c - VOLUME/sql, where dumps lie in the generation being built. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bd.h"
#include "sqldir.h"

/* Opens name in dir, made if need be. -1 (errno). */
static int
folder(int dir, const char *name, mode_t mode)
{
	bool made = mkdirat(dir, name, mode) == 0;
	if (!made && errno != EEXIST)
		return -1;
	int fd = folder_at(dir, name);
	if (fd < 0 || !made || fsync(dir) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

int
sqldir_open(int generation, const char *volume)
{
	int dir = folder(generation, volume, 0755); /* as bd-rsync makes it */
	if (dir < 0)
		return -1;
	int sql = folder(dir, "sql", 0700), why = errno;
	close(dir);
	errno = why;
	return sql;
}

void
sqldir_bury(int generation, const char *volume, const char *file)
{
	char *path[] = {xasprintf("%s/sql/.%s.tmp", volume, file), xasprintf("%s/sql/%s", volume, file)};
	for (int i = 0; i < 2; i++) {
		if (unlinkat(generation, path[i], 0) < 0 && errno != ENOENT)
			warn("%s", path[i]);
		free(path[i]);
	}
}

void
sqldir_tidy(int generation, const char *volume)
{
	char *sql = xasprintf("%s/sql", volume);
	if (unlinkat(generation, sql, AT_REMOVEDIR) == 0)
		unlinkat(generation, volume, AT_REMOVEDIR);
	free(sql);
}
