/* bd-restore-mariadb - replays a dump into a database of a MariaDB or MySQL server in a container.
 *
 * No transaction spans a CREATE TABLE. So what the database holds is dumped first, and replayed by ourselves if the
 * dump cannot be; if we are killed meanwhile, the command that does it stands on stderr since before the first change.
 * All that can be refused is refused before that, too: every refusal is told, and nothing has been touched. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "dumper.h"
#include "myreplay.h"
#include "room.h"
#include "safety.h"

enum { TRIES = 5, PAUSE = 2 }; /* to put back: a server that was killed may be on its way */

static bool empty, any_space, any_version, dry, verbose, unsafe;
static bool putting; /* a safety dump back: what fails is named, and ends nothing */
static const char *folder = SAFETY_FOLDER;
static volatile sig_atomic_t stop;
static unsigned refusals;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-restore-mariadb [-efknpvSV] [-s DIR] [-u USER] CONTAINER DATABASE DUMP\n");
	exit(BD_USAGE);
}

static void __attribute__((format(printf, 2, 0)))
say(const char *what, const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs(what, stderr);
	vfprintf(stderr, fmt, ap);
	putc('\n', stderr);
}

static void __attribute__((format(printf, 1, 2)))
refuse(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("ERROR: ", fmt, ap);
	va_end(ap);
	refusals++;
}

static void __attribute__((format(printf, 1, 2)))
remark(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("WARNING: ", fmt, ap);
	va_end(ap);
}

static _Noreturn void __attribute__((format(printf, 2, 3)))
die(int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("ERROR: ", fmt, ap);
	va_end(ap);
	if (stop) {
		signal(stop, SIG_DFL);
		raise(stop);
	}
	exit(status);
}

static void
on_signal(int sig)
{
	stop = sig;
}

/* The password is for nobody else: what we run inherits the environment. */
static char *
take_password(void)
{
	char *password = getenv("BAUDOLO_DB_PASSWORD");
	if (password)
		password = xstrdup(password);
	unsetenv("BAUDOLO_DB_PASSWORD");
	return password;
}

/* The dump itself. */
static void
check_dump(struct mydump *d)
{
	struct stat st;
	if ((d->fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 || fstat(d->fd, &st) < 0)
		refuse("dump not found, or not readable: %s: %s", d->path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		refuse("dump is not a file: %s", d->path);
	else if (mydump_survey(d) != BD_DONE)
		refuse("dump is not complete, or not one that can be restored: %s", d->path);
	for (size_t i = 1; i < d->databases.count; i++)
		refuse("dump holds several databases: '%s' and '%s'; only one of one database can be restored: %s",
		    d->databases.at[0].name, d->databases.at[i].name, d->path);
	if (d->databases.count == 1)
		remark("dump creates and uses a database of its own, '%s'; that is left out", d->databases.at[0].name);
}

static void
check_version(const struct mytarget *t, const struct mydump *d)
{
	const char *from = dump_product(d->from.product), *serving = dump_product(t->serving.product);
	if (!d->has_version && any_version)
		remark("dump does not tell of which version it is: %s", d->path);
	else if (!d->has_version)
		refuse("dump does not tell of which version it is, so an older engine may be serving: %s %s; "
		    "-k (--no-version-check) restores it nevertheless: %s", serving, t->serving.text, d->path);
	else if (dump_version_compare(&d->from, &t->serving) <= 0)
		printf("OK: dump is from %s %s, %s%s%s is serving.\n", from, d->from.text,
		    d->from.product == t->serving.product ? "" : serving, d->from.product == t->serving.product ? "" : " ",
		    t->serving.text);
	else if (any_version)
		remark("dump is from %s %s, an older engine is serving: %s %s", from, d->from.text, serving, t->serving.text);
	else
		refuse("dump is from %s %s, an older engine is serving: %s %s; -k (--no-version-check) restores it nevertheless",
		    from, d->from.text, serving, t->serving.text);
	if (d->has_version && d->from.product != t->serving.product)
		remark("dump is from %s, which %s may not understand in all", from, serving);
}

/* Position and log of a whole server are no part of a database, and take privileges. */
static bool
is_of_server(const char *variable)
{
	return !strcmp(variable, "gtid_purged") || !strcmp(variable, "sql_log_bin");
}

static bool
has_row(const char *rows, const char *name)
{
	size_t len = strlen(name);
	for (const char *s = rows; s; s = (s = strchr(s, '\n')) ? s + 1 : NULL)
		if (!strncasecmp(s, name, len) && s[len] == '\t')
			return true;
	return false;
}

/* Variables that the server does not know are not set. -1 said. */
static int
settle_variables(struct mytarget *t, struct mydump *d, bool tell)
{
	char *known;
	if (mytarget_query(t, "SHOW VARIABLES;", &known) != BD_DONE)
		return -1;
	for (size_t i = 0; i < d->variables.count; i++) {
		struct mydump_name *v = &d->variables.at[i];
		v->off = is_of_server(v->name) || !has_row(known, v->name);
		if (v->off && tell) {
			char *shown = tsv_show(v->name);
			remark(is_of_server(v->name) ? "dump sets '%s', which is left out: it is the whole server's"
			                             : "dump sets '%s', which the server does not know; that is left out", shown);
			free(shown);
		}
	}
	free(known);
	return 0;
}

static bool
is_account(const struct mytarget *t, const struct mydump_name *n)
{
	size_t len = strlen(n->name);
	return n->host && !strncmp(t->account, n->name, len) && t->account[len] == '@' && !strcmp(t->account + len + 1, n->host);
}

static void
settle_definers(const struct mytarget *t, struct mydump *d, bool tell)
{
	for (size_t i = 0; i < d->definers.count; i++) {
		struct mydump_name *n = &d->definers.at[i];
		n->off = !(t->privileges & MY_MAY_SET_USER) && !is_account(t, n);
		if (!n->off || !tell)
			continue;
		char *full = n->host ? xasprintf("%s@%s", n->name, n->host) : xstrdup(n->name), *shown = tsv_show(full);
		remark("DEFINER %s of %ju object%s becomes %s, which may not SET USER", shown, n->count, n->count == 1 ? "" : "s",
		    t->account);
		free(full);
		free(shown);
	}
}

static int
settle(struct mytarget *t, struct mydump *d, bool tell)
{
	settle_definers(t, d, tell);
	return settle_variables(t, d, tell);
}

/* What a replay, and putting back, takes. */
static void
check_privileges(const struct mytarget *t, const struct mydump *d, const struct mycontent *now)
{
	unsigned need = MY_MAY_SELECT | MY_MAY_INSERT | MY_MAY_DELETE | MY_MAY_CREATE | MY_MAY_DROP | MY_MAY_ALTER | MY_MAY_LOCK_TABLES;
	if (mydump_creates(d, "VIEW"))
		need |= MY_MAY_CREATE_VIEW | MY_MAY_SHOW_VIEW;
	if (mydump_creates(d, "TRIGGER"))
		need |= MY_MAY_TRIGGER;
	if (mydump_creates(d, "PROCEDURE") || mydump_creates(d, "FUNCTION") || mydump_creates(d, "PACKAGE"))
		need |= MY_MAY_CREATE_ROUTINE | MY_MAY_ALTER_ROUTINE;
	if (mydump_creates(d, "EVENT"))
		need |= MY_MAY_EVENT;
	for (size_t i = 0; i < now->count; i++) {
		const char *kind = now->at[i].kind;
		if (!strcmp(kind, "TABLE") && !unsafe)
			need |= MY_MAY_TRIGGER; /* without it triggers are neither seen nor dumped, and go with their table */
		if (!strcmp(kind, "VIEW") && !unsafe)
			need |= MY_MAY_CREATE_VIEW | MY_MAY_SHOW_VIEW;
		if (strcmp(kind, "TABLE") && strcmp(kind, "SEQUENCE") && strcmp(kind, "VIEW") && strcmp(kind, "EVENT") && empty)
			need |= MY_MAY_ALTER_ROUTINE | (unsafe ? 0 : MY_MAY_CREATE_ROUTINE);
	}
	if (!(need & ~t->privileges))
		return;
	char *names = mygrants_names(need & ~t->privileges);
	refuse("%s lacks privileges on database '%s': %s", t->account, t->database, names);
	free(names);
}

static void
check_packet(const struct mytarget *t, const char *what, uintmax_t longest)
{
	if (longest >= t->packet)
		refuse("%s has a statement of %ju bytes, the server takes %ju: raise its max_allowed_packet", what, longest, t->packet);
}

/* A dump is no measure of what its rows need, but a server whose disk fills up may not come up again. */
static void
check_space(struct mytarget *t, const struct mydump *d)
{
	struct stat st;
	char *data = NULL;
	long long bytes;
	if (any_space || fstat(d->fd, &st) < 0 || mytarget_query(t, "SELECT @@datadir;", &data) != BD_DONE)
		return;
	data[strcspn(data, "\n")] = '\0';
	mytarget_unescape(data);
	char *quoted = docker_json(data), *where = room_find(t->d, t->container, quoted, &bytes);
	if (where && bytes < (long long)st.st_size)
		refuse("%s: %lld MiB are free, too few for a dump of %lld MiB; -f (--no-space-check) restores it nevertheless", where,
		    bytes >> 20, (long long)st.st_size >> 20);
	free(where);
	free(quoted);
	free(data);
}

/* What would be lost should it have to be put back. */
static void
check_undumped(struct mytarget *t)
{
	char *names;
	if (unsafe)
		return;
	if (mycontent_undumped(t, &names) != BD_DONE) {
		refuse("database '%s': what of it can be dumped is not known", t->database);
		return;
	}
	char *rest = names;
	for (char *line; (line = strsep(&rest, "\n")) && *line;)
		refuse("%s cannot dump %s: it could not be put back should the restore fail; -S (--no-safety-dump) restores nevertheless",
		    t->account, line);
	free(names);
}

/* Returns the status to end with, BD_DONE: all is well. */
static int
check(struct mytarget *t, struct mydump *d, struct mycontent *now)
{
	check_dump(d);
	int rc = mytarget_open(t);
	if (rc != BD_DONE) {
		refuse("database '%s' in container %s does not answer, or not '%s'", t->database, t->container, t->user);
		return rc;
	}
	bool whole = refusals == 0;
	if (whole) {
		check_version(t, d);
		check_packet(t, "dump", d->longest);
		check_space(t, d);
		if (settle(t, d, true) < 0)
			refuse("database '%s': what the server knows cannot be told", t->database);
	}
	if (mycontent_list(t, now) != BD_DONE)
		refuse("database '%s': what it holds cannot be told", t->database);
	if (whole)
		check_privileges(t, d, now);
	check_undumped(t);
	return refusals ? BD_FAILED : BD_DONE;
}

/* The dumper that belongs to the client. */
static const char *
tool_of(const struct mytarget *t)
{
	return strcmp(t->client, "mariadb") ? "mysqldump" : "mariadb-dump";
}

/* How what was there is put back, for a shell; to be freed. */
static char *
putting_back(const struct mytarget *t, const struct safety *s)
{
	const char *const argv[] = {"bd-restore-mariadb", "-fp", "-u", t->user, "--", t->container, t->database, s->path, NULL};
	return shell_quote(argv);
}

static void
show_plan(const struct mytarget *t, const struct mydump *d, const struct mycontent *now)
{
	char *summary = mycontent_summary(now), *command = mytarget_command(t);
	FILE *out = dry ? stdout : stderr;
	const char *mark = dry ? "" : "+ ";
	fflush(stdout);
	if (!unsafe)
		fprintf(out, "%s%s of database '%s' to %s\n", mark, tool_of(t), t->database, folder);
	if (empty)
		fprintf(out, "%sempty database '%s': %s\n", mark, t->database, summary);
	fprintf(out, "%s%s <%s\n", mark, command, d->path);
	free(summary);
	free(command);
}

/* A dump of what is there, known to be one that can be put back; kept open in saved. */
static void
save(struct mytarget *t, struct safety *s, struct mydump *saved)
{
	struct dumper_result r;
	if (safety_begin(s, folder, t->container, t->database) < 0)
		die(BD_FAILED, "no safety dump can be made in %s; nothing was changed. -S (--no-safety-dump) restores without", folder);
	const struct dumper j = {.container = t->container, .label = t->container, .tool = tool_of(t), .kind = DUMP_MARIADB,
		.database = t->database, .username = t->user, .password = t->password ? t->password : "", .dir = s->dir,
		.name = s->name, .journal = -1, .stop = &stop, .socket = t->socket};
	if (dumper_run(t->d, &j, &r) < 0)
		die(BD_FAILED, "the safety dump failed: %s; nothing was changed. -S (--no-safety-dump) restores without", r.reason);
	saved->path = s->path;
	if ((saved->fd = safety_open(s)) < 0 || mydump_survey(saved) != BD_DONE || settle(t, saved, false) < 0)
		refuse("the safety dump could not be put back: %s", s->path);
	else
		check_packet(t, "the safety dump", saved->longest);
	if (refusals) {
		safety_remove(s);
		die(BD_FAILED, "nothing was changed. -S (--no-safety-dump) restores without a safety dump");
	}
	char *command = putting_back(t, s);
	fflush(stdout);
	fprintf(stderr, "Should this be killed, this puts database '%s' back, with the password in BAUDOLO_DB_PASSWORD:\n  %s\n",
	    t->database, command);
	free(command);
}

/* MY_REPLAYED: it is there again; MY_PARTLY: but for what the server does not take. */
static enum my_outcome
put_back(struct mytarget *t, struct mydump *saved)
{
	struct mycontent now;
	t->stop = NULL; /* half of it is no use */
	for (int i = 0; i < TRIES; i++) {
		if (mycontent_list(t, &now) == BD_DONE) {
			enum my_outcome o = myreplay(t, saved, &now, true, true);
			mycontent_free(&now);
			if (o == MY_REPLAYED || o == MY_PARTLY)
				return o;
		}
		if (i + 1 < TRIES)
			nanosleep(&(struct timespec){.tv_sec = PAUSE}, NULL);
	}
	return MY_SPOILT;
}

static _Noreturn void
fail(struct mytarget *t, struct safety *s, struct mydump *saved)
{
	if (unsafe)
		die(BD_FAILED, "database '%s' is restored in part only, and there is no safety dump; what failed is above", t->database);
	fprintf(stderr, "The restore failed; putting back what database '%s' held.\n", t->database);
	enum my_outcome o = put_back(t, saved);
	if (o == MY_REPLAYED) {
		safety_remove(s);
		die(BD_FAILED, "the restore failed; database '%s' holds again what it held before", t->database);
	}
	char *command = putting_back(t, s);
	if (o == MY_PARTLY)
		die(BD_FAILED, "the restore failed; database '%s' holds again what it held before, but for what failed again, which is named "
		    "above; this puts all of it back once that can be, with the password in BAUDOLO_DB_PASSWORD:\n  %s", t->database, command);
	die(BD_FAILED, "the restore failed, and database '%s' is neither what it was nor what it should be; this puts back what it "
	    "held, with the password in BAUDOLO_DB_PASSWORD:\n  %s", t->database, command);
}

static void
restore(struct mytarget *t, struct mydump *d, struct mycontent *now)
{
	struct safety s = {.dir = -1};
	struct mydump saved = {.fd = -1};
	if (!unsafe) {
		save(t, &s, &saved);
		mycontent_free(now); /* that was some time ago */
		if (mycontent_list(t, now) != BD_DONE) {
			safety_remove(&s);
			die(BD_FAILED, "database '%s': what it holds cannot be told; nothing was changed", t->database);
		}
	}
	switch (myreplay(t, d, now, empty, putting)) {
	case MY_PARTLY:
		die(BD_FAILED, "database '%s' holds what %s has, but for what failed, which is named above", t->database, d->path);
	case MY_SPOILT:
		fail(t, &s, &saved);
	case MY_UNTOUCHED:
		if (!unsafe)
			safety_remove(&s);
		die(BD_FAILED, "database '%s' was not restored; nothing in it was changed", t->database);
	case MY_REPLAYED:
		break;
	}
	if (!unsafe)
		safety_remove(&s);
	mydump_free(&saved);
	safety_free(&s);
}

int
main(int argc, char *argv[])
{
	struct docker docker;
	char *password = take_password();
	struct mytarget t = {.d = &docker, .stop = &stop, .password = password};
	struct mydump dump = {.fd = -1};
	struct mycontent now = {0};
	bd_start();
	for (int c; (c = getopt(argc, argv, "efknpvSVs:u:")) != -1;)
		switch (c) {
		case 'e': empty = true; break;
		case 'f': any_space = true; break;
		case 'k': any_version = true; break;
		case 'n': dry = true; break;
		case 'p': putting = empty = unsafe = true; break;
		case 'v': verbose = true; break;
		case 'S': unsafe = true; break;
		case 's': folder = optarg; break;
		case 'u': t.user = optarg; break;
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 3 || !*argv[optind] || !*argv[optind + 1] || !*folder || (t.user && !*t.user))
		usage();
	t.container = argv[optind];
	t.database = argv[optind + 1];
	dump.path = argv[optind + 2];
	if (!t.user)
		t.user = t.database;
	bd_catch(on_signal); /* who reads us and is gone must not leave half a database */
	if (docker_open(&docker) < 0)
		die(BD_FATAL, "database '%s': Docker does not answer; nothing was changed", t.database);
	int rc = check(&t, &dump, &now);
	if (rc != BD_DONE)
		die(rc, "database '%s': nothing was changed", t.database);
	if (dry || verbose)
		show_plan(&t, &dump, &now);
	if (!dry) {
		restore(&t, &dump, &now);
		printf("MariaDB/MySQL restore complete for db '%s'.\n", t.database);
	}
	mycontent_free(&now);
	mydump_free(&dump);
	mytarget_free(&t);
	docker_close(&docker);
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
	return bd_finish(BD_DONE);
}
