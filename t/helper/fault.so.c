/* fault.so.c - for LD_PRELOAD: of all calls that a run's programs make, in whatever process, one fails with EIO.
 *
 * Descriptor 100    two longs, shared by all: how many calls there were, and which one, from 1, fails (0: none; -1: none,
 *                   but all are logged)
 * Descriptor 101    what failed: "PROGRAM CALL PATH-OR-DESCRIPTOR"
 *
 * They are handed down open, since rsync runs where it can open neither. A call counts if a result could depend on it: not
 * closing what was only read, nor what is about stderr, since nobody could be told; not making a folder that is there, nor
 * removing what is not; not what sh reads at the end of a file, which it cannot tell from an error, nor the first bytes of a
 * script, without which there is nobody to tell; and not what is listed as harmless.
 * close(2) closes nevertheless, as Linux does. A stream fails by its descriptor: what it reads next is a folder. */
#undef _FORTIFY_SOURCE /* it would define some of these inline */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STATE = 100, LOG = 101 };
static struct {
	_Atomic long count;
	long at;
} *state;
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
	void *p = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, STATE, 0);
	if (p == MAP_FAILED)
		abort();
	state = p;
}

/* What does not count, as it would stand in the log. */
static const char *const harmless[] = {
    "* * /proc/*", "* * /dev/*", "* * anon_inode:*", "* * /memfd:*", /* the kernel's memory */
    "* * /usr/*", "jq * */.jq", /* looked for, and done without */
    "find open .", "mkdir open *", "rm open *", "rm readdir *", /* another way is gone, or what could not be removed is named */
    "rsync fflush ?", /* it has nothing to say: what it copies it writes itself */
    "sh close *", "sh read pipe:*", /* sh cannot tell */
};

static bool
matters(const char *text)
{
	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		if (!fnmatch(harmless[i], text, 0))
			return false;
	return true;
}

static bool
fails_now(const char *call, const char *path, int fd)
{
	char text[4400], link[64], target[4000] = "";
	if (!path) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof target - 1) < 0)
			strcpy(target, "?"); /* where there is no /proc, or it is closed */
		path = target;
	}
	snprintf(text, sizeof text, "%s %s %s", program_invocation_short_name, call, path);
	if (!matters(text))
		return false;
	long n = atomic_fetch_add(&state->count, 1) + 1;
	if (n != state->at && state->at >= 0)
		return false;
	size_t len = strlen(text);
	text[len] = '\n';
	if (syscall(SYS_write, LOG, text, len + 1) != (long)len + 1)
		abort();
	return n == state->at;
}

static bool
fails(const char *call, const char *path, int fd)
{
	if (!state || inside)
		return false;
	int saved = errno;
	inside = true;
	bool failed = fails_now(call, path, fd);
	inside = false;
	errno = failed ? EIO : saved;
	return failed;
}

/* Was it written to, and is it still there? */
static bool
closing_fails(const char *call, int fd)
{
	struct stat st;
	int flags = fd == STDERR_FILENO ? -1 : fcntl(fd, F_GETFL);
	bool written = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH);
	return written && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink && fails(call, NULL, fd);
}

static mode_t
mode_of(int flags, va_list more)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

static bool
is_there(int dir, const char *path)
{
	struct stat st;
	return syscall(SYS_newfstatat, dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* rsync looks where it writes for a former file to build upon, and can do without. */
static bool
is_basis(int dir, const char *path, int flags)
{
	struct statvfs fs;
	if (strcmp(program_invocation_short_name, "rsync") || (flags & (O_CREAT | O_DIRECTORY)))
		return false;
	int fd = (int)syscall(SYS_openat, dir, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool source = fd >= 0 && !fstatvfs(fd, &fs) && (fs.f_flag & ST_RDONLY);
	if (fd >= 0)
		syscall(SYS_close, fd);
	return !source;
}

#define OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list more; \
		va_start(more, flags); \
		mode_t mode = mode_of(flags, more); \
		va_end(more); \
		bool failed = !is_basis(AT_FDCWD, path, flags) && fails("open", path, -1); \
		return failed ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode); \
	}
#define OPENAT(name) \
	int name(int dir, const char *path, int flags, ...) \
	{ \
		va_list more; \
		va_start(more, flags); \
		mode_t mode = mode_of(flags, more); \
		va_end(more); \
		bool failed = !is_basis(dir, path, flags) && fails("open", path, -1); \
		return failed ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode); \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

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

int
close(int fd)
{
	bool failed = closing_fails("close", fd);
	int rc = (int)syscall(SYS_close, fd);
	if (failed)
		errno = EIO;
	return failed ? -1 : rc;
}

#define PLAIN(type, failure, name, params, args, path, fd) \
	type name params \
	{ \
		REAL(name); \
		return fails(#name, path, fd) ? failure : real.function args; \
	}

PLAIN(ssize_t, -1, pread, (int fd, void *p, size_t n, off_t o), (fd, p, n, o), NULL, fd)
PLAIN(ssize_t, -1, pwrite, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o), NULL, fd)
PLAIN(int, -1, ftruncate, (int fd, off_t n), (fd, n), NULL, fd)
PLAIN(int, -1, fchmod, (int fd, mode_t m), (fd, m), NULL, fd)
PLAIN(int, -1, fsync, (int fd), (fd), NULL, fd)
PLAIN(int, -1, syncfs, (int fd), (fd), NULL, fd)
PLAIN(int, -1, rename, (const char *a, const char *b), (a, b), b, -1)
PLAIN(int, -1, renameat, (int x, const char *a, int y, const char *b), (x, a, y, b), b, -1)
PLAIN(int, -1, renameat2, (int x, const char *a, int y, const char *b, unsigned f), (x, a, y, b, f), b, -1)
PLAIN(int, -1, link, (const char *a, const char *b), (a, b), b, -1)
PLAIN(int, -1, linkat, (int x, const char *a, int y, const char *b, int f), (x, a, y, b, f), b, -1)
PLAIN(int, -1, symlinkat, (const char *a, int y, const char *b), (a, y, b), b, -1)
PLAIN(int, -1, rmdir, (const char *a), (a), a, -1)
PLAIN(int, -1, mkstemp, (char *a), (a), a, -1)
PLAIN(int, -1, fstatat, (int x, const char *a, struct stat *st, int f), (x, a, st, f), a, -1)
PLAIN(ssize_t, -1, readlinkat, (int x, const char *a, char *p, size_t n), (x, a, p, n), a, -1)
PLAIN(DIR *, NULL, opendir, (const char *a), (a), a, -1)
PLAIN(struct dirent *, NULL, readdir, (DIR *d), (d), NULL, dirfd(d))
PLAIN(struct dirent64 *, NULL, readdir64, (DIR *d), (d), NULL, dirfd(d))
PLAIN(FILE *, NULL, fopen, (const char *a, const char *m), (a, m), a, -1)
PLAIN(FILE *, NULL, fopen64, (const char *a, const char *m), (a, m), a, -1)

int
unlinkat(int dir, const char *path, int flags)
{
	return is_there(dir, path) && fails("unlink", path, -1) ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	return !is_there(dir, path) && fails("mkdir", path, -1) ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

/* sh takes an error for the end, and no script can tell when it is nothing: those are read at 10 and above. For rsync see
 * above. */
static bool
reading_counts(int fd)
{
	struct stat st;
	struct statvfs fs;
	bool regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
	if (!strcmp(program_invocation_short_name, "sh"))
		return regular && lseek(fd, 0, SEEK_CUR) < st.st_size && (fd < 10 || lseek(fd, 0, SEEK_CUR) > 0);
	return strcmp(program_invocation_short_name, "rsync") || !regular || (!fstatvfs(fd, &fs) && (fs.f_flag & ST_RDONLY));
}

ssize_t
read(int fd, void *p, size_t n)
{
	return reading_counts(fd) && fails("read", NULL, fd) ? -1 : syscall(SYS_read, fd, p, n);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	return fd != STDERR_FILENO && fails("write", NULL, fd) ? -1 : syscall(SYS_write, fd, p, n);
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

size_t
fread(void *p, size_t size, size_t n, FILE *f)
{
	REAL(fread);
	if (fileno(f) >= 0 && fails("fread", NULL, fileno(f)))
		spoil(f);
	return real.function(p, size, n, f);
}

int
fflush(FILE *f)
{
	REAL(fflush);
	if (f && f != stderr && fileno(f) >= 0 && fails("fflush", NULL, fileno(f))) {
		f->_flags |= _IO_ERR_SEEN; /* as libc does: ferror(3) tells */
		return EOF;
	}
	return real.function(f);
}

int
fclose(FILE *f)
{
	REAL(fclose);
	bool failed = fileno(f) >= 0 && closing_fails("fclose", fileno(f));
	int rc = real.function(f);
	if (failed)
		errno = EIO;
	return failed ? EOF : rc;
}
