/* order.c - which container needs which to run.
 *
 * Namespaces come first, and what --link says, for without these no container starts; then
 * what docker-compose was told. Where an old one left no label that tells, those of a project
 * need what was created before. What would close a circle is left out. */
#include <stdlib.h>
#include <string.h>

#include "order.h"

static const char *const lenders[] = {"network", "pid", "ipc"};
enum { LENDERS = sizeof lenders / sizeof *lenders };

struct graph {
	const struct container *c;
	size_t n;
	bool *needs; /* [i * n + j]: i needs j, maybe by way of others */
};

static void
add(struct graph *g, size_t i, size_t j)
{
	bool *needs = g->needs;
	size_t n = g->n;
	if (i == j || needs[j * n + i])
		return;
	for (size_t x = 0; x < n; x++)
		for (size_t y = 0; (x == i || needs[x * n + i]) && y < n; y++)
			if (y == j || needs[j * n + y])
				needs[x * n + y] = true;
}

/* The container that Docker means by ref: an id, a name, the start of an id. n if there is none. */
static size_t
find(const struct container c[], size_t n, const char *ref)
{
	size_t name = n, start = n;
	ref += *ref == '/';
	for (size_t i = 0; *ref && i < n; i++)
		if (!strcmp(c[i].id, ref))
			return i;
		else if (!strcmp(c[i].name, ref))
			name = i;
		else if (!strncmp(c[i].id, ref, strlen(ref)))
			start = i;
	return name < n ? name : start;
}

static void
add_found(struct graph *g, size_t i, const char *ref)
{
	size_t j = ref ? find(g->c, g->n, ref) : g->n;
	if (j < g->n)
		add(g, i, j);
}

static bool
equal(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* Whether a depends on b as docker-compose says; and whether b is to be healthy first. */
static bool
depends(const struct container *a, const struct container *b, bool *healthy)
{
	static const char condition[] = ":service_healthy";
	const char *on = container_get(a, "depends"), *service = container_get(b, "service");
	if (!on || !service || !equal(container_get(a, "project"), container_get(b, "project")))
		return false;
	size_t len = strlen(service);
	for (const char *s = on; *s; s += strcspn(s, ",")) {
		s += strspn(s, ",");
		if (!strncmp(s, service, len) && strchr(":,", s[len])) { /* strchr finds the NUL, too */
			s += len;
			*healthy = !strncmp(s, condition, sizeof condition - 1) && strchr(":,", s[sizeof condition - 1]);
			return true;
		}
	}
	return false;
}

/* Of the same project, and b is older. */
static bool
is_after(const struct container *a, const struct container *b)
{
	const char *x = container_get(a, "created"), *y = container_get(b, "created");
	return equal(container_get(a, "project"), container_get(b, "project")) && !container_get(a, "depends") &&
	       !container_get(b, "depends") && x && y && strcmp(x, y) > 0;
}

void
order_ranks(const struct container c[], size_t n, size_t rank[])
{
	struct graph g = {c, n, xcalloc(n * n + 1, sizeof *g.needs)};
	bool healthy;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < LENDERS; k++)
			add_found(&g, i, container_get(&c[i], lenders[k]));
		for (size_t at = 0, more = 1; more;) {
			const char *link = container_next(&c[i], "link", &at);
			add_found(&g, i, link);
			more = link != NULL;
		}
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			if (depends(&c[i], &c[j], &healthy))
				add(&g, i, j);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			if (is_after(&c[i], &c[j]))
				add(&g, i, j);
	memset(rank, 0, n * sizeof *rank);
	/* a turn settles at least those of one rank */
	for (bool moved = true; moved;) {
		moved = false;
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j++)
				if (g.needs[i * n + j] && rank[i] <= rank[j]) {
					rank[i] = rank[j] + 1;
					moved = true;
				}
	}
	free(g.needs);
}

char *
order_needs(const struct container c[], size_t n, size_t i)
{
	char *text;
	size_t len;
	bool healthy = false;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		err(BD_FATAL, "memory");
	for (size_t k = 0; k < LENDERS; k++) {
		const char *ref = container_get(&c[i], lenders[k]);
		if (ref)
			fprintf(out, " %s:%s", lenders[k], ref);
	}
	for (size_t j = 0; j < n; j++)
		if (depends(&c[i], &c[j], &healthy) && healthy && container_get(&c[j], "health"))
			fprintf(out, " healthy:%s", c[j].id);
	if (fclose(out) != 0)
		err(BD_FATAL, "memory");
	char *needs = len ? xstrdup(text + 1) : NULL;
	free(text);
	return needs;
}
