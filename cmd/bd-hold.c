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

#include "plan.h"
#include "tree.h"

enum { LOWEST = 20 }; /* scripts use the descriptors below 10 */

static void
write_back(const char *mountpoint)
{
	static struct devices synced;
	struct stat st;
	int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		warn("%s", mountpoint);
		return;
	}
	if (fstat(fd, &st) == 0 && !device_known(&synced, st.st_dev)) {
		device_add(&synced, st.st_dev);
		if (syncfs(fd) < 0) /* the business of whoever wrote, too */
			warn("%s", mountpoint);
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
	static const char synopsis[] = "bd-hold [-V] PLAN -- COMMAND [ARGUMENT...]";
	char **operand = bd_operands(argc, argv, "+V", 3, -1, synopsis);
	if (strcmp(operand[1], "--"))
		bd_usage(synopsis);
	struct table plan = {.columns = PLAN_COLUMNS};
	int status = table_load(&plan, operand[0], plan_check);
	if (status)
		return status;
	bool held = false, failed = false;
	for (size_t i = 0; i < plan.rows; i++) {
		char **row = table_row(&plan, i);
		if (!strcmp(row[PLAN_ACTION], "stop"))
			*(hold(row[PLAN_VOLUME], row[PLAN_MOUNTPOINT]) ? &held : &failed) = true;
	}
	if (failed && !held)
		return BD_FATAL;
	child_exec((const char *const *)(operand + 2));
	return BD_FATAL;
}
