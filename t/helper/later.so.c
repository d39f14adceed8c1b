/* later.so.c - for LD_PRELOAD: the program believes it is $BD_LATER seconds later than it is,
 * so that a test need not wait until a ctime has settled. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int
clock_gettime(clockid_t id, struct timespec *now)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real) {
		union {
			void *object;
			int (*function)(clockid_t, struct timespec *);
		} found = {.object = dlsym(RTLD_NEXT, "clock_gettime")};
		real = found.function;
	}
	const char *later = getenv("BD_LATER");
	int rc = real(id, now);
	if (rc == 0 && id == CLOCK_REALTIME && later)
		now->tv_sec += atol(later);
	return rc;
}
