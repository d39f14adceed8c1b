/* group.c - the running containers, and which of them stop together.
 *
 * A restart gives a container new network, pid and ipc namespaces; whoever lives in the old
 * ones is cut off or killed. So these stop with it, but not it with them. Groups are disjoint
 * sets; all is linear but for sorting. */
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "mounts.h"

static int
by_id(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;
	return strcmp(x->id, y->id);
}

static enum obstacle
obstacle_of(char *const row[])
{
	if (row[MOUNT_TASK])
		return OBSTACLE_TASK;
	if (row[MOUNT_AUTOREMOVE] && !strcmp(row[MOUNT_AUTOREMOVE], "yes"))
		return OBSTACLE_AUTOREMOVE;
	if (!strcmp(row[MOUNT_STATE], "paused"))
		return OBSTACLE_PAUSED;
	return row[MOUNT_SELF] && !strcmp(row[MOUNT_SELF], "yes") ? OBSTACLE_SELF : OBSTACLE_NONE;
}

size_t
group_find(const struct groups *g, const char *id)
{
	const struct peer key = {.id = id};
	const struct peer *found = id && g->len ? bsearch(&key, g->peer, g->len, sizeof key, by_id) : NULL;
	return found ? (size_t)(found - g->peer) : NOBODY;
}

static void
find_lenders(struct groups *g, char *const row[])
{
	static const char prefix[] = "container:";
	const char *network = row[MOUNT_NETWORK];
	bool lent = network && !strncmp(network, prefix, sizeof prefix - 1);
	struct peer *p = &g->peer[group_find(g, row[MOUNT_ID])];
	p->lender[0] = group_find(g, lent ? network + sizeof prefix - 1 : NULL);
	p->lender[1] = group_find(g, row[MOUNT_PID]);
	p->lender[2] = group_find(g, row[MOUNT_IPC]);
}

/* To those in whose namespaces it lives, and on. */
static void
spread_obstacles(struct groups *g)
{
	size_t *queue = xcalloc(g->len + 1, sizeof *queue), end = 0;
	for (size_t i = 0; i < g->len; i++)
		if (g->peer[i].obstacle != OBSTACLE_NONE)
			queue[end++] = i;
	for (size_t i = 0; i < end; i++)
		for (size_t k = 0; k < GROUP_NAMESPACES; k++) {
			size_t to = g->peer[queue[i]].lender[k];
			if (to == NOBODY || g->peer[to].obstacle != OBSTACLE_NONE)
				continue;
			g->peer[to].obstacle = OBSTACLE_DEPENDANT;
			queue[end++] = to;
		}
	free(queue);
}

void
group_read(struct groups *g, const struct table *mounts)
{
	size_t n = 0;
	*g = (struct groups){.peer = xcalloc(mounts->rows + 1, sizeof *g->peer)};
	for (size_t i = 0; i < mounts->rows; i++) {
		char **row = table_row(mounts, i);
		if (mount_is_running(row[MOUNT_STATE]))
			g->peer[n++] = (struct peer){.id = row[MOUNT_ID], .name = row[MOUNT_CONTAINER], .obstacle = obstacle_of(row)};
	}
	qsort(g->peer, n, sizeof *g->peer, by_id);
	for (size_t i = 0; i < n; i++)
		if (!g->len || strcmp(g->peer[g->len - 1].id, g->peer[i].id)) {
			g->peer[g->len] = g->peer[i];
			g->peer[g->len].parent = g->len;
			g->len++;
		}
	for (size_t i = 0; i < mounts->rows; i++)
		if (mount_is_running(table_row(mounts, i)[MOUNT_STATE]))
			find_lenders(g, table_row(mounts, i));
	spread_obstacles(g);
}

/* The one that stands for the group of who. */
static size_t
head(struct groups *g, size_t who)
{
	struct peer *p = g->peer;
	while (p[who].parent != who) {
		p[who].parent = p[p[who].parent].parent;
		who = p[who].parent;
	}
	return who;
}

void
group_stop(struct groups *g, size_t a, size_t b)
{
	g->peer[a].stops = g->peer[b].stops = true;
	g->peer[head(g, a)].parent = head(g, b);
}

void
group_close(struct groups *g)
{
	/* for each peer the first of those that live with it, and for each of them and namespace the next; 1 more */
	size_t *first = xcalloc(g->len + 1, sizeof *first), *next = xcalloc(g->len + 1, GROUP_NAMESPACES * sizeof *next);
	size_t *queue = xcalloc(g->len + 1, sizeof *queue), end = 0;
	for (size_t i = 0; i < g->len; i++) {
		if (g->peer[i].stops)
			queue[end++] = i;
		for (size_t k = 0; k < GROUP_NAMESPACES; k++) {
			size_t lender = g->peer[i].lender[k], link = GROUP_NAMESPACES * i + k;
			if (lender == NOBODY)
				continue;
			next[link] = first[lender];
			first[lender] = link + 1;
		}
	}
	for (size_t i = 0; i < end; i++)
		for (size_t link = first[queue[i]]; link; link = next[link - 1]) {
			size_t guest = (link - 1) / GROUP_NAMESPACES;
			if (!g->peer[guest].stops)
				queue[end++] = guest;
			group_stop(g, guest, queue[i]);
		}
	free(first);
	free(next);
	free(queue);
}

size_t
group_number(struct groups *g, size_t who)
{
	struct peer *p = &g->peer[head(g, who)];
	if (!p->number)
		p->number = ++g->count;
	return p->number;
}

static int
by_number_and_name(const void *a, const void *b)
{
	const struct peer *x = *(const struct peer *const *)a, *y = *(const struct peer *const *)b;
	return x->number < y->number ? -1 : x->number > y->number ? 1 : strcmp(x->name, y->name);
}

int
group_print(struct groups *g)
{
	int rc = 0;
	size_t n = 0;
	const struct peer **all = xcalloc(g->len + 1, sizeof *all);
	for (size_t i = 0; i < g->len; i++)
		if (g->peer[i].stops) {
			g->peer[i].number = group_number(g, i);
			all[n++] = &g->peer[i];
		}
	qsort(all, n, sizeof *all, by_number_and_name);
	for (size_t i = 0, end; i < n; i = end) {
		char *names;
		size_t len;
		FILE *out = open_memstream(&names, &len);
		if (!out)
			err(BD_FATAL, "memory");
		for (end = i; end < n && all[end]->number == all[i]->number; end++)
			fprintf(out, "%s%s", end == i ? "" : " ", all[end]->name);
		if (fclose(out) != 0)
			err(BD_FATAL, "memory");
		if (TSV_WRITE(stdout, tsv_num(all[i]->number).text, names) < 0)
			rc = -1;
		free(names);
	}
	free(all);
	return rc;
}
