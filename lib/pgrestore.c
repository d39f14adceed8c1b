/* pgrestore.c - what bd-restore-postgres and bd-restore-cluster share. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lines.h"
#include "pgrestore.h"
#include "room.h"

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	stop = sig;
}

int
pgrestore_signal(void)
{
	return stop;
}

void
pgrestore_go_on(void)
{
	stop = 0;
}

void
pgrestore_options(struct pgrestore *r, int argc, char *argv[], void (*usage)(void))
{
	r->safety_dir = "/var/lib/baudolo/safety";
	r->lock_seconds = 60;
	r->fd = -1;
	for (int c; (c = getopt(argc, argv, "efknpvSVs:u:w:")) != -1;)
		switch (c) {
		case 'e': r->empty = true; break;
		case 'f': r->any_space = true; break;
		case 'k': r->any_version = true; break;
		case 'n': r->dry = true; break;
		case 'p': r->put_back = r->empty = r->no_safety = r->any_space = true; break;
		case 'v': r->verbose = true; break;
		case 'S': r->no_safety = true; break;
		case 's': r->safety_dir = optarg; break;
		case 'u': r->user = optarg; break;
		case 'w': r->lock_seconds = bd_number(optarg, 1, 86400, "-w"); break;
		case 'V': bd_version();
		default: usage();
		}
	bd_catch(on_signal);
}

void
pgrestore_refuse(struct pgrestore *r, const char *fmt, ...)
{
	va_list ap;
	fflush(stdout);
	fputs("ERROR: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	putc('\n', stderr);
	r->refusals++;
}

static int
open_dump(struct pgrestore *r)
{
	struct stat st;
	r->fd = open(r->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd >= 0 && fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode))
		return BD_DONE;
	bool none = r->fd >= 0 || errno == ENOENT || errno == ENOTDIR;
	pgrestore_refuse(r, "dump not found: %s%s%s", r->file, none ? "" : ": ", none ? "" : strerror(errno));
	return none ? BD_USAGE : BD_FATAL;
}

static int
read_dump(struct pgrestore *r)
{
	int rc = dump_check(r->fd, r->file, r->kind);
	if (rc == BD_DONE)
		rc = pgcensus_take(&r->census, r->fd, r->file, r->kind);
	if (rc == BD_FATAL)
		return BD_FATAL;
	if (rc == BD_FAILED) {
		pgrestore_refuse(r, "%s cannot be restored: the reason is above", r->file);
		r->unusable = true;
	}
	return BD_DONE;
}

static void
check_version(struct pgrestore *r)
{
	struct dump_version from;
	const struct dump_version *here = &r->facts.version;
	int rc = dump_version(r->fd, r->file, r->kind, &from);
	if (rc == BD_DONE && dump_version_compare(&from, here) <= 0) {
		printf("OK: dump is from %s %s, %s is serving.\n", dump_product(from.product), from.text, here->text);
		fflush(stdout); /* before what is said about it */
	} else if (r->any_version)
		fprintf(stderr, "WARNING: the dump is from %s %s, %s is serving.\n", dump_product(DUMP_FROM_POSTGRES),
			rc == BD_DONE ? from.text : "of an unknown version", here->text);
	else if (rc == BD_DONE)
		pgrestore_refuse(r, "the dump is from PostgreSQL %s, but an older engine is serving: PostgreSQL %s (--no-version-check restores it in spite of that)",
			from.text, here->text);
	else if (!r->unusable)
		pgrestore_refuse(r, "the dump does not tell its version, so that an older engine may be serving: PostgreSQL %s (--no-version-check restores it in spite of that)",
			here->text);
}

/* New rows come beside the old ones. Rows need more room than their text, unless they compress well; a server without room for
 * its log stops, and does not start again (tried). */
static void
check_space(struct pgrestore *r)
{
	static const char data[] = "[.Config.Env // [] | .[] | select(startswith(\"PGDATA=\"))] | last // \"PGDATA=/var/lib/postgresql/data\" | ltrimstr(\"PGDATA=\")";
	long long free_bytes, size = (long long)r->census.size;
	char *where = r->any_space ? NULL : room_find(&r->docker, r->container, data, &free_bytes);
	if (where && free_bytes < size)
		pgrestore_refuse(r, "%s: %lld MiB are free, too few for a dump of %lld MiB (--no-space-check restores it in spite of that)",
		    where, free_bytes >> 20, size >> 20);
	free(where);
}

static void
check_extensions(struct pgrestore *r)
{
	struct names lacking = {0};
	for (size_t i = 0; i < r->census.extensions.count; i++)
		if (!names_have(&r->facts.extensions, r->census.extensions.name[i]))
			names_add(&lacking, r->census.extensions.name[i]);
	if (lacking.count) {
		char *all = names_show(&lacking);
		pgrestore_refuse(r, "the dump needs extensions that the server in %s does not have: %s", r->container, all);
		free(all);
	}
	names_free(&lacking);
}

int
pgrestore_look(struct pgrestore *r)
{
	const char *password = getenv("BAUDOLO_DB_PASSWORD");
	int rc = open_dump(r);
	if (rc == BD_DONE)
		rc = read_dump(r);
	if (rc != BD_DONE)
		return rc;
	if (docker_open(&r->docker) < 0)
		return BD_FATAL;
	pgtarget_begin(&r->target, &r->docker, r->container, r->user, r->database, password ? password : "", r->lock_seconds);
	r->target.stop = &stop;
	if (pgtarget_facts(&r->target, *r->census.encoding ? r->census.encoding : "UTF8", r->kind, &r->facts) < 0) {
		pgrestore_refuse(r, "the server in %s cannot be asked as '%s': the reason is above", r->container, r->user);
		return stop ? 128 + stop : BD_FAILED;
	}
	check_version(r);
	if (!r->unusable) {
		check_extensions(r);
		check_space(r);
	}
	if (r->facts.standby)
		pgrestore_refuse(r, "the server in %s is a standby, and read-only", r->container);
	return BD_DONE;
}

struct safety {
	struct save file;
	struct dump_watch watch;
	struct lines said;
};

static int
on_dump(void *arg, const void *data, size_t len)
{
	struct safety *s = arg;
	dump_watch_add(&s->watch, data, len);
	if (fwrite(data, 1, len, s->file.out) == len)
		return 0;
	warn("%s", s->file.name);
	return -1;
}

static int
on_said(void *arg, const void *data, size_t len)
{
	struct safety *s = arg;
	lines_feed(&s->said, data, len);
	return 0;
}

/* Container, database and time; a name can hold slashes. */
static char *
safety_name(const struct pgrestore *r)
{
	char when[32];
	struct tm tm;
	time_t now = time(NULL);
	localtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y%m%d%H%M%S", &tm);
	char *name = r->kind == DUMP_CLUSTER ? xasprintf("%s.%s.%jd.cluster.backup.sql", r->container, when, (intmax_t)getpid())
	                                     : xasprintf("%s.%s.%s.%jd.backup.sql", r->container, r->database, when, (intmax_t)getpid());
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '_';
	return name;
}

static int
open_safety_dir(const struct pgrestore *r)
{
	int fd;
	if (mkdir(r->safety_dir, 0700) < 0 && errno == ENOENT) { /* its parent */
		char *parent = xstrdup(r->safety_dir), *slash = strrchr(parent, '/');
		if (slash && slash != parent) {
			*slash = '\0';
			mkdir(parent, 0755);
		}
		free(parent);
		mkdir(r->safety_dir, 0700);
	}
	if ((fd = open(r->safety_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		warn("%s", r->safety_dir);
	return fd;
}

void
pgrestore_say_command(const struct pgrestore *r, const char *what)
{
	const char *argv[16];
	size_t n = 0;
	argv[n++] = r->program;
	argv[n++] = "-p";
	argv[n++] = "-u";
	argv[n++] = r->user;
	argv[n++] = "--";
	argv[n++] = r->container;
	if (r->kind != DUMP_CLUSTER)
		argv[n++] = r->database;
	argv[n++] = r->safety;
	argv[n] = NULL;
	char *line = shell_quote(argv);
	fprintf(stderr, "%s (with the password in BAUDOLO_DB_PASSWORD):\n%s\n", what, line);
	free(line);
}

static int
dump_into(struct pgrestore *r, struct safety *s)
{
	static const char *const one[] = {"pg_dump", "-w", "--lock-wait-timeout=60000", NULL};
	static const char *const all[] = {"pg_dumpall", "-w", "--lock-wait-timeout=60000", NULL};
	int rc = pgtarget_run(&r->target, r->kind == DUMP_CLUSTER ? all : one, &(struct exec){.out = on_dump, .err = on_said, .arg = s});
	if (rc == 0 && dump_watch_complete(&s->watch))
		return save_commit(&s->file);
	if (rc == 0)
		warnx("%s: the safety dump lacks its end marker", r->container);
	save_abort(&s->file);
	return -1;
}

int
pgrestore_make_safety(struct pgrestore *r)
{
	int dir = open_safety_dir(r);
	if (dir < 0)
		return -1;
	struct safety s = {.said = {.each = pgtarget_say, .arg = &r->target}};
	dump_watch_begin(&s.watch, r->kind);
	char *name = safety_name(r);
	int rc = save_begin(&s.file, dir, name, 0600, true);
	if (rc == 0)
		rc = dump_into(r, &s);
	if (rc == 0) {
		char *at = realpath(r->safety_dir, NULL);
		r->safety = xasprintf("%s/%s", at ? at : r->safety_dir, name);
		free(at);
		fprintf(stderr, "NOTE: from now on, what was there can come back only from the safety dump %s\n", r->safety);
		pgrestore_say_command(r, "NOTE: should this be killed, the safety dump is put back by");
	}
	free(name);
	close(dir);
	return rc;
}

int
pgrestore_open_safety(const struct pgrestore *r, struct pgrestore *back)
{
	*back = *r;
	back->file = r->safety;
	back->put_back = true;
	back->census = (struct pgcensus){0};
	back->facts = (struct pgfacts){0};
	if ((back->fd = open(back->file, O_RDONLY | O_CLOEXEC)) < 0) {
		warn("%s", back->file);
		return -1;
	}
	return pgcensus_take(&back->census, back->fd, back->file, back->kind) == BD_DONE &&
		pgtarget_facts(&back->target, back->census.encoding, back->kind, &back->facts) == 0 ? 0 : -1;
}

void
pgrestore_close_safety(struct pgrestore *back)
{
	if (back->fd >= 0)
		close(back->fd);
	pgcensus_free(&back->census);
	pgfacts_free(&back->facts);
}

int
pgrestore_remove_safety(struct pgrestore *r)
{
	if (!r->safety || unlink(r->safety) == 0)
		return 0;
	warn("%s", r->safety);
	return -1;
}

void
pgrestore_close(struct pgrestore *r)
{
	pgrestore_close_safety(r);
	free(r->safety);
	if (r->target.d) {
		pgtarget_end(&r->target);
		docker_close(&r->docker);
	}
}
