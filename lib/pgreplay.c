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
enum { LAST_QUESTION_SECONDS = 60 };
enum { ENOUGH = 200 }; /* errors that are printed */

struct replay {
	const struct pgreplay *r;
	struct pgscript script;
	struct dump_watch watch;
	char piece[PIECE];
	size_t piece_at, piece_len;
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
	struct pgtarget t;
	struct lines said, answer;
	/* on and on */
	enum { NO_ROWS, ASKING, ROWS_PASS, ROWS_GO } rows;
	size_t asked_at;      /* while ASKING: what lies behind that in out waits for the answer */
	char *table, *ending; /* whose rows these are; whose end psql has yet to tell of */
	char *created;        /* the database that was to be created just now */
	bool answer_is_yes, copied, connects, skips;
	char where[256];      /* the database that psql is in */
	size_t failures;
};

static int
put(void *arg, const char *data, size_t len)
{
	struct replay *p = arg;
	if (p->rows == ROWS_GO || p->skips)
		return 0;
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
names_one_of(const struct pgitem *item, const char *words, const struct names *names)
{
	const char *at = item->text, *end = item->text + item->len;
	if (!pgitem_words(&at, end, words))
		return false;
	char *name = pgitem_name(&at, end);
	bool found = name && names_have(names, name);
	free(name);
	return found;
}

/* A parameter that the server does not have, or that would undo what we have set. */
static bool
is_unwanted_set(const struct replay *p, const struct pgitem *item)
{
	const char *at = item->text, *end = item->text + item->len, *next;
	if (!pgitem_words(&at, end, "SET"))
		return false;
	char *name = pgitem_name(&at, end);
	while (at < end && *at == ' ')
		at++;
	next = at;
	bool assigns = name && at < end && (*at == '=' || pgitem_words(&next, end, "TO"));
	bool drop = assigns && (!strcmp(name, "lock_timeout") || !strcmp(name, "statement_timeout") ||
		!names_have(&p->r->facts->settings, name));
	free(name);
	return drop;
}

/* GRANT ... ON SCHEMA name, REVOKE likewise; COMMENT ON SCHEMA and ALTER SCHEMA: only its owner may. */
static bool
is_on_schema_of_others(const struct replay *p, const struct pgitem *item)
{
	const struct names *theirs = &p->r->facts->theirs;
	if (names_one_of(item, "COMMENT ON SCHEMA", theirs) || names_one_of(item, "ALTER SCHEMA", theirs))
		return true;
	if (!pgitem_is(item, "GRANT") && !pgitem_is(item, "REVOKE"))
		return false;
	const char *on = memmem(item->text, item->len, " ON SCHEMA ", 11);
	const struct pgitem part = {.kind = PGITEM_STATEMENT, .text = on, .len = on ? item->len - (size_t)(on - item->text) : 0};
	return on && names_one_of(&part, "ON SCHEMA", theirs);
}

static bool
is_left_out_of_database(const struct replay *p, const struct pgitem *item)
{
	if (pgitem_is(item, "COMMENT ON EXTENSION") || pgitem_is(item, "ALTER DEFAULT PRIVILEGES"))
		return true;
	if (p->r->whole && pgitem_transaction(item))
		return true;
	return p->r->emptied && (names_one_of(item, "CREATE SCHEMA", &p->r->facts->keep) || is_on_schema_of_others(p, item));
}

static bool
is_left_out_of_cluster(struct replay *p, const struct pgitem *item)
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

/* What follows COPY: the table, as it is written there. NULL: none. */
static char *
table_of(const struct pgitem *item)
{
	const char *at = item->text, *end = item->text + item->len;
	if (!item->copy || !pgitem_words(&at, end, "COPY"))
		return NULL;
	const char *from = at;
	free(pgitem_name(&at, end));
	if (at < end && *at == '.') {
		at++;
		free(pgitem_name(&at, end));
	}
	return xasprintf("%.*s", (int)(at - from), from);
}

static void
end_rows(struct replay *p)
{
	if (p->rows == NO_ROWS)
		return;
	bool passed = p->rows == ROWS_PASS;
	p->rows = NO_ROWS;
	free(p->ending);
	p->ending = p->table;
	p->table = NULL;
	put_text(p, passed ? "SELECT 'bd-copied';\nCOMMIT;\n\\echo bd-copy-end\n" : "ROLLBACK;\n");
}

/* What comes now waits for the answer to what has been put. */
static void
wait_for_answer(struct replay *p)
{
	put_text(p, "\\echo bd-asked\n");
	p->asked_at = p->len;
	p->answer_is_yes = false;
	p->rows = ASKING;
}

/* Members of extensions come with rows of their own. */
static void
ask_for_rows(struct replay *p, const struct pgitem *item)
{
	char *sql = xasprintf("\nBEGIN;\n%.*s\n\\.\n"
		"SELECT 'bd-yes' WHERE NOT EXISTS (SELECT FROM ONLY%s) OR EXISTS (SELECT FROM pg_catalog.pg_depend\n"
		"  WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e' AND objid = $baudolo$%s$baudolo$::pg_catalog.regclass);\n", (int)item->len, item->text, p->table, p->table);
	put_text(p, sql);
	free(sql);
	wait_for_answer(p);
}

static void
ask_for_database(struct replay *p)
{
	char *sql = xasprintf("\nSELECT 'bd-yes' FROM pg_catalog.pg_database WHERE datname = $baudolo$%s$baudolo$ AND datallowconn;\n", p->created);
	put_text(p, sql);
	free(sql);
	wait_for_answer(p);
}

/* The answer is there. */
static void
go_by_answer(struct replay *p)
{
	if (!p->answer_is_yes)
		p->len = p->asked_at;
	if (!p->created)
		p->rows = p->answer_is_yes ? ROWS_PASS : ROWS_GO;
	else {
		p->rows = NO_ROWS;
		p->skips = !p->answer_is_yes;
		free(p->created);
		p->created = NULL;
	}
}

static char *
name_after(const struct pgitem *item, const char *words)
{
	const char *at = item->text, *end = item->text + item->len;
	return item->kind == PGITEM_STATEMENT && pgitem_words(&at, end, words) ? pgitem_name(&at, end) : NULL;
}

/* Before an item passes, on and on. */
static void
keep_going(struct replay *p, const struct pgitem *item)
{
	static const char next[] = "-- Database \""; /* of pg_dumpall */
	bool new = p->r->census->kind == DUMP_CLUSTER && item->kind == PGITEM_COMMENT && item->len >= strlen(next) &&
		!memcmp(item->text, next, strlen(next));
	p->skips = p->skips && !new;
	if (p->skips)
		return;
	end_rows(p);
	if (p->connects && p->r->facts->version.series[0] >= 13)
		put_text(p, "\n\\warn bd-in :DBNAME\n");
	p->connects = pgitem_meta(item, "\\connect");
	if (new) /* not from one that has failed */
		put_text(p, "\n\\connect postgres\n");
	if (p->created)
		ask_for_database(p);
	else if ((p->created = name_after(item, "CREATE DATABASE")))
		;
	else if ((p->table = table_of(item)))
		ask_for_rows(p, item);
}

static enum pgscript_verdict
judge(void *arg, const struct pgitem *item)
{
	struct replay *p = arg;
	bool drop;
	if (p->r->go_on)
		keep_going(p, item);
	if (item->kind == PGITEM_COMMENT)
		return PGSCRIPT_DROP; /* nobody reads them */
	if (item->kind == PGITEM_META)
		drop = (p->r->go_on || !p->r->facts->restricts) && (pgitem_meta(item, "\\restrict") || pgitem_meta(item, "\\unrestrict"));
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
	if (r->go_on)
		put_text(p, "\\set ON_ERROR_STOP 0\n");
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
	if (p->r->go_on) {
		p->skips = false;
		end_rows(p);
		put_text(p, p->r->census->kind == DUMP_CLUSTER ? "\n\\connect postgres\n\\echo bd-reached\n" : "\n\\echo bd-reached\n");
	} else
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

/* Line by line where rows may have to wait: their COPY ends with its line. */
static int
put_piece(struct replay *p)
{
	while (p->piece_at < p->piece_len && p->rows != ASKING) {
		const char *at = p->piece + p->piece_at, *end = p->r->go_on ? memchr(at, '\n', p->piece_len - p->piece_at) : NULL;
		size_t len = end ? (size_t)(end - at) + 1 : p->piece_len - p->piece_at;
		p->piece_at += len;
		if (pgscript_feed(&p->script, at, len) < 0)
			return -1;
	}
	return 0;
}

static int
put_more(struct replay *p)
{
	ssize_t got;
	if (p->piece_at < p->piece_len)
		return put_piece(p);
	while ((got = pread(p->r->fd, p->piece, sizeof p->piece, p->at)) < 0 && errno == EINTR)
		;
	if (got < 0) {
		warn("%s", p->r->name);
		return -1;
	}
	p->at += got;
	dump_watch_add(&p->watch, p->piece, (size_t)got);
	p->piece_at = 0;
	p->piece_len = (size_t)got;
	return got > 0 ? put_piece(p) : end_dump(p);
}

static ssize_t
give(void *arg, void *buf, size_t len)
{
	struct replay *p = arg;
	if (p->rows == ASKING && p->gone == p->asked_at)
		go_by_answer(p);
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
	size_t end = p->rows == ASKING ? p->asked_at : p->len;
	if (len > end - p->gone)
		len = end - p->gone;
	memcpy(buf, p->out + p->gone, len);
	p->gone += len;
	eventfd_t count;
	if ((p->stage == WAITING || p->rows == ASKING) && p->gone == end)
		eventfd_read(p->ready, &count);
	return (ssize_t)len;
}

static void
say_lost(struct replay *p, const char *what, const char *name, const char *why)
{
	char *shown = tsv_show(name);
	warnx("%s: not put back: %s%s%s", p->r->t->container, what, shown, why);
	free(shown);
	p->failures++;
}

/* On and on. */
static void
take_copied(struct replay *p, const char *line)
{
	if (!strcmp(line, "bd-yes"))
		p->answer_is_yes = true;
	else if (!strcmp(line, "bd-asked")) {
		if (!p->answer_is_yes && p->created)
			say_lost(p, "what is in database ", p->created, "");
		else if (!p->answer_is_yes)
			say_lost(p, "the rows of", p->table, ", which is not there, or has rows already");
		eventfd_write(p->ready, 1);
	} else if (!strcmp(line, "bd-copied"))
		p->copied = true;
	else if (!strcmp(line, "bd-copy-end")) {
		if (!p->copied)
			say_lost(p, "the rows of", p->ending, "");
		p->copied = false;
	}
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
	else
		take_copied(p, line);
}

static int
on_answer(void *arg, const void *data, size_t len)
{
	struct replay *p = arg;
	lines_feed(&p->answer, data, len);
	return 0;
}

static void
say(void *arg, const char *line)
{
	struct replay *p = arg;
	if (!p->r->go_on || strstr(line, "WARNING:  "))
		pgtarget_say(&p->t, line);
	else if (!strncmp(line, "bd-in ", 6))
		snprintf(p->where, sizeof p->where, "%s", line + 6);
	/* what follows from another error */
	else if (!strstr(line, "invalid command \\.") && !strstr(line, "current transaction is aborted") && p->failures++ < ENOUGH) {
		char *at = *p->where ? tsv_show(p->where) : NULL, *shown = tsv_show(line);
		warnx("%s: %s%s%s", p->r->t->container, at ? at : "", at ? ": " : "", shown);
		free(shown);
		free(at);
	}
}

static int
on_said(void *arg, const void *data, size_t len)
{
	struct replay *p = arg;
	lines_feed(&p->said, data, len);
	return 0;
}

/* After the COMMIT was sent and no answer came, or an error, which can be one of what came before it: the server knows. */
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
		return p->failures ? PGREPLAY_PARTLY : PGREPLAY_DONE;
	if (!p->begun)
		return PGREPLAY_NOTHING;
	if (!p->r->whole)
		return PGREPLAY_TORN;
	if (!p->committing)
		return PGREPLAY_NOTHING;
	return ask_what_became(p);
}

enum pgreplay_end
pgreplay_run(const struct pgreplay *r)
{
	struct replay *p = xcalloc(1, sizeof *p);
	p->r = r;
	p->t = *r->t;
	p->said = (struct lines){.each = say, .arg = p};
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
	if (p->failures > ENOUGH)
		warnx("%s: and %zu more errors", r->t->container, p->failures - ENOUGH);
	free(p->table);
	free(p->ending);
	free(p->created);
	free(p->out);
	free(p);
	return end;
}
