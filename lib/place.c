/* place.c - where a path really lies: in which file system, and where in that.
 *
 * The kernel's list of mounts tells; device and inode of a folder would not tell what lies below it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "place.h"

const char *
path_within(const char *dir, const char *path)
{
	size_t len = strcmp(dir, "/") ? strlen(dir) : 0;
	if (strncmp(dir, path, len) || (path[len] && path[len] != '/'))
		return NULL;
	return path + len + (path[len] == '/');
}

/* The kernel writes blanks and backslashes as \ooo. */
static void
unescape(char *s)
{
	char *to = s;
	for (; *s; to++)
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else
			*to = *s++;
	*to = '\0';
}

int
mounts_read(void (*each)(void *arg, const struct mount_line *m), void *arg)
{
	static const char file[] = "/proc/self/mountinfo";
	FILE *in = fopen(file, "re");
	char *line = NULL;
	size_t room = 0;
	if (!in) {
		warn("%s", file);
		return -1;
	}
	while (getline(&line, &room, in) > 0) {
		char *rest = line, *field[5] = {NULL};
		for (int i = 0; i < 5; i++)
			field[i] = strsep(&rest, " ");
		if (!field[4])
			continue;
		unescape(field[3]);
		unescape(field[4]);
		each(arg, &(struct mount_line){.dev = field[2], .root = field[3], .at = field[4]});
	}
	int rc = ferror(in) ? -1 : 0;
	if (rc < 0)
		warn("%s", file);
	free(line);
	fclose(in);
	return rc;
}

/* As realpath(3), but what is not there yet at its end stays as it is. */
static char *
settle(const char *path)
{
	char *real = realpath(path, NULL);
	const char *last = strrchr(path, '/');
	if (real || errno != ENOENT || !last)
		return real;
	char *parent = last == path ? xstrdup("/") : strndup(path, (size_t)(last - path));
	char *above = parent ? settle(parent) : NULL;
	if (above)
		real = xasprintf("%s%s%s", above, strcmp(above, "/") && last[1] ? "/" : "", last + 1);
	free(above);
	free(parent);
	return real;
}

struct search {
	const char *path;
	size_t best; /* length of the mount point found so far */
	struct place *place;
};

static void
consider(void *arg, const struct mount_line *m)
{
	struct search *s = arg;
	const char *rest = path_within(m->at, s->path);
	if (!rest || strlen(m->at) < s->best) /* of two at one place, the later covers the earlier */
		return;
	s->best = strlen(m->at);
	place_free(s->place);
	s->place->dev = xstrdup(m->dev);
	s->place->path = xasprintf("%s%s%s", m->root, strcmp(m->root, "/") && *rest ? "/" : "", rest);
}

int
place_of(struct place *p, const char *path)
{
	*p = (struct place){0};
	char *real = settle(path);
	if (!real) {
		warn("%s", path);
		return -1;
	}
	int rc = mounts_read(consider, &(struct search){.path = real, .place = p});
	free(real);
	if (rc == 0 && !p->path) {
		warnx("%s: the kernel names no file system that holds it", path);
		rc = -1;
	}
	if (rc < 0)
		place_free(p);
	return rc;
}

bool
place_holds(const struct place *a, const struct place *b)
{
	return !strcmp(a->dev, b->dev) && path_within(a->path, b->path);
}

struct below {
	const char *path;
	const struct place *place;
	bool found;
};

static void
look_below(void *arg, const struct mount_line *m)
{
	struct below *b = arg;
	const char *rest = path_within(b->path, m->at);
	if (rest && *rest && !strcmp(m->dev, b->place->dev) && path_within(m->root, b->place->path))
		b->found = true;
}

int
place_mounted_below(const char *path, const struct place *place)
{
	char *real = settle(path);
	struct below b = {.path = real, .place = place};
	if (!real)
		warn("%s", path);
	int rc = real ? mounts_read(look_below, &b) : -1;
	free(real);
	return rc < 0 ? -1 : b.found;
}

void
place_free(struct place *p)
{
	free(p->dev);
	free(p->path);
	*p = (struct place){0};
}

int
folder_within(int folder, int other)
{
	struct stat st, at = {0}, last;
	int fd = openat(folder, ".", O_PATH | O_CLOEXEC), rc = fd < 0 ? -1 : fstat(other, &st);
	bool found = false;
	while (rc == 0) {
		last = at;
		rc = fstat(fd, &at);
		found = rc == 0 && same_inode(&at, &st);
		if (rc < 0 || found || same_inode(&at, &last))
			break;
		fd = close_after(fd, openat(fd, "..", O_PATH | O_CLOEXEC));
		rc = fd < 0 ? -1 : 0;
	}
	return close_after(fd, rc < 0 ? -1 : found);
}
