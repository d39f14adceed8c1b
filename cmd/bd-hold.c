/* bd-hold - opens the volumes of a plan, then becomes COMMAND.
 *
 * Docker unmounts a volume with driver options when its last container stops: what then
 * lies at the mountpoint is an empty folder. A mount of our own, made before, stays. */
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

static int
hold(const char *volume, const char *mountpoint)
{
	int tree = rsync_tree(AT_FDCWD, mountpoint);
	int fd = tree < 0 ? -1 : fcntl(tree, F_DUPFD, LOWEST);
	if (fd < 0) {
		warn("%s: %s", volume, mountpoint);
		return -1;
	}
	close(tree);
	held_add(volume, fd);
	return 0;
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
	int rc, status = BD_DONE;
	tsv_begin(&t, plan, argv[0]);
	while ((rc = tsv_read(&t, COLUMNS)) > 0) {
		if (!t.field[0] || !t.field[1])
			rc = tsv_bad(&t, "no volume, or no action");
		else if (!strcmp(t.field[1], "stop") && (!t.field[4] || hold(t.field[0], t.field[4]) < 0))
			status = BD_FATAL;
		if (rc < 0)
			break;
	}
	if (rc < 0)
		return BD_USAGE;
	fclose(plan);
	if (status != BD_DONE)
		return status;
	child_exec((const char *const *)(argv + 2));
	return BD_FATAL;
}
