/* remember.c - what a verification finds stays known, whatever its end is. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "remember.h"

static int folder = -1;
static const char *volume;
static struct bad known, found; /* of the volume: before, and now */
static bool unsaved;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* held while these change */

static int
save(void)
{
	int rc = 0;
	if (unsaved && folder >= 0 && !known.all) {
		for (size_t i = 0; i < known.count; i++)
			bad_add(&found, known.thing[i].path, known.thing[i].generation, known.thing[i].what, &known.thing[i].file);
		rc = bad_save(&found, folder, volume);
	}
	unsaved = false;
	return rc;
}

static void
save_at_exit(void)
{
	pthread_mutex_trylock(&lock); /* we may have it */
	save();
}

static void *
wait_for_signal(void *arg)
{
	int sig;
	sigwait(arg, &sig);
	pthread_mutex_lock(&lock);
	save();
	_exit(128 + sig);
}

void
remember_start(int lists)
{
	static sigset_t set;
	struct sigaction is;
	pthread_t thread;
	folder = lists;
	sigemptyset(&set);
	for (size_t i = 0; i < 3; i++) {
		int sig = (const int[]){SIGHUP, SIGINT, SIGTERM}[i];
		if (sigaction(sig, NULL, &is) == 0 && is.sa_handler != SIG_IGN)
			sigaddset(&set, sig);
	}
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* of the other threads, too */
	errno = pthread_create(&thread, NULL, wait_for_signal, &set);
	if (errno)
		err(BD_FATAL, "thread");
	atexit(save_at_exit);
}

void
remember_volume(const char *name)
{
	pthread_mutex_lock(&lock);
	volume = name;
	if (folder >= 0)
		bad_open(&known, folder, name);
	pthread_mutex_unlock(&lock);
}

void
remember_add(const char *path, const char *generation, const char *what, const struct bad_file *file)
{
	pthread_mutex_lock(&lock);
	bad_add(&found, path, generation, what, file);
	unsaved = true;
	pthread_mutex_unlock(&lock);
}

int
remember_done(bool all, bool (*outdated)(void *arg, struct bad_thing *t), void *arg)
{
	pthread_mutex_lock(&lock);
	unsaved = unsaved || known.all || known.count;
	bad_drop(&known, outdated, arg);
	known.all = known.all && !all;
	int rc = save();
	bad_close(&known);
	bad_close(&found);
	pthread_mutex_unlock(&lock);
	return rc;
}
