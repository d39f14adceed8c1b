/* exchange - swaps what two names of one file system stand for, in one step
 *
 *	exchange A B */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: exchange A B");
	if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0)
		err(1, "%s and %s", argv[1], argv[2]);
	return 0;
}
