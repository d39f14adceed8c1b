/* mydump.c - a dump of MariaDB or MySQL as a restore sees it. It is read twice: a survey before anything is
 * changed, and then as it is replayed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mydump.h"

enum { PIECE = 1 << 16 };
enum { MANY = 4096 }; /* names of one sort: no dump has so many */

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static struct mydump_name *
find(const struct mydump_names *n, const char *name, const char *host)
{
	for (size_t i = 0; i < n->count; i++)
		if (same(n->at[i].name, name) && same(n->at[i].host, host))
			return &n->at[i];
	return NULL;
}

static void
note(struct mydump_names *n, const char *name, const char *host)
{
	struct mydump_name *old = find(n, name, host);
	if (old)
		old->count++;
	else if (n->count < MANY) {
		n->at = xrealloc(n->at, n->count + 1, sizeof *n->at);
		n->at[n->count++] = (struct mydump_name){xstrdup(name), host ? xstrdup(host) : NULL, 1, false};
	}
}

static enum my_verdict
survey_item(void *arg, const struct my_item *i)
{
	struct mydump *d = arg;
	switch (i->kind) {
	case MY_DATABASE: note(&d->databases, i->name, NULL); break;
	case MY_SET: note(&d->variables, i->name, NULL); break;
	case MY_DEFINER: note(&d->definers, i->name, i->host); break;
	case MY_CREATE: note(&d->things, i->name, NULL); break;
	case MY_LOCK: break;
	}
	return MY_PASS;
}

static ssize_t
read_piece(const struct mydump *d, char *buf)
{
	ssize_t n;
	while ((n = read(d->fd, buf, PIECE)) < 0 && errno == EINTR)
		;
	if (n < 0)
		warn("%s", d->path);
	return n;
}

static int
flawed(const struct mydump *d, const struct myscript *m)
{
	warnx("%s: cannot be restored: %s (before byte %ju)", d->path, m->fault, m->read);
	return BD_FAILED;
}

/* -- Host: 127.0.0.1    Database: NAME; within the first lines. */
static char *
own_database(const struct mydump *d)
{
	static const char host[] = "\n-- Host: ", label[] = "    Database: ";
	char head[4096];
	ssize_t n = pread(d->fd, head, sizeof head - 1, 0);
	if (n <= 0)
		return NULL;
	head[n] = '\0';
	char *line = strstr(head, host), *end = line ? strchr(line + 1, '\n') : NULL;
	if (!end)
		return NULL;
	*end = '\0';
	char *name = strstr(line, label);
	return name && name[strlen(label)] ? xstrdup(name + strlen(label)) : NULL;
}

static int
survey_statements(struct mydump *d)
{
	struct myscript m = {.judge = survey_item, .arg = d};
	char *buf = xcalloc(1, PIECE);
	ssize_t n = -1;
	int rc = 0;
	myscript_begin(&m);
	if (lseek(d->fd, 0, SEEK_SET) < 0)
		warn("%s", d->path);
	else
		while (rc == 0 && (n = read_piece(d, buf)) > 0)
			rc = myscript_add(&m, buf, (size_t)n);
	if (myscript_end(&m) < 0)
		rc = -1;
	free(buf);
	d->longest = m.longest;
	if (n < 0)
		return BD_FATAL;
	return rc < 0 ? flawed(d, &m) : BD_DONE;
}

int
mydump_survey(struct mydump *d)
{
	int rc = dump_check(d->fd, d->path, DUMP_MARIADB);
	if (rc != BD_DONE)
		return rc;
	rc = dump_version(d->fd, d->path, DUMP_MARIADB, &d->from);
	if (rc == BD_FATAL)
		return rc;
	d->has_version = rc == BD_DONE;
	d->database = own_database(d);
	return survey_statements(d);
}

bool
mydump_creates(const struct mydump *d, const char *thing)
{
	return find(&d->things, thing, NULL);
}

static enum my_verdict
replay_item(void *arg, const struct my_item *i)
{
	struct mydump *d = arg;
	const struct mydump_name *n;
	switch (i->kind) {
	case MY_DATABASE:
		return MY_SKIP;
	case MY_SET:
		n = find(&d->variables, i->name, NULL);
		return n && n->off ? MY_SKIP : MY_PASS;
	case MY_DEFINER:
		n = find(&d->definers, i->name, i->host);
		return n && n->off ? MY_MINE : MY_PASS;
	case MY_LOCK: /* a client that goes on writing may have been quicker than the lock */
		return i->emptied ? MY_EMPTY : MY_PASS;
	case MY_CREATE:
		break;
	}
	return MY_PASS;
}

static int
keep(void *arg, const void *data, size_t len)
{
	struct mydump *d = arg;
	if (d->room - d->len < len) {
		d->room = d->len + len + PIECE;
		d->buf = xrealloc(d->buf, d->room, 1);
	}
	memcpy(d->buf + d->len, data, len);
	d->len += len;
	return 0;
}

int
mydump_rewind(struct mydump *d)
{
	if (d->script.s)
		myscript_end(&d->script);
	d->script = (struct myscript){.judge = replay_item, .out = keep, .arg = d, .database = d->database};
	myscript_begin(&d->script);
	dump_watch_begin(&d->watch, DUMP_MARIADB);
	d->len = d->at = 0;
	d->ended = false;
	if (lseek(d->fd, 0, SEEK_SET) == 0)
		return 0;
	warn("%s", d->path);
	return -1;
}

/* The file may not be what it was when it was surveyed. */
static int
end(struct mydump *d)
{
	d->ended = true;
	if (myscript_end(&d->script) < 0) {
		flawed(d, &d->script);
		return -1;
	}
	if (dump_watch_complete(&d->watch))
		return 0;
	warnx("%s: changed while it was read: its end marker is missing", d->path);
	return -1;
}

ssize_t
mydump_read(struct mydump *d, void *buf, size_t len)
{
	char piece[PIECE];
	while (d->at == d->len && !d->ended) {
		d->at = d->len = 0;
		ssize_t n = read_piece(d, piece);
		if (n < 0)
			return -1;
		dump_watch_add(&d->watch, piece, (size_t)n);
		if (n == 0 ? end(d) < 0 : myscript_add(&d->script, piece, (size_t)n) < 0) {
			if (n)
				flawed(d, &d->script);
			return -1;
		}
	}
	size_t n = d->len - d->at < len ? d->len - d->at : len;
	if (n)
		memcpy(buf, d->buf + d->at, n);
	d->at += n;
	return (ssize_t)n;
}

static void
free_names(struct mydump_names *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->at[i].name);
		free(n->at[i].host);
	}
	free(n->at);
	*n = (struct mydump_names){0};
}

void
mydump_free(struct mydump *d)
{
	if (d->script.s)
		myscript_end(&d->script);
	free(d->buf);
	free(d->database);
	free_names(&d->databases);
	free_names(&d->variables);
	free_names(&d->definers);
	free_names(&d->things);
}
