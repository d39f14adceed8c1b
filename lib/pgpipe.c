/* pgpipe.c - what psql(1) gets next, and how far. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pgpipe.h"

enum { PIECE = 1 << 16 };

void
pgpipe_begin(struct pgpipe *q)
{
	*q = (struct pgpipe){.ready = eventfd(1, EFD_CLOEXEC)};
	if (q->ready < 0)
		err(BD_FATAL, "eventfd");
}

void
pgpipe_end(struct pgpipe *q)
{
	close(q->ready);
	free(q->data);
}

void
pgpipe_put(struct pgpipe *q, const char *data, size_t len)
{
	if (q->room - q->len < len) {
		q->room = q->len + len + PIECE;
		q->data = xrealloc(q->data, q->room, 1);
	}
	memcpy(q->data + q->len, data, len);
	q->len += len;
}

void
pgpipe_text(struct pgpipe *q, const char *text)
{
	pgpipe_put(q, text, strlen(text));
}

void
pgpipe_wait(struct pgpipe *q)
{
	q->waits = true;
	q->until = q->len;
}

void
pgpipe_answered(const struct pgpipe *q)
{
	eventfd_write(q->ready, 1);
}

bool
pgpipe_asked(const struct pgpipe *q)
{
	return q->waits && q->gone == q->until;
}

void
pgpipe_go_on(struct pgpipe *q, bool rest)
{
	q->waits = false;
	if (!rest)
		q->len = q->until;
}

bool
pgpipe_empty(struct pgpipe *q)
{
	if (q->gone < q->len)
		return false;
	q->gone = q->len = 0;
	return true;
}

size_t
pgpipe_give(struct pgpipe *q, void *buf, size_t len)
{
	eventfd_t count;
	size_t left = (q->waits ? q->until : q->len) - q->gone, n = len < left ? len : left;
	if (n)
		memcpy(buf, q->data + q->gone, n);
	q->gone += n;
	if (pgpipe_asked(q))
		eventfd_read(q->ready, &count);
	return n;
}
