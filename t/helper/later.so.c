/* later.so.c - for LD_PRELOAD: the program believes it is $BD_LATER seconds later than it is,
 * so that a test need not wait until a ctime has settled; and that each syncfs takes
 * $BD_SYNC_TAKES seconds. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long synced; /* seconds that the syncs so far would have taken */

static long
seconds(const char *name)
{
	const char *value = getenv(name);
	return value ? atol(value) : 0;
}

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
	int rc = real(id, now);
	if (rc == 0 && id == CLOCK_REALTIME)
		now->tv_sec += seconds("BD_LATER") + synced;
	return rc;
}

int
syncfs(int fd)
{
	static int (*real)(int);
	if (!real) {
		union {
			void *object;
			int (*function)(int);
		} found = {.object = dlsym(RTLD_NEXT, "syncfs")};
		real = found.function;
	}
	synced += seconds("BD_SYNC_TAKES");
	return real(fd);
}
