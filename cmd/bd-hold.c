/* bd-hold - opens the volumes of a plan, then becomes COMMAND.
 *
 * Docker unmounts a volume with driver options when its last container stops: what then
 * lies at the mountpoint is an empty folder. A mount of our own, made before, stays.
 *
 * What is dirty is written back now: else the containers would wait for it while they are down. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

enum { COLUMNS = 6, LOWEST = 20 }; /* scripts use the descriptors below 10 */

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-hold [-V] PLAN -- COMMAND [ARGUMENT...]\n");
	exit(BD_USAGE);
}

static void
write_back(const char *mountpoint)
{
	static struct devices synced;
	struct stat st;
	int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && !device_known(&synced, st.st_dev)) {
		device_add(&synced, st.st_dev);
		syncfs(fd); /* an error is the business of whoever wrote */
	}
	close(fd);
}

static bool
hold(const char *volume, const char *mountpoint)
{
	int tree = mountpoint ? rsync_tree(AT_FDCWD, mountpoint) : -1;
	int fd = tree < 0 ? -1 : fcntl(tree, F_DUPFD, LOWEST);
	if (tree >= 0)
		close(tree);
	if (mountpoint && fd < 0)
		warn("%s: %s", volume, mountpoint);
	else if (mountpoint)
		write_back(mountpoint);
	else
		warnx("%s: no mountpoint", volume);
	held_add(volume, fd < 0 ? HELD_FAILED : fd);
	return fd >= 0;
}

int
main(int argc, char *argv[])
{
	bd_start();
	for (int c; (c = getopt(argc, argv, "+V")) != -1;)
		switch (c) {
		case 'V': bd_version();
		default: usage();
		}
	argv += optind;
	if (argc - optind < 3 || strcmp(argv[1], "--"))
		usage();
	FILE *plan = fopen(argv[0], "re");
	if (!plan)
		err(BD_FATAL, "%s", argv[0]);
	struct tsv t;
	int rc;
	bool held = false, failed = false;
	tsv_begin(&t, plan, argv[0]);
	while ((rc = tsv_read(&t, COLUMNS)) > 0) {
		if (!t.field[0] || !t.field[1])
			rc = tsv_bad(&t, "no volume, or no action");
		else if (!strcmp(t.field[1], "stop"))
			*(hold(t.field[0], t.field[4]) ? &held : &failed) = true;
		if (rc < 0)
			break;
	}
	if (rc < 0)
		return BD_USAGE;
	fclose(plan);
	if (failed && !held)
		return BD_FATAL;
	child_exec((const char *const *)(argv + 2));
	return BD_FATAL;
}
