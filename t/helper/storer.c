/* storer - stores into a file that it keeps mapped, all the time
 *
 *	storer FILE
 *
 * FILE is 64 pages of numbers of 8 bytes. Round after round it stores the next number into the first and then into the
 * last place of each page, page by page; nothing is ever synced. On TERM it ends with the round, and prints its number.
 * An older FILE is gone on with. To be linked statically: it is process 1 of a container without libraries. */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGES = 64, WORDS = 512 };

static volatile sig_atomic_t ended;

static void
end(int sig)
{
	(void)sig;
	ended = 1;
}

int
main(int argc, char **argv)
{
	const struct timespec breath = {0, 200000};
	volatile uint64_t *map;
	uint64_t n;
	int fd;

	if (argc != 2)
		errx(2, "usage: storer FILE");
	signal(SIGTERM, end);
	if ((fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644)) < 0 || ftruncate(fd, PAGES * WORDS * 8) < 0)
		err(1, "%s", argv[1]);
	map = mmap(NULL, PAGES * WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s: mmap", argv[1]);
	for (n = map[0]; !ended; nanosleep(&breath, NULL)) {
		n++;
		for (int page = 0; page < PAGES; page++) {
			map[page * WORDS] = n;
			map[page * WORDS + WORDS - 1] = n;
		}
	}
	printf("%ju\n", (uintmax_t)n);
	return fflush(stdout) == 0 ? 0 : 1;
}
