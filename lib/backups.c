/* backups.c - the folders below BACKUPS. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backups.h"
#include "tree.h"

int
backups_folder(int dir, const char *name, bool make)
{
	if (make && mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		err(BD_FATAL, "%s", name);
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (make || errno != ENOENT))
		err(BD_FATAL, "%s", name);
	return fd;
}

int
backups_hidden(int top, const char *name, bool make)
{
	int hidden = backups_folder(top, ".baudolo", make);
	return hidden < 0 ? -1 : backups_folder(hidden, name, make);
}

char **
backups_left(const char *backups, const char *name, const char *hash, int *folder)
{
	int top = backups_folder(AT_FDCWD, backups, false);
	char **names = NULL;
	size_t len = strlen(hash), kept = 0;
	*folder = top < 0 ? -1 : backups_hidden(top, name, false);
	ssize_t n = *folder < 0 ? 0 : folder_names(*folder, &names);
	if (n < 0)
		err(BD_FATAL, "%s/.baudolo/%s", backups, name);
	for (ssize_t i = 0; i < n; i++)
		if (!strncmp(names[i], hash, len) && names[i][len] == '.')
			names[kept++] = names[i];
		else
			free(names[i]);
	names = xrealloc(names, kept + 1, sizeof *names);
	names[kept] = NULL;
	return names;
}
