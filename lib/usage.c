/* usage.c - what each of several trees that share inodes costs.
 *
 * Who shares what is told by sort(1): what is in memory at a time does not grow with
 * the number of files. An inode with one name is in one tree and goes no such way. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"
#include "usage.h"

/* A line: device, inode, tree, bytes in hexadecimal, so that sorting by bytes groups the inodes and orders the trees. */
enum { DIGITS = 16, INODE = 2 * DIGITS, LINE = 4 * DIGITS };

struct measure {
	struct usage *usage; /* of the tree at hand */
	size_t tree;
	FILE *lines;
};

static int
add(void *arg, const struct walk_item *i)
{
	struct measure *m = arg;
	uintmax_t bytes = (uintmax_t)i->st.st_blocks * 512;
	if (S_ISDIR(i->st.st_mode) || i->st.st_nlink == 1) {
		m->usage->fresh += bytes;
		m->usage->only += bytes;
		return 0;
	}
	fprintf(m->lines, "%016jx%016jx%016zx%016jx\n", (uintmax_t)i->st.st_dev, (uintmax_t)i->st.st_ino, m->tree, bytes);
	return 0;
}

static int
add_root(void *arg, const struct walk_item *i)
{
	return *i->path ? 0 : add(arg, i);
}

static uintmax_t
hex(const char *line, size_t at)
{
	char digits[DIGITS + 1] = "";
	memcpy(digits, line + at, DIGITS);
	return strtoumax(digits, NULL, 16);
}

/* Each inode's trees in turn, the oldest first. */
static int
count_shared(struct usage usage[], size_t count, FILE *in)
{
	char *line = NULL, inode[INODE + 1] = "";
	size_t cap = 0, first = 0;
	uintmax_t bytes = 0, names = 0;
	for (;;) {
		ssize_t got = getline(&line, &cap, in);
		if (got >= 0 && (got != LINE + 1 || hex(line, INODE) >= count)) {
			free(line);
			return -1;
		}
		bool same = got >= 0 && names && !memcmp(line, inode, INODE);
		if (!same && names == 1)
			usage[first].only += bytes;
		if (got < 0)
			break;
		size_t tree = (size_t)hex(line, INODE);
		bytes = hex(line, INODE + DIGITS);
		if (same) {
			usage[tree].shared += bytes;
			names++;
			continue;
		}
		memcpy(inode, line, INODE);
		first = tree;
		names = 1;
		usage[tree].fresh += bytes;
	}
	free(line);
	return ferror(in) ? -1 : 0;
}

static int
sort_spawn(struct child *c, FILE **to, FILE **from)
{
	static const char *const sort[] = {"sort", "-u", "-S", "64M", NULL};
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) {
		warn("pipe");
		return -1;
	}
	setenv("LC_ALL", "C", 1);
	if (child_spawn(c, sort, in[0], out[1]) < 0)
		return -1;
	close(in[0]);
	close(out[1]);
	if (!(*to = fdopen(in[1], "w")) || !(*from = fdopen(out[0], "r")))
		err(BD_FATAL, "memory");
	return 0;
}

int
usage_measure(struct usage usage[], size_t count, int (*open_tree)(void *arg, size_t i), const char *(*label)(void *arg, size_t i),
              void *arg)
{
	static const struct walk_ops ops = {.entry = add, .enter = add_root};
	struct measure m;
	struct child c;
	FILE *from;
	if (sort_spawn(&c, &m.lines, &from) < 0)
		return -1;
	for (m.tree = 0; m.tree < count; m.tree++) {
		m.usage = &usage[m.tree];
		int fd = open_tree(arg, m.tree);
		m.usage->known = fd >= 0 && walk(fd, label(arg, m.tree), &ops, &m) == 0;
		if (fd >= 0)
			close(fd);
	}
	bool ok = fclose(m.lines) == 0 && count_shared(usage, count, from) == 0;
	fclose(from);
	int status = child_wait(&c);
	if (ok && status == 0)
		return 0;
	warnx("sizes: sort ended with status %d", status);
	return -1;
}
