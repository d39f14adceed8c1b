/* pgreplay.c - a dump into a PostgreSQL server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lines.h"
#include "pgonward.h"
#include "pgsieve.h"
#include "text.h"

enum { PIECE = 1 << 16 };
enum { LAST_QUESTION_SECONDS = 60 };

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
	enum { FIRST, MIDDLE, WAITING, LAST } stage;
	bool begun, committing, done;
	char xid[24];
	struct pgtarget t;
	struct lines said, answer;
	struct pgpipe pipe;
	struct pgonward onward; /* after errors */
};

static int
put(void *arg, const char *data, size_t len)
{
	struct replay *p = arg;
	if (!pgonward_drops(&p->onward))
		pgpipe_put(&p->pipe, data, len);
	return 0;
}

static enum pgscript_verdict
judge(void *arg, const struct pgitem *item)
{
	struct replay *p = arg;
	if (p->r->go_on)
		pgonward_item(&p->onward, item);
	return pgsieve(p->r, item, p->held) ? PGSCRIPT_DROP : PGSCRIPT_PASS;
}

static void
put_first(struct replay *p)
{
	const struct pgreplay *r = p->r;
	struct pgpipe *q = &p->pipe;
	if (r->go_on)
		pgpipe_text(q, "\\set ON_ERROR_STOP 0\n");
	if (r->whole)
		pgpipe_text(q, "BEGIN;\nSELECT 'bd-xid ' || pg_catalog.txid_current();\n");
	else /* a crash needs the safety dump anyway */
		pgpipe_text(q, "SET synchronous_commit = off;\n");
	pgpipe_text(q, "SELECT 'bd-begun';\n");
	if (names_have(&r->facts->settings, "transaction_timeout"))
		pgpipe_text(q, "SET transaction_timeout = 0;\n");
	if (names_have(&r->facts->settings, "client_connection_check_interval"))
		pgpipe_text(q, "SET client_connection_check_interval = '1s';\n"); /* the server is to let go soon after a kill, too */
	if (r->before)
		pgpipe_text(q, r->before);
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
	if (p->r->go_on)
		pgonward_last(&p->onward);
	else
		pgpipe_text(&p->pipe, "\nSELECT 'bd-reached';\n");
	pgpipe_wait(&p->pipe);
	p->stage = WAITING;
	return 0;
}

/* All before has been done without an error. Should we be killed before that, nothing of this happens. */
static void
put_last(struct replay *p)
{
	const struct pgreplay *r = p->r;
	struct pgpipe *q = &p->pipe;
	fflush(p->held);
	if (r->whole)
		pgpipe_text(q, "COMMIT;\n");
	else { /* a commit that waits for all before it */
		pgpipe_text(q, p->held_text);
		pgpipe_text(q, "SET synchronous_commit = on;\nSELECT pg_catalog.txid_current();\n");
	}
	pgpipe_text(q, "SELECT 'bd-done';\n");
	p->stage = LAST;
	p->committing = true;
}

/* Line by line where rows may have to wait: their COPY ends with its line. */
static int
put_piece(struct replay *p)
{
	while (p->piece_at < p->piece_len && !p->pipe.waits) {
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
	if (pgpipe_asked(&p->pipe)) {
		if (p->stage == WAITING)
			pgpipe_go_on(&p->pipe, true);
		else
			pgonward_go(&p->onward);
	}
	while (pgpipe_empty(&p->pipe) && p->stage != LAST) {
		if (p->stage == FIRST) {
			p->stage = MIDDLE;
			put_first(p);
		} else if (p->stage == WAITING)
			put_last(p);
		else if (put_more(p) < 0)
			return -1;
	}
	return (ssize_t)pgpipe_give(&p->pipe, buf, len);
}

static void
take_answer(void *arg, const char *line)
{
	struct replay *p = arg;
	if (!strcmp(line, "bd-begun"))
		p->begun = true;
	else if (!strcmp(line, "bd-reached"))
		pgpipe_answered(&p->pipe);
	else if (!strcmp(line, "bd-done"))
		p->done = true;
	else if (!strncmp(line, "bd-xid ", 7))
		snprintf(p->xid, sizeof p->xid, "%s", line + 7);
	else
		pgonward_answer(&p->onward, line);
}

static void
say(void *arg, const char *line)
{
	struct replay *p = arg;
	if (!p->r->go_on || strstr(line, "WARNING:  "))
		pgtarget_say(&p->t, line);
	else
		pgonward_error(&p->onward, line);
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
		return p->onward.failures ? PGREPLAY_PARTLY : PGREPLAY_DONE;
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
	p->held = text_begin(&p->held_text, &p->held_len);
	pgpipe_begin(&p->pipe);
	p->onward = (struct pgonward){.pipe = &p->pipe, .container = r->t->container, .cluster = r->census->kind == DUMP_CLUSTER,
		.warns = r->facts->version.series[0] >= 13};
	int status = pgtarget_run(r->t, pgtarget_psql, &(struct exec){.in = give, .out_lines = &p->answer, .err_lines = &p->said, .arg = p,
		.ready = &p->pipe.ready});
	lines_end(&p->said); /* but half an answer is none */
	enum pgreplay_end end = judge_end(p, status);
	fclose(p->held);
	if (p->held_len)
		explicit_bzero(p->held_text, p->held_len);
	free(p->held_text);
	pgonward_end(&p->onward);
	pgpipe_end(&p->pipe);
	free(p);
	return end;
}
