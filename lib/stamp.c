/* stamp.c - the hash of all names of a generation. */
#include <stdlib.h>
#include <string.h>

#include "stamp.h"
#include "tree.h"
#include "utf8.h"

struct names {
	struct hash hash;
	struct stamp *stamp;
};

static int
add(void *arg, const struct walk_item *i)
{
	struct names *n = arg;
	if (!n->stamp->odd && !is_utf8(i->name))
		n->stamp->odd = xstrdup(i->path);
	return strcmp(i->path, STAMP_NAME) ? hash_add(&n->hash, i->path, strlen(i->path)) : 0;
}

int
stamp_of(struct stamp *s, int generation, const char *label)
{
	static const struct walk_ops ops = {.entry = add};
	struct names n = {.stamp = s};
	*s = (struct stamp){0};
	if (hash_begin(&n.hash) < 0)
		return -1;
	int rc = walk(generation, label, &ops, &n);
	if (hash_end(&n.hash, s->hex) == 0 && rc == 0)
		return 0;
	free(s->odd);
	s->odd = NULL;
	return -1;
}
