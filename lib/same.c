/* same.c - comparing two files by what is in them: content and extended
 * attributes, ACLs among them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tree.h"

enum { CHUNK = 1 << 17 };

bool
same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static ssize_t
read_full(int fd, char *buf, size_t len)
{
	size_t have = 0;
	while (have < len) {
		ssize_t got = read(fd, buf + have, len - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

int
same_bytes(int a, int b, const char *name)
{
	static char abuf[CHUNK], bbuf[CHUNK];
	for (;;) {
		ssize_t an = read_full(a, abuf, sizeof abuf), bn = read_full(b, bbuf, sizeof bbuf);
		if (an < 0 || bn < 0) {
			warn("%s", name);
			return -1;
		}
		if (an != bn || memcmp(abuf, bbuf, (size_t)an))
			return 0;
		if (an < CHUNK)
			return 1;
	}
}

static int
open_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* it may be a FIFO by now */
	if (fd < 0 && errno != ENOENT && errno != ELOOP && errno != ENXIO)
		warn("%s", name);
	return fd;
}

static int
same_file(int adir, int bdir, const char *name, const struct stat *st)
{
	struct stat now;
	int a = open_file(adir, name), b = open_file(bdir, name), rc = 0;
	if (a >= 0 && b >= 0 && fstat(a, &now) == 0 && same_inode(&now, st))
		rc = same_bytes(a, b, name);
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return rc;
}

static int
same_link(int adir, int bdir, const char *name)
{
	char a[4096], b[4096]; /* the kernel's limit for a target */
	ssize_t an = readlinkat(adir, name, a, sizeof a), bn = an < 0 ? an : readlinkat(bdir, name, b, sizeof b);
	if (bn < 0 && errno != ENOENT && errno != EINVAL)
		warn("%s", name);
	return an >= 0 && an == bn && !memcmp(a, b, (size_t)an);
}

/* The names or one value of a file's extended attributes; *len < 0 on error. */
static char *
xattr(const char *path, const char *name, ssize_t *len)
{
	for (int try = 0; try < 8; try++) {
		*len = name ? lgetxattr(path, name, NULL, 0) : llistxattr(path, NULL, 0);
		if (*len < 0 && errno == ENOTSUP && !name)
			*len = 0;
		if (*len < 0)
			return NULL;
		char *buf = xcalloc((size_t)*len + 1, 1);
		if (*len == 0)
			return buf;
		*len = name ? lgetxattr(path, name, buf, (size_t)*len) : llistxattr(path, buf, (size_t)*len);
		if (*len >= 0)
			return buf;
		free(buf);
		if (errno != ERANGE)
			return NULL;
	}
	return NULL;
}

/* Whether every attribute of path a stands at path b with the same value, and how many there are. */
static bool
xattrs_within(const char *a, const char *b, size_t *count)
{
	ssize_t len;
	char *names = xattr(a, NULL, &len);
	bool same = names != NULL;
	*count = 0;
	for (const char *n = names; same && n < names + len; n += strlen(n) + 1) {
		ssize_t an, bn;
		char *av = xattr(a, n, &an), *bv = xattr(b, n, &bn);
		same = av && bv && an == bn && !memcmp(av, bv, (size_t)an);
		++*count;
		free(av);
		free(bv);
	}
	free(names);
	return same;
}

bool
same_xattrs(int adir, int bdir, const char *name)
{
	/* There is no lgetxattrat; the last name of the path is not followed. */
	char *a = xasprintf("/proc/self/fd/%d/%s", adir, name), *b = xasprintf("/proc/self/fd/%d/%s", bdir, name);
	size_t an, bn;
	bool same = xattrs_within(a, b, &an) && xattrs_within(b, a, &bn) && an == bn;
	free(a);
	free(b);
	return same;
}

int
same_content(int adir, int bdir, const char *name, const struct stat *st)
{
	if (!same_xattrs(adir, bdir, name))
		return 0;
	return S_ISLNK(st->st_mode) ? same_link(adir, bdir, name) : same_file(adir, bdir, name, st);
}

static bool
among(const char *name, const char *names, size_t len)
{
	const char *n = names;
	while (n < names + len && strcmp(n, name))
		n += strlen(n) + 1;
	return n < names + len;
}

/* Removes those that are not among keep: inherited from the default ACL of the backup root, say. */
static int
drop_xattrs(int fd, const char *keep, size_t len)
{
	char *path = xasprintf("/proc/self/fd/%d/.", fd);
	ssize_t all;
	char *names = xattr(path, NULL, &all);
	int rc = names ? 0 : -1;
	for (const char *n = names; rc == 0 && n < names + all; n += strlen(n) + 1)
		if (!among(n, keep, len) && fremovexattr(fd, n) < 0 && errno != ENODATA)
			rc = -1;
	free(names);
	free(path);
	return rc;
}

int
copy_xattrs(int from, int to, const char *label)
{
	char *path = xasprintf("/proc/self/fd/%d/.", from);
	ssize_t len;
	char *names = xattr(path, NULL, &len);
	int rc = names ? drop_xattrs(to, names, (size_t)len) : -1;
	for (const char *n = names; rc == 0 && n < names + len; n += strlen(n) + 1) {
		ssize_t vlen;
		char *value = xattr(path, n, &vlen);
		if (!value ? errno != ENODATA : fsetxattr(to, n, value, (size_t)vlen, 0) < 0)
			rc = -1;
		free(value);
	}
	if (rc < 0)
		warn("%s: extended attributes", label);
	free(names);
	free(path);
	return rc;
}
