/* digest.c - the digests of many files, computed by several threads.
 *
 * A ring of jobs: the caller puts them in at one end and gets them back, in the same
 * order and in its own thread, at the other; the threads take the next one in between.
 * So memory and descriptors are bounded whatever the number of files. */
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "digest.h"

enum { RING = 128 };

struct digester {
	struct digest job[RING];
	bool ready[RING];
	size_t head, next, tail; /* head <= next <= tail: given back up to head, taken up to next, put in up to tail */
	bool ending;
	void (*done)(void *arg, const struct digest *d);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t more, some; /* there is something to take; something is ready */
	pthread_t thread[DIGEST_WORKERS];
	int threads;
};

static void
compute(struct digest *d)
{
	if (hash_fd(d->fd, d->name, d->hex) < 0) {
		d->why = errno;
		*d->hex = '\0';
	}
	close(d->fd);
}

static void *
worker(void *arg)
{
	struct digester *r = arg;
	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (r->next == r->tail && !r->ending)
			pthread_cond_wait(&r->more, &r->lock);
		if (r->next == r->tail)
			break;
		size_t i = r->next++ % RING;
		if (r->job[i].fd >= 0) {
			pthread_mutex_unlock(&r->lock);
			compute(&r->job[i]);
			pthread_mutex_lock(&r->lock);
		}
		r->ready[i] = true;
		pthread_cond_signal(&r->some);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

struct digester *
digest_begin(int workers, void (*done)(void *arg, const struct digest *d), void *arg)
{
	struct digester *r = xcalloc(1, sizeof *r);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL); /* the threads may be at it when exit(3) is called */
	r->done = done;
	r->arg = arg;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->more, NULL);
	pthread_cond_init(&r->some, NULL);
	for (; r->threads < workers && r->threads < DIGEST_WORKERS; r->threads++) {
		int why = pthread_create(&r->thread[r->threads], NULL, worker, r);
		if (why && r->threads)
			break; /* fewer do as well */
		if (why) {
			errno = why;
			warn("thread");
			free(r);
			return NULL;
		}
	}
	return r;
}

/* Gives back the oldest, once it is ready. Called with the lock. */
static void
give_back(struct digester *r)
{
	size_t i = r->head % RING;
	while (!r->ready[i])
		pthread_cond_wait(&r->some, &r->lock);
	pthread_mutex_unlock(&r->lock);
	r->done(r->arg, &r->job[i]);
	pthread_mutex_lock(&r->lock);
	r->head++;
}

void
digest_put(struct digester *r, int fd, const char *name, void *item)
{
	const struct digest job = {.fd = fd, .name = name, .item = item};
	if (fd < 0 && r->head == r->tail) { /* nobody is before it */
		r->done(r->arg, &job);
		return;
	}
	pthread_mutex_lock(&r->lock);
	if (r->tail - r->head == RING)
		give_back(r);
	size_t i = r->tail++ % RING;
	r->job[i] = job;
	r->ready[i] = false;
	pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
}

void
digest_drain(struct digester *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->head < r->tail)
		give_back(r);
	pthread_mutex_unlock(&r->lock);
}

void
digest_end(struct digester *r)
{
	digest_drain(r);
	pthread_mutex_lock(&r->lock);
	r->ending = true;
	pthread_cond_broadcast(&r->more);
	pthread_mutex_unlock(&r->lock);
	for (int i = 0; i < r->threads; i++)
		pthread_join(r->thread[i], NULL);
	pthread_cond_destroy(&r->some);
	pthread_cond_destroy(&r->more);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
