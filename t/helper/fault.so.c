/* fault.so.c - for LD_PRELOAD: of all calls that the bd-* programs and rsync make, in whatever process, one fails.
 *
 * BD_FAULT_COUNT=FILE     counts them there (8 bytes, mapped, shared by all)
 * BD_FAULT_AT=N           number N, from 1, fails; 0: none
 * BD_FAULT_LOG=FILE       what failed: "PROGRAM CALL PATH-OR-DESCRIPTOR"
 *
 * close(2) closes nevertheless, as Linux does. A stream fails by its descriptor: what it reads next is a folder. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic long *count;
static long at;
static _Thread_local bool inside;

static void *
next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}
#define REAL(name) \
	union { \
		void *object; \
		__typeof__(&name) function; \
	} real = {.object = next(#name)}

__attribute__((constructor)) static void
begin(void)
{
	const char *file = getenv("BD_FAULT_COUNT"), *n = getenv("BD_FAULT_AT"), *me = program_invocation_short_name;
	if (!file || (strncmp(me, "bd-", 3) && strcmp(me, "rsync")))
		return;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	void *p = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (p == MAP_FAILED)
		abort();
	count = p;
	at = n ? atol(n) : 0;
}

static bool
fails(const char *call, const char *path, int fd)
{
	if (!count || inside || atomic_fetch_add(count, 1) + 1 != at)
		return false;
	inside = true;
	char text[4400], link[64], target[4000] = "";
	if (!path) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof target - 1) < 0)
			*target = '\0';
	}
	int len = snprintf(text, sizeof text, "%s %s %s\n", program_invocation_short_name, call, path ? path : target);
	int log = (int)syscall(SYS_openat, AT_FDCWD, getenv("BD_FAULT_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (syscall(SYS_write, log, text, len) != len)
		abort();
	syscall(SYS_close, log);
	inside = false;
	errno = EIO;
	return true;
}

static mode_t
mode_of(int flags, va_list more)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = mode_of(flags, more);
	va_end(more);
	return fails("open", path, -1) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = mode_of(flags, more);
	va_end(more);
	return fails("open", path, -1) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

/* What a fortified program calls instead. */
int __open_2(const char *path, int flags);
int
__open_2(const char *path, int flags)
{
	return open(path, flags);
}

int __openat_2(int dir, const char *path, int flags);
int
__openat_2(int dir, const char *path, int flags)
{
	return openat(dir, path, flags);
}

ssize_t
read(int fd, void *buf, size_t len)
{
	return fails("read", NULL, fd) ? -1 : syscall(SYS_read, fd, buf, len);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	return fails("write", NULL, fd) ? -1 : syscall(SYS_write, fd, buf, len);
}

int
close(int fd)
{
	bool failed = fails("close", NULL, fd);
	int rc = (int)syscall(SYS_close, fd);
	if (failed)
		errno = EIO;
	return failed ? -1 : rc;
}

#define PLAIN(type, name, params, args, path, fd) \
	type name params \
	{ \
		REAL(name); \
		return fails(#name, path, fd) ? (type)-1 : real.function args; \
	}

PLAIN(int, fsync, (int fd), (fd), NULL, fd)
PLAIN(int, syncfs, (int fd), (fd), NULL, fd)
PLAIN(int, rename, (const char *a, const char *b), (a, b), b, -1)
PLAIN(int, renameat, (int x, const char *a, int y, const char *b), (x, a, y, b), b, -1)
PLAIN(int, renameat2, (int x, const char *a, int y, const char *b, unsigned f), (x, a, y, b, f), b, -1)
PLAIN(int, link, (const char *a, const char *b), (a, b), b, -1)
PLAIN(int, linkat, (int x, const char *a, int y, const char *b, int f), (x, a, y, b, f), b, -1)
PLAIN(int, unlink, (const char *a), (a), a, -1)
PLAIN(int, unlinkat, (int x, const char *a, int f), (x, a, f), a, -1)
PLAIN(int, mkdir, (const char *a, mode_t m), (a, m), a, -1)
PLAIN(int, mkdirat, (int x, const char *a, mode_t m), (x, a, m), a, -1)
PLAIN(int, fstatat, (int x, const char *a, struct stat *st, int f), (x, a, st, f), a, -1)

FILE *
fopen(const char *path, const char *mode)
{
	REAL(fopen);
	return fails("fopen", path, -1) ? NULL : real.function(path, mode);
}

static void
spoil(FILE *f)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
	syscall(SYS_dup3, fd, fileno(f), O_CLOEXEC);
	__fpurge(f);
	syscall(SYS_close, fd);
}

ssize_t __getdelim(char **line, size_t *room, int end, FILE *f);
ssize_t
__getdelim(char **line, size_t *room, int end, FILE *f)
{
	REAL(__getdelim);
	if (fileno(f) >= 0 && fails("getdelim", NULL, fileno(f)))
		spoil(f);
	return real.function(line, room, end, f);
}

ssize_t
getdelim(char **line, size_t *room, int end, FILE *f)
{
	return __getdelim(line, room, end, f);
}

ssize_t
getline(char **line, size_t *room, FILE *f)
{
	return __getdelim(line, room, '\n', f);
}

int
fflush(FILE *f)
{
	REAL(fflush);
	if (f && fileno(f) >= 0 && fails("fflush", NULL, fileno(f)))
		return EOF;
	return real.function(f);
}

int
fclose(FILE *f)
{
	REAL(fclose);
	bool failed = fileno(f) >= 0 && fails("fclose", NULL, fileno(f));
	int rc = real.function(f);
	if (failed)
		errno = EIO;
	return failed ? EOF : rc;
}
