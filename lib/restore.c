/* restore.c - what the restores of databases share. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "restore.h"
#include "safety.h"
#include "tell.h"

volatile sig_atomic_t restore_stop;

static void
on_signal(int sig)
{
	restore_stop = sig;
}

static void
take_password(struct restore *r)
{
	const char *password = getenv("BAUDOLO_DB_PASSWORD");
	r->password = password ? xstrdup(password) : NULL;
	unsetenv("BAUDOLO_DB_PASSWORD");
}

static void
take_options(struct restore *r, int argc, char *argv[], const char *options, const char *synopsis)
{
	for (int c; (c = getopt(argc, argv, options)) != -1;)
		switch (c) {
		case 'e': r->empty = true; break;
		case 'f': r->any_space = true; break;
		case 'k': r->any_version = true; break;
		case 'n': r->dry = true; break;
		case 'p': r->put_back = r->empty = r->no_safety = true; break;
		case 'v': r->verbose = true; break;
		case 'S': r->no_safety = true; break;
		case 's': r->safety_dir = optarg; break;
		case 'u': r->user = optarg; break;
		case 'w': r->lock_seconds = bd_number(optarg, 1, 86400, "-w"); break;
		case 'V': bd_version();
		default: bd_usage(synopsis);
		}
}

void
restore_begin(struct restore *r, int argc, char *argv[], const char *options, const char *synopsis)
{
	bd_start();
	take_password(r);
	r->safety_dir = SAFETY_FOLDER;
	r->lock_seconds = 60;
	take_options(r, argc, argv, options, synopsis);
	if (argc - optind != (r->database ? 2 : 3))
		bd_usage(synopsis);
	r->container = argv[optind];
	r->file = argv[argc - 1];
	if (!r->database) {
		r->database = argv[optind + 1];
		r->user = r->user ? r->user : r->database;
	}
	if (!*r->container || !*r->database || !*r->safety_dir || !r->user || !*r->user)
		bd_usage(synopsis);
	bd_catch(on_signal); /* who reads us and is gone must not leave half a database */
}

void
restore_refuse(struct restore *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell("ERROR: ", fmt, ap);
	va_end(ap);
	r->refusals++;
}

void
restore_end(struct restore *r)
{
	if (r->password)
		explicit_bzero(r->password, strlen(r->password));
	free(r->password);
	r->password = NULL;
}
