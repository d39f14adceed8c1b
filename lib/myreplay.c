/* myreplay.c - the one session of the client that empties a database of MariaDB or MySQL and replays a dump into it.
 *
 * There is no transaction around a CREATE TABLE. So two lines tell how far it came: one that the server answers after
 * the last statement that changes nothing, and one after the last of all. They hold a number nobody else knows, since
 * statements of the dump can write lines, too. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "myreplay.h"
#include "mysession.h"
#include "text.h"

/* For locks: what holds them longer is named. Later ones are for those who read what was just created. */
enum { LOCK_SECONDS = 30, LATER_SECONDS = 600 };

struct replay {
	struct mytarget *t;
	struct mydump *dump;
	char *lead, *tail; /* SQL before and behind the dump */
	size_t lead_len, lead_at, tail_at;
	size_t harmless;   /* so much of lead changes nothing */
	char begun_mark[48], refused_mark[48], done_mark[48];
	bool begun, done;
	bool locked;       /* by somebody else, and waited for in vain */
	bool lost;         /* the server */
	/* of one that goes on after errors */
	bool go_on;
	int gate;          /* readable once more may be given: nothing may be dropped that could not be locked */
	bool first;        /* byte of the dump has been given */
	bool failed;       /* something */
	FILE *text;        /* the dump, as far as things that failed have been found in it */
	uintmax_t lines;
	char *section;     /* the comment before where text stands */
};

/* What the server may refuse that it has taken before. MySQL lets few accounts set these. -1 said. */
static int
write_leniency(struct replay *r, FILE *out)
{
	char *names;
	if (r->t->serving.product != DUMP_FROM_MARIADB)
		return 0;
	if (mytarget_query(r->t, "SHOW VARIABLES WHERE Variable_name IN ('check_constraint_checks', 'innodb_strict_mode');", &names) != BD_DONE)
		return -1;
	char *rest = names;
	for (char *line; (line = strsep(&rest, "\n")) && *line;)
		fprintf(out, ", %.*s = 0", (int)strcspn(line, "\t"), line);
	free(names);
	return 0;
}

/* No line feed stands in it but those in names: the line numbers the client tells are those of the dump. -1 said. */
static int
write_lead(struct replay *r, const struct mycontent *now, bool empty)
{
	FILE *out = text_begin(&r->lead, &r->lead_len);
	fprintf(out, "SET SESSION lock_wait_timeout = %d, autocommit = 1, foreign_key_checks = 0", LOCK_SECONDS);
	int rc = write_leniency(r, out);
	fputs("; ", out);
	/* one value too many is an error */
	fprintf(out, "SELECT IF(GET_LOCK(CONCAT('baudolo.', MD5(DATABASE())), %d) = 1, 0, (SELECT 1 UNION SELECT 2)); ", LOCK_SECONDS);
	mycontent_lock(now, out);
	/* of a client that goes on after errors, too, and what it says of them may come later than this; neither @@error_count
	 * nor what else stands here begins a new count */
	fprintf(out, "SELECT IF(@@error_count = 0 AND IS_USED_LOCK(CONCAT('baudolo.', MD5(DATABASE()))) = CONNECTION_ID(), '%s', '%s'); ",
	    r->begun_mark, r->refused_mark);
	if (r->go_on)
		putc('\n', out); /* or the client waits for it; that of the dump's first line is left out for it */
	if (fflush(out) != 0)
		err(BD_FATAL, "memory");
	r->harmless = r->lead_len;
	if (empty)
		mycontent_drop(now, out);
	fprintf(out, "UNLOCK TABLES; SET SESSION lock_wait_timeout = %d; ", LATER_SECONDS);
	text_end(out);
	return rc;
}

static int
prepare(struct replay *r, const struct mycontent *now, bool empty)
{
	unsigned long long nonce;
	if (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
		err(BD_FATAL, "random numbers");
	snprintf(r->begun_mark, sizeof r->begun_mark, "baudolo %016llx begun", nonce);
	snprintf(r->refused_mark, sizeof r->refused_mark, "baudolo %016llx refused", nonce);
	snprintf(r->done_mark, sizeof r->done_mark, "baudolo %016llx done", nonce);
	/* a dump may turn autocommit off itself */
	r->tail = xasprintf("\nDELIMITER ;\nCOMMIT AND NO CHAIN NO RELEASE;\nSELECT '%s';\n", r->done_mark);
	return write_lead(r, now, empty);
}

static size_t
take(const char *text, size_t left, void *buf, size_t len)
{
	size_t n = left < len ? left : len;
	memcpy(buf, text, n);
	return n;
}

static void
gate_open(const struct replay *r)
{
	if (r->go_on && eventfd_write(r->gate, 1) < 0)
		err(BD_FATAL, "eventfd");
}

static void
gate_close(const struct replay *r)
{
	eventfd_t n;
	if (eventfd_read(r->gate, &n) < 0)
		err(BD_FATAL, "eventfd");
}

/* Of text before end. */
static ssize_t
give_lead(struct replay *r, size_t end, void *buf, size_t len)
{
	size_t n = take(r->lead + r->lead_at, end - r->lead_at, buf, len);
	r->lead_at += n;
	return (ssize_t)n;
}

static ssize_t
give_dump(struct replay *r, char *buf, size_t len)
{
	if (r->go_on && !r->first) {
		r->first = true;
		ssize_t n = mydump_read(r->dump, buf, 1);
		if (n <= 0 || *buf != '\n')
			return n;
	}
	return mydump_read(r->dump, buf, len);
}

static ssize_t
give(void *arg, void *buf, size_t len)
{
	struct replay *r = arg;
	if (r->go_on && r->lead_at < r->harmless) {
		ssize_t n = give_lead(r, r->harmless, buf, len);
		if (r->lead_at == r->harmless && !r->lost)
			gate_close(r);
		return n;
	}
	if (r->go_on && (!r->begun || r->lost))
		return 0;
	if (r->lead_at < r->lead_len)
		return give_lead(r, r->lead_len, buf, len);
	ssize_t n = give_dump(r, buf, len);
	if (n)
		return n;
	n = (ssize_t)take(r->tail + r->tail_at, strlen(r->tail + r->tail_at), buf, len);
	r->tail_at += (size_t)n;
	return n;
}

static void
on_line(void *arg, const char *line)
{
	struct replay *r = arg;
	bool begun = !strcmp(line, r->begun_mark), refused = !strcmp(line, r->refused_mark);
	r->begun = r->begun || begun;
	r->failed = r->failed || refused;
	if (begun || refused)
		gate_open(r);
	r->done = r->done || !strcmp(line, r->done_mark);
}

/* "-- Dumping data for table `t`": what of a dump a line of it belongs to; NULL: that is not known. */
static const char *
find_section(struct replay *r, uintmax_t line)
{
	char *text = NULL;
	size_t cap = 0;
	if (!r->text && !(r->text = fopen(r->dump->path, "re")))
		return NULL;
	for (ssize_t n; r->lines < line && (n = getline(&text, &cap, r->text)) > 0; r->lines++)
		if (!strncmp(text, "-- ", 3) && n > 4) {
			text[n - 1] = '\0';
			free(r->section);
			r->section = tsv_show(text + 3);
		}
	free(text);
	return r->section;
}

/* ERROR 1146 (42S02) at line 47: ... */
static void
say_failed(struct replay *r, const char *line)
{
	static const char at[] = " at line ";
	const char *number = strstr(line, at), *section = NULL;
	if (number && r->begun && r->go_on)
		section = find_section(r, strtoumax(number + strlen(at), NULL, 10));
	char *shown = tsv_show(line);
	warnx("%s: %s%s%s", r->t->container, section ? section : "", section ? ": " : "", shown);
	free(shown);
}

enum {
	ER_LOCK_WAIT_TIMEOUT = 1205,
	ER_SUBQUERY_NO_1_ROW = 1242,
	CR_SERVER_GONE_ERROR = 2006,
	CR_SERVER_LOST = 2013,
	CR_SERVER_LOST_EXTENDED = 2055,
};

static void
on_error(void *arg, const char *line)
{
	struct replay *r = arg;
	int number = strncmp(line, "ERROR ", 6) ? 0 : atoi(line + 6);
	if (r->lost)
		return; /* the client says it of each statement */
	r->lost = number == CR_SERVER_GONE_ERROR || number == CR_SERVER_LOST || number == CR_SERVER_LOST_EXTENDED;
	r->locked = r->locked || number == ER_LOCK_WAIT_TIMEOUT;
	r->failed = r->failed || number;
	if (!r->begun && number == ER_SUBQUERY_NO_1_ROW)
		warnx("%s: another restore of database '%s' goes on", r->t->container, r->t->database);
	else
		say_failed(r, line);
	if (r->lost)
		gate_open(r);
}

/* Who may hold what was waited for. An account sees its own sessions, or all with PROCESS. */
static void
name_blockers(struct mytarget *t)
{
	static const char question[] =
		"SELECT CONCAT('session ', ID, ' of ', USER, ' from ', HOST, ', ', COMMAND, ' for ', TIME, ' s') FROM information_schema.PROCESSLIST"
		" WHERE DB = DATABASE() AND ID <> CONNECTION_ID();";
	char *out;
	if (mytarget_query(t, question, &out) != BD_DONE)
		return;
	char *rest = out;
	for (char *line; (line = strsep(&rest, "\n")) && *line;) {
		char *shown = tsv_show(line);
		warnx("%s: uses database '%s', and may hold the lock: %s", t->container, t->database, shown);
		free(shown);
	}
	free(out);
}

static int
run(struct replay *r)
{
	const struct my_session s = {.in = give, .line = on_line, .error = on_error, .arg = r, .force = r->go_on,
		.ready = r->go_on ? &r->gate : NULL};
	if (r->go_on && (r->gate = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		err(BD_FATAL, "eventfd");
	int status = mysession_run(r->t, &s);
	if (r->go_on)
		close(r->gate);
	if (r->text)
		fclose(r->text);
	free(r->section);
	return status;
}

/* The client's own status tells that all it wrote has come. */
static enum my_outcome
outcome(const struct replay *r, int status)
{
	bool changed = r->begun || (status < 0 && r->lead_at > r->harmless);
	if (status == 0 && r->done)
		return !r->failed ? MY_REPLAYED : r->locked ? MY_SPOILT : MY_PARTLY;
	return changed ? MY_SPOILT : MY_UNTOUCHED;
}

enum my_outcome
myreplay(struct mytarget *t, struct mydump *dump, const struct mycontent *now, bool empty, bool go_on)
{
	struct replay r = {.t = t, .dump = dump, .go_on = go_on};
	if (mydump_rewind(dump) < 0)
		return MY_UNTOUCHED;
	int status = prepare(&r, now, empty) < 0 ? EXEC_FAILED : run(&r);
	if (status > 0)
		warnx("%s: %s ended with status %d", t->container, t->client, status);
	else if (status == EXEC_NONE)
		warnx("%s: no such container", t->container);
	else if (status == 0 && !r.done && !r.failed)
		warnx("%s: %s ended before it had seen all of %s", t->container, t->client, dump->path);
	if (r.locked)
		name_blockers(t);
	free(r.lead);
	free(r.tail);
	return outcome(&r, status);
}
