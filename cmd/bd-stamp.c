/* bd-stamp - writes a generation's manifest.json and, last of all, directory_stemp.json.
 *
 * The stamp's hash is that of the original program: SHA-256 over all relative paths,
 * sorted as bytes, joined with nothing. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tree.h"
#include "utf8.h"

static const char stamp_name[] = "directory_stemp.json";

/* Records `volume status database dumped engine` to schema 1; see CONTRACT in baudolo(7). */
static const char manifest_filter[] =
    "def back: gsub(\"\\\\\\\\(?<c>[tnr\\\\\\\\])\"; {t:\"\\t\",n:\"\\n\",r:\"\\r\",\"\\\\\":\"\\\\\"}[.c]);"
    "[inputs | split(\"\\t\") | map(back)] as $v |"
    "{schema: 1,"
    " layout: {files_dir: \"files\", sql_dir: \"sql\", dump_suffix: \".backup.sql\","
    "          cluster_suffix: \".cluster.backup.sql\"},"
    " volumes: ($v | map({key: .[0], value: {database: (.[2] == \"yes\"), dumped: (.[3] == \"yes\"),"
    "          engine: (if .[4] == \"-\" then null else .[4] end)}}) | from_entries),"
    " failed: [$v[] | select(.[1] == \"failed\") | .[0]]}";

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-stamp [-V] GENERATION\n");
	exit(BD_USAGE);
}

static bool
is(const char *field, const char *a, const char *b)
{
	return field && (!strcmp(field, a) || !strcmp(field, b));
}

/* Copies the records, checked, to where jq can read them. */
static int
check_records(FILE *to)
{
	struct tsv t;
	int rc;
	tsv_begin(&t, stdin, "stdin");
	while ((rc = tsv_read(&t, 5)) > 0) {
		if (!t.field[0])
			return tsv_bad(&t, "no volume");
		if (!is(t.field[1], "ok", "failed"))
			return tsv_bad(&t, "status must be ok or failed");
		if (!is(t.field[2], "yes", "no") || !is(t.field[3], "yes", "no"))
			return tsv_bad(&t, "database and dumped must be yes or no");
		if (t.field[4] && !is(t.field[4], "postgres", "mariadb"))
			return tsv_bad(&t, "engine must be postgres, mariadb or -");
		if (TSV_WRITE(to, t.field[0], t.field[1], t.field[2], t.field[3], t.field[4]) < 0)
			return -1;
	}
	tsv_end(&t);
	return rc;
}

static int
write_manifest(int generation, FILE *records)
{
	static const char *const jq[] = {"jq", "-nRS", "--indent", "2", manifest_filter, NULL};
	struct save s;
	struct child c;
	if (fflush(records) != 0 || lseek(fileno(records), 0, SEEK_SET) < 0) {
		warn("manifest.json");
		return -1;
	}
	if (save_begin(&s, generation, "manifest.json", 0600, true) < 0)
		return -1;
	int status = child_spawn(&c, jq, fileno(records), fileno(s.out)) < 0 ? -1 : child_wait(&c);
	if (status == 0)
		return save_commit(&s);
	warnx("manifest.json: jq ended with status %d", status);
	save_abort(&s);
	return -1;
}

struct stamp {
	struct hash hash;
	char *odd; /* the first name that is not UTF-8 */
};

static int
add(void *arg, const struct walk_item *i)
{
	struct stamp *s = arg;
	if (!s->odd && !is_utf8(i->name))
		s->odd = xstrdup(i->path);
	return strcmp(i->path, stamp_name) ? hash_add(&s->hash, i->path, strlen(i->path)) : 0;
}

static int
write_stamp(int generation, const char *path)
{
	static const struct walk_ops ops = {.entry = add};
	struct stamp s = {0};
	char hex[HASH_HEX], date[32];
	time_t now = time(NULL);
	struct tm tm;
	/* What an earlier bd-stamp has left, whole or half, is no part of the generation. */
	unlinkat(generation, stamp_name, 0);
	unlinkat(generation, ".directory_stemp.json.tmp", 0);
	if (hash_begin(&s.hash) < 0)
		return -1;
	int rc = walk(generation, path, &ops, &s);
	if (hash_end(&s.hash, hex) < 0 || rc < 0)
		return -1;
	if (s.odd) {
		char *shown = tsv_escape(s.odd);
		fprintf(stderr, "WARNING: no %s is written: the name '%s' is not UTF-8.\n", stamp_name, shown);
		free(shown);
		free(s.odd);
		return 0;
	}
	if (!localtime_r(&now, &tm) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm)) {
		warnx("the local time cannot be told");
		return -1;
	}
	struct save file;
	if (save_begin(&file, generation, stamp_name, 0600, true) < 0)
		return -1;
	fprintf(file.out, "{\"hash\": \"%s\", \"date\": \"%s\"}\n", hex, date);
	return save_commit(&file);
}

int
main(int argc, char *argv[])
{
	bd_start();
	for (int c; (c = getopt(argc, argv, "V")) != -1;)
		switch (c) {
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 1)
		usage();
	int generation = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FILE *records = tmpfile();
	if (generation < 0 || !records)
		err(BD_FATAL, "%s", generation < 0 ? argv[optind] : "temporary file");
	if (check_records(records) < 0)
		return BD_USAGE;
	if (write_manifest(generation, records) < 0 || write_stamp(generation, argv[optind]) < 0)
		return BD_FATAL;
	return bd_finish(BD_DONE);
}
