/* pgreplay.c - a dump into a PostgreSQL server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lines.h"
#include "pgreplay.h"

enum { PIECE = 1 << 16 };
enum { SCRIPT_FAILED = 3 }; /* psql's status when the server has refused a statement */
enum { LAST_QUESTION_SECONDS = 60 };

struct replay {
	const struct pgreplay *r;
	struct pgscript script;
	struct dump_watch watch;
	char piece[PIECE];
	off_t at;
	FILE *held;      /* statements that come last */
	char *held_text;
	size_t held_len;
	char *out;       /* what psql gets next */
	size_t len, room, gone;
	enum { FIRST, MIDDLE, WAITING, LAST } stage;
	int ready;       /* an eventfd: readable while psql may have more */
	bool begun, committing, done;
	char xid[24];
	struct lines said, answer;
};

static int
put(void *arg, const char *data, size_t len)
{
	struct replay *p = arg;
	if (p->room - p->len < len) {
		p->room = p->len + len + PIECE;
		p->out = xrealloc(p->out, p->room, 1);
	}
	memcpy(p->out + p->len, data, len);
	p->len += len;
	return 0;
}

static void
put_text(struct replay *p, const char *text)
{
	put(p, text, strlen(text));
}

/* The name that comes after these words is one of names. */
static bool
names_one_of(const struct pgscript_item *item, const char *words, const struct names *names)
{
	const char *at = item->text, *end = item->text + item->len;
	if (!pgscript_words(&at, end, words))
		return false;
	char *name = pgscript_name(&at, end);
	bool found = name && names_have(names, name);
	free(name);
	return found;
}

/* A parameter that the server does not have, or that would undo what we have set. */
static bool
is_unwanted_set(const struct replay *p, const struct pgscript_item *item)
{
	const char *at = item->text, *end = item->text + item->len, *next;
	if (!pgscript_words(&at, end, "SET"))
		return false;
	char *name = pgscript_name(&at, end);
	while (at < end && *at == ' ')
		at++;
	next = at;
	bool assigns = name && at < end && (*at == '=' || pgscript_words(&next, end, "TO"));
	bool drop = assigns && (!strcmp(name, "lock_timeout") || !strcmp(name, "statement_timeout") ||
		!names_have(&p->r->facts->settings, name));
	free(name);
	return drop;
}

/* GRANT ... ON SCHEMA name, REVOKE likewise; COMMENT ON SCHEMA and ALTER SCHEMA: only its owner may. */
static bool
is_on_schema_of_others(const struct replay *p, const struct pgscript_item *item)
{
	const struct names *theirs = &p->r->facts->theirs;
	if (names_one_of(item, "COMMENT ON SCHEMA", theirs) || names_one_of(item, "ALTER SCHEMA", theirs))
		return true;
	if (!pgscript_is(item, "GRANT") && !pgscript_is(item, "REVOKE"))
		return false;
	const char *on = memmem(item->text, item->len, " ON SCHEMA ", 11);
	const struct pgscript_item part = {.kind = PGSCRIPT_STATEMENT, .text = on, .len = on ? item->len - (size_t)(on - item->text) : 0};
	return on && names_one_of(&part, "ON SCHEMA", theirs);
}

static bool
is_left_out_of_database(const struct replay *p, const struct pgscript_item *item)
{
	if (pgscript_is(item, "COMMENT ON EXTENSION") || pgscript_is(item, "ALTER DEFAULT PRIVILEGES"))
		return true;
	if (p->r->whole && pgscript_transaction(item))
		return true;
	return p->r->emptied && (names_one_of(item, "CREATE SCHEMA", &p->r->facts->keep) || is_on_schema_of_others(p, item));
}

static bool
is_left_out_of_cluster(struct replay *p, const struct pgscript_item *item)
{
	const struct names self = {.name = (char *[]){xstrdup(p->r->self)}, .count = 1};
	bool mine = names_one_of(item, "ALTER ROLE", &self), drop = false;
	free(self.name[0]);
	if (mine && memmem(item->text, item->len, " WITH ", 6)) {
		fwrite(item->text, 1, item->len, p->held);
		putc('\n', p->held);
		drop = true;
	}
	return drop || names_one_of(item, "CREATE ROLE", &p->r->facts->staying) ||
	       names_one_of(item, "CREATE USER", &p->r->facts->staying);
}

static enum pgscript_verdict
judge(void *arg, const struct pgscript_item *item)
{
	struct replay *p = arg;
	bool drop;
	if (item->kind == PGSCRIPT_COMMENT)
		return PGSCRIPT_DROP; /* nobody reads them */
	if (item->kind == PGSCRIPT_META)
		drop = !p->r->facts->restricts && (pgscript_meta(item, "\\restrict") || pgscript_meta(item, "\\unrestrict"));
	else if (is_unwanted_set(p, item))
		drop = true;
	else if (p->r->census->kind == DUMP_CLUSTER)
		drop = is_left_out_of_cluster(p, item);
	else
		drop = is_left_out_of_database(p, item);
	return drop ? PGSCRIPT_DROP : PGSCRIPT_PASS;
}

static void
put_first(struct replay *p)
{
	const struct pgreplay *r = p->r;
	if (r->whole)
		put_text(p, "BEGIN;\nSELECT 'bd-xid ' || pg_catalog.txid_current();\n");
	else /* a crash needs the safety dump anyway */
		put_text(p, "SET synchronous_commit = off;\n");
	put_text(p, "SELECT 'bd-begun';\n");
	if (names_have(&r->facts->settings, "transaction_timeout"))
		put_text(p, "SET transaction_timeout = 0;\n");
	if (names_have(&r->facts->settings, "client_connection_check_interval"))
		put_text(p, "SET client_connection_check_interval = '1s';\n"); /* the server is to let go soon after a kill, too */
	if (r->before)
		put_text(p, r->before);
}

/* -1: what has passed was not the dump. */
static int
end_dump(struct replay *p)
{
	if (pgscript_end(&p->script) < 0)
		return -1;
	if (p->at != p->r->census->size || !dump_watch_complete(&p->watch)) {
		warnx("%s: it has changed while it was replayed", p->r->name);
		return -1;
	}
	put_text(p, "\nSELECT 'bd-reached';\n");
	p->stage = WAITING;
	return 0;
}

/* All before has been done without an error. Should we be killed before that, nothing of this happens. */
static void
put_last(struct replay *p)
{
	const struct pgreplay *r = p->r;
	fflush(p->held);
	if (r->whole)
		put_text(p, "COMMIT;\n");
	else { /* a commit that waits for all before it */
		put_text(p, p->held_text);
		put_text(p, "SET synchronous_commit = on;\nSELECT pg_catalog.txid_current();\n");
	}
	put_text(p, "SELECT 'bd-done';\n");
	p->stage = LAST;
	p->committing = true;
}

static int
put_more(struct replay *p)
{
	ssize_t got;
	while ((got = pread(p->r->fd, p->piece, sizeof p->piece, p->at)) < 0 && errno == EINTR)
		;
	if (got < 0) {
		warn("%s", p->r->name);
		return -1;
	}
	p->at += got;
	dump_watch_add(&p->watch, p->piece, (size_t)got);
	if (got > 0)
		return pgscript_feed(&p->script, p->piece, (size_t)got);
	return end_dump(p);
}

static ssize_t
give(void *arg, void *buf, size_t len)
{
	struct replay *p = arg;
	while (p->gone == p->len && p->stage != LAST) {
		p->gone = p->len = 0;
		if (p->stage == FIRST) {
			p->stage = MIDDLE;
			put_first(p);
		} else if (p->stage == WAITING)
			put_last(p);
		else if (put_more(p) < 0)
			return -1;
	}
	if (len > p->len - p->gone)
		len = p->len - p->gone;
	memcpy(buf, p->out + p->gone, len);
	p->gone += len;
	eventfd_t count;
	if (p->stage == WAITING && p->gone == p->len)
		eventfd_read(p->ready, &count);
	return (ssize_t)len;
}

static void
take_answer(void *arg, const char *line)
{
	struct replay *p = arg;
	if (!strcmp(line, "bd-begun"))
		p->begun = true;
	else if (!strcmp(line, "bd-reached"))
		eventfd_write(p->ready, 1);
	else if (!strcmp(line, "bd-done"))
		p->done = true;
	else if (!strncmp(line, "bd-xid ", 7))
		snprintf(p->xid, sizeof p->xid, "%s", line + 7);
}

static int
on_answer(void *arg, const void *data, size_t len)
{
	struct replay *p = arg;
	lines_feed(&p->answer, data, len);
	return 0;
}

static int
on_said(void *arg, const void *data, size_t len)
{
	struct replay *p = arg;
	lines_feed(&p->said, data, len);
	return 0;
}

/* After the connection was lost at the COMMIT: the server knows. */
static enum pgreplay_end
ask_what_became(const struct replay *p)
{
	struct timespec pause = {.tv_nsec = 500000000};
	enum pgreplay_end end = PGREPLAY_UNKNOWN;
	struct pgtarget t = *p->r->t;
	t.stop = NULL; /* a question that has to be asked */
	if (strspn(p->xid, "0123456789") != strlen(p->xid) || !*p->xid)
		return end;
	char *sql = xasprintf("SELECT coalesce(txid_status(%s), '?');\n", p->xid), *answer;
	for (time_t until = time(NULL) + LAST_QUESTION_SECONDS; end == PGREPLAY_UNKNOWN && time(NULL) < until;) {
		if (pgtarget_ask(&t, "UTF8", sql, &answer) == 0) {
			if (!strcmp(answer, "committed\n"))
				end = PGREPLAY_DONE;
			else if (!strcmp(answer, "aborted\n"))
				end = PGREPLAY_NOTHING;
			free(answer);
		}
		if (end == PGREPLAY_UNKNOWN)
			nanosleep(&pause, NULL);
	}
	free(sql);
	return end;
}

static enum pgreplay_end
judge_end(const struct replay *p, int status)
{
	if (status == 0 && p->done)
		return PGREPLAY_DONE;
	if (!p->begun)
		return PGREPLAY_NOTHING;
	if (!p->r->whole)
		return PGREPLAY_TORN;
	if (!p->committing || status == SCRIPT_FAILED)
		return PGREPLAY_NOTHING;
	return ask_what_became(p);
}

enum pgreplay_end
pgreplay_run(const struct pgreplay *r)
{
	struct replay *p = xcalloc(1, sizeof *p);
	p->r = r;
	struct pgtarget t = *r->t;
	p->said = (struct lines){.each = pgtarget_say, .arg = &t};
	p->answer = (struct lines){.each = take_answer, .arg = p};
	p->script.name = r->name;
	p->script.judge = judge;
	p->script.emit = put;
	p->script.arg = p;
	pgscript_begin(&p->script);
	dump_watch_begin(&p->watch, r->census->kind);
	if (!(p->held = open_memstream(&p->held_text, &p->held_len)))
		err(BD_FATAL, "memory");
	if ((p->ready = eventfd(1, EFD_CLOEXEC)) < 0)
		err(BD_FATAL, "eventfd");
	int status = pgtarget_run(r->t, pgtarget_psql, &(struct exec){.in = give, .out = on_answer, .err = on_said, .arg = p,
		.ready = &p->ready});
	close(p->ready);
	lines_end(&p->said);
	enum pgreplay_end end = judge_end(p, status);
	fclose(p->held);
	if (p->held_len)
		explicit_bzero(p->held_text, p->held_len);
	free(p->held_text);
	free(p->out);
	free(p);
	return end;
}
