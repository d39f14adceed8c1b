/* outdated.c - which of what was found wrong with a volume before is so no longer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mtree.h"
#include "outdated.h"
#include "tree.h"

int
outdated_begin(struct outdated *o)
{
	return generation_list(o->repo, &o->generations);
}

void
outdated_end(struct outdated *o)
{
	for (size_t i = 0; o->generations[i]; i++)
		free(o->generations[i]);
	free(o->generations);
}

/* Whether that path of the volume, as records have it, was compared in the generation, and by content. */
static bool
compared(const struct outdated *o, const char *generation, const char *path)
{
	const struct verify *v = o->verify;
	size_t i = 0;
	while (i < o->sides && strcmp(o->side[i].generation, generation))
		i++;
	if (i == o->sides || o->side[i].partly || v->quick || v->path)
		return false;
	path = !strcmp(path, ".") ? "" : path + 2;
	if (!strcmp(path, MTREE_NAME)) /* it is read from its beginning, whatever from is */
		return !v->next;
	return !*path || ((!v->from || strcmp(path, v->from) >= 0) && (!v->next || strcmp(path, v->next) < 0));
}

/* What cannot be looked at may be there, here and below. */
static bool
is_there(const struct outdated *o, const char *path)
{
	struct stat st;
	if (fstatat(o->repo, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	if (errno != ENOENT)
		warn("%s", path);
	return errno != ENOENT;
}

static bool
has(const struct outdated *o, const char *generation, const struct bad_thing *t)
{
	char *path = xasprintf("%s/%s", generation, o->verify->volume);
	int volume = folder_at(o->repo, path);
	bool there = volume >= 0 ? bad_there(t, volume) : !is_missing(errno);
	if (volume < 0 && there)
		warn("%s", path);
	free(path);
	return close_after(volume, there);
}

/* A generation that still has the wrong file at its path, if it was compared in none that has; or NULL. */
static const char *
left_in(const struct outdated *o, const struct bad_thing *t)
{
	const char *left = NULL;
	for (size_t i = 0; o->generations[i]; i++) {
		if (!has(o, o->generations[i], t))
			continue;
		if (compared(o, o->generations[i], t->path))
			return NULL;
		left = o->generations[i];
	}
	return left;
}

bool
outdated(void *arg, struct bad_thing *t)
{
	const struct outdated *o = arg;
	if (is_there(o, t->generation) && !compared(o, t->generation, t->path))
		return false;
	const char *left = left_in(o, t);
	if (!left)
		return true;
	free(t->generation);
	t->generation = xstrdup(left);
	return false;
}

bool
outdated_all(const struct outdated *o)
{
	bool all = !o->verify->from && !o->verify->next;
	for (size_t i = 0; all && o->generations[i]; i++) {
		char *list = xasprintf("%s/%s/%s", o->generations[i], o->verify->volume, MTREE_NAME);
		all = compared(o, o->generations[i], ".") || !is_there(o, list);
		free(list);
	}
	return all;
}
