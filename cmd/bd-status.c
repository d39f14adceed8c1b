/* bd-status - tells what became of a run: writes its status as JSON, and its figures for Prometheus.
 *
 * Both files appear whole or not at all, the status first: it tells, too, that the figures could not
 * be written. What the status before says of dumps and of earlier success is carried on, as far as it
 * is of the right type; the rest of it is as good as none. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jq.h"
#include "table.h"

/* The records of a run, and the number of their columns. */
static const struct kind {
	const char *name;
	size_t columns;
} kinds[] = {{"plan", 6}, {"results", 9}, {"stops", 6}, {"dumps", 11}, {"stamp", 5}};
enum { KINDS = sizeof kinds / sizeof *kinds, TOO_LARGE = 64 << 20 };

struct run {
	const char *generation, *repository;
	long begun, ended;
};

/* The input: one line for each record, its kind first; then one with what is known besides, and the status before. */
static const char status_filter[] =
    "def like($t): if $t | type == \"object\" then objects | . as $in |"
    "    if $t | has(\"*\") then with_entries(.value as $v | .value = ($v | like($t[\"*\"])))"
    "    else $t | with_entries(.key as $k | .value = ([$in[$k] | like($t[$k])] | .[0])) end"
    "  else select(. == null or type == ($t | type)) end;"
    JQ_BACK "def field: if . == \"-\" then null else back end;"
    "def num: if . == null then null else tonumber end;"
    "def row($n): map(select(.[0] == $n) | .[1:] | map(field));"
    "[inputs | split(\"\\t\")] as $in |"
    "([$in | map(select(.[0] == \"before\")) | .[0][1] // \"null\" | try fromjson catch null |"
    "  like({last_success: 0, last_generation: \"\", volumes: {\"*\": {method: \"\", result: \"\", reason: \"\", seconds: 0, files_new: 0,"
    "    files_linked: 0, bytes_new: 0, bytes_linked: 0, base: \"\", downtime: {\"*\": 0}, dumps: {\"*\": {container: \"\", instance: \"\","
    "    database: \"\", engine: \"\", result: \"\", bytes: 0, seconds: 0, reason: \"\", last_bytes: 0, shrunk: false}},"
    "    dump_bytes: {\"*\": 0}, last_success: 0}}})] | .[0]) as $before |"
    "($in | row(\"run\") | last) as [$generation, $begun, $ended, $status, $repository, $version] |"
    "($begun | num) as $begun | ($ended | num) as $ended | ($status | num) as $status |"
    "($in | row(\"results\") | map({key: .[0], value: .}) | from_entries) as $results |"
    "($in | row(\"stamp\") | map({key: .[0], value: .[1]}) | from_entries) as $stamp |"
    "($in | row(\"stops\") | map(select(.[0] == \"container\"))) as $stops |"
    "($stops | map({key: .[1], value: (.[3] | num)}) | from_entries) as $down |"
    /* of each volume the dumps by their file */
    "(reduce ($in | row(\"dumps\") | .[] | select(.[6] != \"none\")) as $d ({};"
    "  (if $d[3] == \"*\" then \"\\($d[2]).cluster\" else $d[3] end + \".backup.sql\") as $file |"
    "  $before.volumes[$d[0]].dump_bytes[$file] as $last |"
    "  .[$d[0]][$file] = ({container: $d[1], instance: $d[2], database: $d[3], engine: $d[4], result: $d[6], bytes: ($d[7] | num),"
    "    seconds: ($d[8] | num), reason: $d[10], last_bytes: $last,"
    "    shrunk: ($d[6] == \"ok\" and $last != null and ($d[7] | num) * 2 < $last)}))) as $dumps |"
    "(($in | row(\"plan\")) + ($dumps | keys | map([., \"dump\", null, null, null, null])) |"
    "  reduce .[] as $p ({}; if has($p[0]) then . else .[$p[0]] = $p end)) as $plan |"
    "($plan | map_values(. as $p | $results[$p[0]] as $r | ($dumps[$p[0]] // {}) as $d | $before.volumes[$p[0]] as $was |"
    "  (if $p[1] == \"skip\" then \"skipped\" elif $stamp[$p[0]] == \"failed\" or $r[1] == \"failed\" then \"failed\""
    "   elif $generation == null then \"none\" else \"ok\" end) as $result |"
    "  {method: $p[1], result: $result,"
    "   reason: (if $r[7] != null then $r[7] elif $result == \"failed\" then \"its copy could not be read back\" else $p[3] end),"
    "   seconds: ($r[5] | num), files_new: ($r[3] | num), files_linked: ($r[2] | num), bytes_new: ($r[4] | num), bytes_linked: ($r[8] | num), base: $r[6],"
    "   downtime: ($p[5] // \"\" | split(\" \") | map(select(. as $c | $down | has($c)) | {key: ., value: $down[.]}) | from_entries),"
    "   dumps: $d, dump_bytes: (($was.dump_bytes // {}) + ($d | with_entries(select(.value.result == \"ok\") | .value |= .bytes))),"
    "   last_success: (if $result == \"ok\" and all($d[]; .result != \"failed\") then $ended else $was.last_success end)})) as $volumes |"
    "{schema: 1, version: $version, repository: $repository, generation: $generation, begun: $begun, ended: $ended,"
    " seconds: ($ended - $begun), status: $status,"
    " last_success: (if $status == 0 then $ended else $before.last_success end),"
    " last_generation: ($generation // $before.last_generation),"
    " volumes: (if $plan == {} and $generation == null then $before.volumes // {} else $volumes end),"
    " containers: ($stops | map({key: .[1], value: {downtime: (.[3] | num), killed: (.[4] == \"yes\"), status: .[5]}}) | from_entries)}"
    "| .warnings = [.volumes | to_entries[] | .key as $v | .value.dumps // {} | to_entries[] | select(.value.shrunk) |"
    "  \"the dump \\($v)/\\(.key) has shrunk from \\(.value.last_bytes) to \\(.value.bytes) bytes\"]";

static const char metrics_filter[] =
    "def escaped: tostring | gsub(\"\\\\\\\\\"; \"\\\\\\\\\") | gsub(\"\\n\"; \"\\\\n\") | gsub(\"\\\"\"; \"\\\\\\\"\");"
    "def labels: if . == {} then \"\" else \"{\" + (to_entries | map(\"\\(.key)=\\\"\\(.value | escaped)\\\"\") | join(\",\")) + \"}\" end;"
    "def metric($name; $help; samples): [samples | select(.[1] != null)] | if length == 0 then empty else"
    "  \"# HELP baudolo_\\($name) \\($help)\", \"# TYPE baudolo_\\($name) gauge\","
    "  (.[] | \"baudolo_\\($name)\\(.[0] | labels) \\(.[1])\") end;"
    "def bit: if . then 1 else 0 end;"
    "def volumes(f): .volumes | to_entries[] | [{volume: .key}, (.value | f)];"
    "def dumps(f): .volumes | to_entries[] | .key as $v | .value.dumps // {} | to_entries[] | [{volume: $v, dump: .key}, (.value | f)];"
    "metric(\"last_run_timestamp_seconds\"; \"When the last run ended.\"; [{}, .ended]),"
    "metric(\"last_run_status\"; \"The exit status of the last run.\"; [{}, .status]),"
    "metric(\"last_run_duration_seconds\"; \"How long the last run took.\"; [{}, .seconds]),"
    "metric(\"last_run_published\"; \"Whether the last run has published a generation.\"; [{}, (.generation != null | bit)]),"
    "metric(\"last_success_timestamp_seconds\"; \"When the last run without any failure ended.\"; [{}, .last_success]),"
    "metric(\"volume_ok\"; \"Whether the volume is in the last generation, or left out on purpose.\"; volumes(.result == \"ok\" or .result == \"skipped\" | bit)),"
    "metric(\"volume_last_success_timestamp_seconds\"; \"When the volume and its dumps were last backed up.\"; volumes(.last_success)),"
    "metric(\"volume_duration_seconds\"; \"How long its copy took.\"; volumes(.seconds)),"
    "metric(\"volume_new_bytes\"; \"Bytes copied.\"; volumes(.bytes_new)),"
    "metric(\"volume_new_files\"; \"Files copied.\"; volumes(.files_new)),"
    "metric(\"volume_linked_bytes\"; \"Bytes shared with the generation before.\"; volumes(.bytes_linked)),"
    "metric(\"volume_linked_files\"; \"Files shared with the generation before.\"; volumes(.files_linked)),"
    "metric(\"volume_downtime_seconds\"; \"How long the container of it was down that was down for longest.\"; volumes([.downtime[]?] | if any(. == null) then null else max // 0 end)),"
    "metric(\"container_downtime_seconds\"; \"How long the container was down.\"; .containers | to_entries[] | [{container: .key}, .value.downtime]),"
    "metric(\"dump_ok\"; \"Whether the dump succeeded.\"; dumps(.result == \"ok\" | bit)),"
    "metric(\"dump_size_bytes\"; \"The size of the dump.\"; dumps(if .result == \"ok\" then .bytes else null end)),"
    "metric(\"dump_shrunk\"; \"Whether the dump has less than half the size of the one before.\"; dumps(.shrunk | bit))";

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-status [-V] [-g GENERATION] [-m METRICS] STATUS REPOSITORY BEGUN ENDED EXIT PLAN RESULTS STOPS DUMPS STAMP\n");
	exit(BD_USAGE);
}

/* As folder_of, but says what is wrong. */
static int
parent_of(const char *path, const char **name)
{
	int fd = folder_of(path, name);
	if (fd >= 0 && **name)
		return fd;
	if (fd >= 0)
		errno = EISDIR;
	warn("%s", path);
	return -1;
}

/* The records of one file, with the kind in front. */
static int
add_records(FILE *to, const struct kind *k, const char *path)
{
	struct table t = {.columns = k->columns};
	int rc = table_load(&t, path, NULL);
	for (size_t i = 0; rc == 0 && i < t.rows; i++) {
		fprintf(to, "%s\t", k->name);
		if (tsv_write(to, (const char *const *)table_row(&t, i), k->columns) < 0)
			rc = BD_FATAL;
	}
	table_free(&t);
	return rc;
}

/* The status before, on one line: in JSON white space is all one, and strings hold no bare tab or newline. */
static void
add_before(FILE *to, int dir, const char *name)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	FILE *in = fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > TOO_LARGE ? NULL : fdopen(fd, "r");
	if (in) {
		fputs("before\t", to);
		for (int c; (c = getc(in)) != EOF;)
			putc(c == '\t' || c == '\n' || c == '\r' ? ' ' : c, to);
		putc('\n', to);
	}
	if (!in || ferror(in))
		warnx("%s cannot be read: what it says of earlier runs is lost", name);
	if (in)
		fclose(in);
}

/* The output of jq over the file in becomes the file. */
static int
write_by_jq(FILE *in, const char *const jq[], int dir, const char *name)
{
	struct save s;
	struct child c;
	if (fflush(in) != 0 || ferror(in) || lseek(fileno(in), 0, SEEK_SET) < 0) {
		warn("%s", name);
		return -1;
	}
	if (save_begin(&s, dir, name, 0644, true) < 0)
		return -1;
	int status = child_spawn(&c, jq, fileno(in), fileno(s.out)) < 0 ? -1 : child_wait(&c);
	if (status == 0)
		return save_commit(&s);
	warnx("%s: jq ended with status %d", name, status);
	save_abort(&s);
	return -1;
}

/* The status, all but the exit status of which is in the file in. Returns it to be read, or NULL. */
static FILE *
write_status(FILE *in, const struct run *r, long status, int dir, const char *name)
{
	static const char *const jq[] = {"jq", "-nR", "--indent", "2", status_filter, NULL};
	if (fseek(in, 0, SEEK_END) < 0)
		err(BD_FATAL, "temporary file");
	fputs("run\t", in);
	if (TSV_WRITE(in, r->generation, tsv_num((uintmax_t)r->begun).text, tsv_num((uintmax_t)r->ended).text, tsv_num((uintmax_t)status).text,
	    r->repository, BD_VERSION) < 0)
		exit(BD_USAGE);
	if (write_by_jq(in, jq, dir, name) < 0)
		return NULL;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *written = fd < 0 ? NULL : fdopen(fd, "r");
	if (!written)
		warn("%s", name);
	return written;
}

static int
warnings(FILE *status)
{
	static const char *const jq[] = {"jq", "-r", "select(.generation != null) | .warnings[] | [.] | @tsv", NULL};
	struct child c;
	if (lseek(fileno(status), 0, SEEK_SET) < 0)
		return -1;
	return child_spawn(&c, jq, fileno(status), -1) < 0 || child_wait(&c) != 0 ? -1 : 0;
}

int
main(int argc, char *argv[])
{
	static const char *const to_metrics[] = {"jq", "-r", metrics_filter, NULL};
	const char *metrics = NULL, *name, *metrics_name = NULL;
	struct run r = {.generation = NULL};
	bd_start();
	for (int c; (c = getopt(argc, argv, "g:m:V")) != -1;)
		switch (c) {
		case 'g': r.generation = optarg; break;
		case 'm': metrics = optarg; break;
		case 'V': bd_version();
		default: usage();
		}
	argv += optind;
	if (argc - optind != 5 + KINDS)
		usage();
	r.repository = argv[1];
	r.begun = bd_number(argv[2], 0, LONG_MAX, "BEGUN");
	r.ended = bd_number(argv[3], 0, LONG_MAX, "ENDED");
	long status = bd_number(argv[4], 0, 255, "EXIT");
	FILE *in = tmpfile(), *written;
	if (!in)
		err(BD_FATAL, "temporary file");
	for (int i = 0; i < KINDS; i++) {
		int rc = add_records(in, &kinds[i], argv[5 + i]);
		if (rc)
			return rc;
	}
	int dir = parent_of(argv[0], &name);
	if (dir < 0)
		return BD_FATAL;
	add_before(in, dir, name);
	int metrics_dir = metrics ? parent_of(metrics, &metrics_name) : -1;
	bool lost = metrics && metrics_dir < 0;
	if (!(written = write_status(in, &r, lost && !status ? BD_FAILED : status, dir, name)))
		return BD_FATAL;
	if (metrics && !lost && write_by_jq(written, to_metrics, metrics_dir, metrics_name) < 0) {
		lost = true;
		if (!status && !(written = write_status(in, &r, BD_FAILED, dir, name)))
			return BD_FATAL;
	}
	return warnings(written) < 0 ? BD_FATAL : bd_finish(lost ? BD_FAILED : BD_DONE);
}
