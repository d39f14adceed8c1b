/* bd-machine-hash - prints the name of this host's folder below the backup root:
 * the SHA-256 of /etc/machine-id, byte for byte as the file stands. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bd.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-machine-hash [-V] [-f FILE]\n");
	exit(BD_USAGE);
}

int
main(int argc, char *argv[])
{
	const char *file = "/etc/machine-id";
	bd_start();
	for (int c; (c = getopt(argc, argv, "f:V")) != -1;)
		switch (c) {
		case 'f': file = optarg; break;
		case 'V': bd_version();
		default: usage();
		}
	if (optind != argc)
		usage();
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 && errno == ENOENT)
		errx(BD_FATAL, "%s: is missing: this host has no identity yet (systemd-machine-id-setup makes one)", file);
	if (fd < 0 || fstat(fd, &st) < 0)
		err(BD_FATAL, "%s", file);
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		errx(BD_FATAL, "%s: is empty: this host has no identity yet (systemd-machine-id-setup makes one)", file);
	char hex[HASH_HEX];
	if (hash_fd(fd, file, hex) < 0)
		return BD_FATAL;
	puts(hex);
	return bd_finish(BD_DONE);
}
