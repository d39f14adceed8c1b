/* tree-list - what a tree of files consists of, one line per path, in byte order of each folder's names
 *
 *	tree-list DIR		path, mode (octal, with the type), uid, gid, mtime (ns), size, content, xattrs
 *	tree-list -c DIR	path and first path, of every file whose inode has a name listed before
 *	tree-list -i DIR	path and dev:inode, of everything that is not a folder
 *
 * The first form holds all that a backup must keep, and nothing that a hard
 * link made elsewhere changes (ctime, number of links). Holes and zeros are
 * the same content; ACLs are xattrs. It shares no code with the programs it
 * helps to test. */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { BLOCK = 4096, XATTRS = 65536 };

static enum { LIST, CLASSES, INODES } form = LIST;

static struct seen {
	dev_t dev;
	ino_t ino;
	char *path;
} *seen;
static size_t nseen;

static void
put(const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '\t': fputs("\\t", stdout); break;
		case '\n': fputs("\\n", stdout); break;
		case '\r': fputs("\\r", stdout); break;
		case '\\': fputs("\\\\", stdout); break;
		default: putchar(*s);
		}
}

static void
put_hex(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", p[i]);
}

static bool
is_zero(const char *p, size_t len)
{
	static const char zero[BLOCK];

	return memcmp(p, zero, len) == 0;
}

/* The digest of every block that is not all zeros, each with its offset. */
static void
put_content(int dir, const char *name, const char *path)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int sumlen;
	char buf[BLOCK];
	off_t at = 0;
	ssize_t n = 0;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	if (md == NULL || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		errx(1, "no SHA-256");
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		at -= at % BLOCK;
		while ((n = pread(fd, buf, BLOCK, at)) > 0 && !is_zero(buf, (size_t)n)) {
			EVP_DigestUpdate(md, &at, sizeof at);
			EVP_DigestUpdate(md, buf, (size_t)n);
			at += n;
		}
		if (n <= 0)
			break;
		at += n;
	}
	if (n < 0 || (at < 0 && errno != ENXIO))
		err(1, "%s", path);
	close(fd);
	EVP_DigestFinal_ex(md, sum, &sumlen);
	EVP_MD_CTX_free(md);
	put_hex(sum, sumlen);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
put_xattrs(int dir, const char *name, const char *path)
{
	static char names[XATTRS], value[XATTRS];
	char *list[XATTRS / 2], *at;
	size_t count = 0;
	ssize_t n;

	if (asprintf(&at, "/proc/self/fd/%d/%s", dir, name) < 0)
		err(1, NULL);
	if ((n = llistxattr(at, names, sizeof names)) < 0 && errno != ENOTSUP)
		err(1, "%s: xattrs", path);
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
		list[count++] = names + i;
	if (count > 0)
		qsort(list, count, sizeof *list, by_name);
	for (size_t i = 0; i < count; i++) {
		if ((n = lgetxattr(at, list[i], value, sizeof value)) < 0)
			err(1, "%s: %s", path, list[i]);
		putchar(i ? ',' : '\t');
		put(list[i]);
		putchar('=');
		put_hex((unsigned char *)value, (size_t)n);
	}
	free(at);
}

static void
put_all(int dir, const char *name, const char *path, const struct stat *st)
{
	char target[4096];
	ssize_t n;

	put(path);
	printf("\t%o\t%ju\t%ju\t%jd.%09ld", st->st_mode, (uintmax_t)st->st_uid, (uintmax_t)st->st_gid,
	    (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (S_ISREG(st->st_mode)) {
		printf("\t%jd\t", (intmax_t)st->st_size);
		put_content(dir, name, path);
	} else if (S_ISLNK(st->st_mode)) {
		if ((n = readlinkat(dir, name, target, sizeof target - 1)) < 0)
			err(1, "%s", path);
		target[n] = '\0';
		fputs("\t-\t", stdout);
		put(target);
	} else {
		printf("\t-\t%jx", S_ISDIR(st->st_mode) ? (uintmax_t)0 : (uintmax_t)st->st_rdev);
	}
	put_xattrs(dir, name, path);
	putchar('\n');
}

static void
put_class(const char *path, const struct stat *st)
{
	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return;
	for (size_t i = 0; i < nseen; i++)
		if (seen[i].ino == st->st_ino && seen[i].dev == st->st_dev) {
			put(path);
			putchar('\t');
			put(seen[i].path);
			putchar('\n');
			return;
		}
	if ((seen = reallocarray(seen, nseen + 1, sizeof *seen)) == NULL)
		err(1, NULL);
	seen[nseen++] = (struct seen){st->st_dev, st->st_ino, strdup(path)};
}

static void
put_line(int dir, const char *name, const char *path, const struct stat *st)
{
	switch (form) {
	case LIST:
		put_all(dir, name, path, st);
		break;
	case CLASSES:
		put_class(path, st);
		break;
	case INODES:
		if (S_ISDIR(st->st_mode))
			break;
		put(path);
		printf("\t%ju:%ju\n", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
		break;
	}
}

static char **
names_of(int dir, size_t *count)
{
	char **names = NULL;
	struct dirent *e;
	DIR *d = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 0));

	*count = 0;
	while (d != NULL && (errno = 0, e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if ((names = reallocarray(names, *count + 1, sizeof *names)) == NULL)
			err(1, NULL);
		names[(*count)++] = strdup(e->d_name);
	}
	if (d == NULL || errno != 0)
		err(1, "cannot read a folder");
	closedir(d);
	if (*count > 0)
		qsort(names, *count, sizeof *names, by_name);
	return names;
}

static void
walk(int dir, const char *name, const char *path)
{
	struct stat st;
	char **names, *below;
	size_t count;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		err(1, "%s", path);
	put_line(dir, name, path, &st);
	if (!S_ISDIR(st.st_mode))
		return;
	if ((fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		err(1, "%s", path);
	names = names_of(fd, &count);
	for (size_t i = 0; i < count; i++) {
		if (asprintf(&below, "%s/%s", path, names[i]) < 0)
			err(1, NULL);
		walk(fd, names[i], below);
		free(below);
		free(names[i]);
	}
	free(names);
	close(fd);
}

int
main(int argc, char **argv)
{
	int c, fd;

	while ((c = getopt(argc, argv, "ci")) != -1)
		switch (c) {
		case 'c': form = CLASSES; break;
		case 'i': form = INODES; break;
		default: goto usage;
		}
	if (argc - optind != 1)
		goto usage;
	if ((fd = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err(1, "%s", argv[optind]);
	walk(fd, ".", ".");
	if (fflush(stdout) == EOF)
		err(1, "stdout");
	return 0;
usage:
	fputs("usage: tree-list [-c | -i] DIR\n", stderr);
	return 2;
}
