/* jq.c - JSON goes through jq, in memory. */
#include <sys/mman.h>
#include <unistd.h>

#include "jq.h"

FILE *
jq_scratch(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");
	if (f)
		return f;
	warn("memfd");
	if (fd >= 0)
		close(fd);
	return NULL;
}

int
jq_run(FILE *body, const char *options, const char *filter, FILE **out)
{
	if (!(*out = jq_scratch("jq")))
		return -1;
	struct child c;
	const char *const argv[] = {"jq", options, filter, NULL};
	if (lseek(fileno(body), 0, SEEK_SET) < 0)
		warn("memfd");
	else if (child_spawn(&c, argv, fileno(body), fileno(*out)) > 0) {
		int status = child_wait(&c);
		rewind(*out);
		if (!status)
			return 0;
		if (status > 0)
			warnx("jq ended with status %d", status);
	}
	fclose(*out);
	*out = NULL;
	return -1;
}
