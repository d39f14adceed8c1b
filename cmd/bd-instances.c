/* bd-instances - prints the running containers whose names say that they are databases: container id instance.
 *
 * A pure filter: records of bd-mounts in. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mounts.h"
#include "table.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-instances [-V] [-c NAME]... MOUNTS\n");
	exit(BD_USAGE);
}

static const char *const words[] = {"database", "postgres", "mariadb", "mysql", "db"};

/* The length of the instance in a container's name; 0: it is no database. */
static size_t
instance_length(const char *name)
{
	for (size_t w = 0; w < sizeof words / sizeof *words; w++)
		if (!strcmp(name, words[w]))
			return strlen(name);
	for (const char *at = name; (at = strpbrk(at, "_-")); at++)
		for (size_t w = 0; w < sizeof words / sizeof *words; w++)
			if (!strncmp(at + 1, words[w], strlen(words[w])))
				return (size_t)(at - name);
	return 0;
}

static int
print(const char *name, const char *id, char *const named[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(named[i], name))
			return TSV_WRITE(stdout, name, id, name);
	size_t len = instance_length(name);
	if (!len)
		return 0;
	char *instance = xasprintf("%.*s", (int)len, name);
	int rc = TSV_WRITE(stdout, name, id, instance);
	free(instance);
	return rc;
}

/* To have the rows of a container side by side. */
static int
by_container(const void *a, const void *b)
{
	char *const *const *x = a, *const *const *y = b;
	int rc = strcmp((*x)[MOUNT_CONTAINER], (*y)[MOUNT_CONTAINER]);
	return rc ? rc : strcmp((*x)[MOUNT_ID], (*y)[MOUNT_ID]);
}

static int
print_all(const struct table *mounts, char *const named[], size_t count)
{
	int status = BD_DONE;
	char *const **row = xcalloc(mounts->rows + 1, sizeof *row);
	for (size_t i = 0; i < mounts->rows; i++)
		row[i] = table_row(mounts, i);
	qsort(row, mounts->rows, sizeof *row, by_container);
	for (size_t i = 0; i < mounts->rows; i++)
		if (mount_is_running(row[i][MOUNT_STATE]) && (!i || by_container(&row[i - 1], &row[i])) &&
		    print(row[i][MOUNT_CONTAINER], row[i][MOUNT_ID], named, count) < 0)
			status = BD_FAILED;
	free(row);
	return status;
}

int
main(int argc, char *argv[])
{
	char **named = xcalloc((size_t)argc, sizeof *named);
	size_t count = 0;
	bd_start();
	for (int c; (c = getopt(argc, argv, "c:V")) != -1;)
		switch (c) {
		case 'c': named[count++] = optarg; break;
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 1)
		usage();
	struct table mounts = {.columns = MOUNT_COLUMNS};
	int status = table_load(&mounts, argv[optind], mount_check);
	if (!status)
		status = print_all(&mounts, named, count);
	table_free(&mounts);
	free(named);
	return bd_finish(status);
}
