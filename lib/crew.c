/* crew.c - many things that each take time, done by children, several at once.
 *
 * A child has its own connection to Docker, and dies with us. */
#include <poll.h>
#include <unistd.h>

#include "crew.h"

struct team {
	struct child child[CREW_MAX];
	size_t item[CREW_MAX], size;
	bool stopped;
};

/* false: no more are to begin. */
static bool
add(const struct crew *c, struct team *t, size_t item)
{
	if (c->begin && !c->begin(c->arg, item))
		return false;
	int rc = child_fork(&t->child[t->size]);
	if (rc == 0)
		_exit(c->work(c->arg, item));
	if (rc < 0)
		c->done(c->arg, item, -1);
	else
		t->item[t->size++] = item;
	return true;
}

/* Waits for one at least. */
static void
reap(const struct crew *c, struct team *t)
{
	struct pollfd p[CREW_MAX];
	for (size_t k = 0; k < t->size; k++)
		p[k] = (struct pollfd){.fd = t->child[k].alive, .events = POLLIN};
	if (ppoll(p, t->size, NULL, c->unblocked) < 0)
		return;
	for (size_t k = t->size; k-- > 0;) {
		if (!p[k].revents)
			continue;
		int status = child_wait(&t->child[k]);
		size_t item = t->item[k];
		t->size--;
		t->child[k] = t->child[t->size];
		t->item[k] = t->item[t->size];
		c->done(c->arg, item, status);
	}
}

static void
pass_on(const struct crew *c, struct team *t)
{
	if (t->stopped || !c->stop || !*c->stop)
		return;
	t->stopped = true;
	for (size_t k = 0; k < t->size; k++)
		kill(t->child[k].pid, *c->stop);
}

void
crew_run(const struct crew *c, const size_t item[], size_t items)
{
	struct team t = {.size = 0};
	const size_t width = c->width ? c->width : CREW_MAX;
	for (size_t next = 0; next < items || t.size;) {
		if (next < items && t.size < width)
			next = add(c, &t, item[next]) ? next + 1 : items;
		else
			reap(c, &t);
		pass_on(c, &t);
		if (t.stopped)
			next = items;
	}
}
