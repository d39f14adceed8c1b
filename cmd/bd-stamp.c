/* bd-stamp - writes a generation's manifest.json and, last of all, directory_stemp.json. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "jq.h"
#include "stamp.h"

/* Records `volume status database dumped engine` to schema 1; see CONTRACT in baudolo(7). */
static const char manifest_filter[] =
    JQ_BACK
    "[inputs | split(\"\\t\") | map(back)] as $v |"
    "{schema: 1,"
    " layout: {files_dir: \"files\", sql_dir: \"sql\", dump_suffix: \".backup.sql\","
    "          cluster_suffix: \".cluster.backup.sql\"},"
    " volumes: ($v | map({key: .[0], value: {database: (.[2] == \"yes\"), dumped: (.[3] == \"yes\"),"
    "          engine: (if .[4] == \"-\" then null else .[4] end)}}) | from_entries),"
    " failed: [$v[] | select(.[1] == \"failed\") | .[0]]}";

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
		if (!field_in(t.field[1], "ok failed"))
			return tsv_bad(&t, "status must be ok or failed");
		if (!field_in(t.field[2], "yes no") || !field_in(t.field[3], "yes no"))
			return tsv_bad(&t, "database and dumped must be yes or no");
		if (t.field[4] && !field_in(t.field[4], "postgres mariadb"))
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

static int
write_stamp(int generation, const char *path)
{
	struct stamp s;
	char date[32];
	time_t now = time(NULL);
	struct tm tm;
	/* What an earlier bd-stamp has left, whole or half, is no part of the generation. */
	if ((unlinkat(generation, STAMP_NAME, 0) < 0 && errno != ENOENT) ||
	    (unlinkat(generation, "." STAMP_NAME ".tmp", 0) < 0 && errno != ENOENT)) {
		warn(STAMP_NAME);
		return -1;
	}
	if (stamp_of(&s, generation, path) < 0)
		return -1;
	if (s.odd) {
		char *shown = tsv_escape(s.odd);
		fprintf(stderr, "WARNING: no " STAMP_NAME " is written: the name '%s' is not UTF-8.\n", shown);
		free(shown);
		free(s.odd);
		return 0;
	}
	if (!localtime_r(&now, &tm) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm)) {
		warnx("the local time cannot be told");
		return -1;
	}
	struct save file;
	if (save_begin(&file, generation, STAMP_NAME, 0600, true) < 0)
		return -1;
	fprintf(file.out, "{\"hash\": \"%s\", \"date\": \"%s\"}\n", s.hex, date);
	return save_commit(&file);
}

int
main(int argc, char *argv[])
{
	const char *path = *bd_operands(argc, argv, "V", 1, 1, "bd-stamp [-V] GENERATION");
	int generation = folder_open(path);
	FILE *records = tmpfile();
	if (!records)
		err(BD_FATAL, "temporary file");
	if (check_records(records) < 0)
		return BD_USAGE;
	if (write_manifest(generation, records) < 0 || write_stamp(generation, path) < 0)
		return BD_FATAL;
	return bd_finish(BD_DONE);
}
