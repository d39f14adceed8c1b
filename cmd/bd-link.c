/* bd-link - makes the folders of SRC in DEST, hard-links from PREV what is provably
 * the same, and prints every other path for rsync --files-from. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bad.h"
#include "feed.h"
#include "tree.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-link [-bcV] [-x BAD] SRC PREV DEST [INDEX]\n");
	exit(BD_USAGE);
}

static int
print(void *arg, const char *path)
{
	(void)arg;
	return feed_write(stdout, path);
}

static int
link_with_index(struct link_job *j, const char *index, bool checksum, bool across_boots)
{
	struct index_in known;
	struct index_out seen;
	bool opened = j->prev >= 0 && index_open(&known, AT_FDCWD, index, j->prev, across_boots);
	const char *name;
	int dir = folder_of(index, &name);
	if (dir < 0)
		err(BD_FATAL, "%s", index);
	if (opened && !checksum)
		j->known = &known;
	if (index_begin(&seen, dir, name, j->dest) < 0)
		return -1;
	j->seen = &seen;
	int rc = link_tree(j);
	if (rc < 0)
		index_abort(&seen);
	else
		rc = index_commit(&seen);
	if (opened)
		index_close(&known);
	close(dir);
	return rc;
}

int
main(int argc, char *argv[])
{
	bool checksum = false, across_boots = false;
	struct bad bad = {0};
	bd_start();
	for (int c; (c = getopt(argc, argv, "bcVx:")) != -1;)
		switch (c) {
		case 'b': across_boots = true; break;
		case 'c': checksum = true; break;
		case 'V': bd_version();
		case 'x': bad_open(&bad, AT_FDCWD, optarg); break;
		default: usage();
		}
	argc -= optind;
	argv += optind;
	if (argc < 3 || argc > 4)
		usage();
	struct link_job j = {.label = argv[0], .prev = -1, .bad = &bad, .emit = print};
	j.src = folder_open(argv[0]);
	if (strcmp(argv[1], "-"))
		j.prev = folder_open(argv[1]);
	j.dest = folder_open(argv[2]);
	if (fstat(j.dest, &j.built) < 0)
		err(BD_FATAL, "%s", argv[2]);
	clock_gettime(CLOCK_REALTIME, &j.t0);
	int rc = argc == 4 ? link_with_index(&j, argv[3], checksum, across_boots) : link_tree(&j);
	return bd_finish(rc < 0 ? BD_FATAL : BD_DONE);
}
