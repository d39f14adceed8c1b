/* mmapper - a process that keeps a file mapped, shared and dirty, and stores into it on demand
 *
 *	mmapper FILE CTL
 *
 * Makes the FIFOs CTL and CTL.ack, maps FILE, dirties its first page without
 * changing it, and goes on in the background: 0 means that all this is done.
 * Each byte written to CTL is an order, answered by end of file on CTL.ack:
 *	d	dirty the page again
 *	s	change the first byte
 *	q	end, and remove the FIFOs
 * It ends by itself after an hour. */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* true: go on */
static bool
obey(char order, volatile unsigned char *map)
{
	switch (order) {
	case 'd':
		map[0] = map[0];
		break;
	case 's':
		map[0]++;
		break;
	case 'q':
		return false;
	default:
		break;
	}
	return true;
}

static void
serve(const char *ctl, const char *ack, volatile unsigned char *map)
{
	bool more = true;

	while (more) {
		char order = 0;
		int in = open(ctl, O_RDONLY | O_CLOEXEC), out;

		if (in < 0 || read(in, &order, 1) < 0)
			_exit(1);
		more = obey(order, map);
		if (!more) {
			unlink(ctl);
			unlink(ack);
		}
		if (order != 0 && (out = open(ack, O_WRONLY | O_CLOEXEC)) >= 0)
			close(out);
		close(in);
	}
}

int
main(int argc, char **argv)
{
	volatile unsigned char *map;
	char *ack;
	int fd;

	if (argc != 3)
		errx(2, "usage: mmapper FILE CTL");
	if (asprintf(&ack, "%s.ack", argv[2]) < 0)
		err(1, NULL);
	if ((fd = open(argv[1], O_RDWR | O_CLOEXEC)) < 0)
		err(1, "%s", argv[1]);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s: mmap", argv[1]);
	close(fd);
	if (mkfifo(argv[2], 0600) < 0 || mkfifo(ack, 0600) < 0)
		err(1, "%s", argv[2]);
	obey('d', map);
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		/* bats waits for the end of every descriptor it gave away */
		close_range(0, ~0U, 0);
		setsid();
		alarm(3600);
		serve(argv[2], ack, map);
		_exit(0);
	default:
		return 0;
	}
}
