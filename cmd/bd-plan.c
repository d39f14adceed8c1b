/* bd-plan - decides for each volume whether it is skipped, failed, copied live, or copied with its containers
 * stopped: volume action group reason mountpoint containers.
 *
 * A pure filter: records of bd-volumes and bd-mounts in, records out. Nothing is
 * printed unless all of the input is well formed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image.h"
#include "table.h"

enum { V_NAME, V_DRIVER, V_MOUNTPOINT, V_BACKING, V_CREATED, V_COLUMNS };
enum { M_VOLUME, M_CONTAINER, M_ID, M_STATE, M_IMAGE, M_DESTINATION, M_ACCESS, M_NETWORK, M_CREATED, M_TASK, M_COLUMNS };

struct list {
	size_t len;
	char **item;
};

struct policy {
	bool everything;      /* -e: no container may go on running */
	struct list ignored;  /* -b: images whose volumes need no backup */
	struct list listed;   /* -s: images whose containers need no stop */
	struct list excluded; /* -x: volumes */
};

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-plan [-eV] [-b PATTERN]... [-s PATTERN]... [-x VOLUME]... VOLUMES MOUNTS\n");
	exit(BD_USAGE);
}

static void
add(struct list *l, char *item)
{
	l->item = xrealloc(l->item, l->len + 1, sizeof *l->item);
	l->item[l->len++] = item;
}

static bool
is_running(const char *state)
{
	return !strcmp(state, "running") || !strcmp(state, "paused") || !strcmp(state, "restarting");
}

static bool
any_match(const struct list *patterns, const char *image)
{
	for (size_t i = 0; i < patterns->len; i++)
		if (image_match(patterns->item[i], image))
			return true;
	return false;
}

static int
check_volume(const struct tsv *at, char *const row[])
{
	static const char *const backings[] = {"plain", "mounted", "unmounted", "foreign"};
	if (!row[V_NAME])
		return tsv_bad(at, "a volume without a name");
	for (size_t i = 0; row[V_BACKING] && i < sizeof backings / sizeof *backings; i++)
		if (!strcmp(row[V_BACKING], backings[i]))
			return 0;
	return tsv_bad(at, "field %d: no such backing", V_BACKING + 1);
}

static int
check_mount(const struct tsv *at, char *const row[])
{
	if (!row[M_CONTAINER] || strchr(row[M_CONTAINER], ' ')) /* our list of them is separated by spaces */
		return tsv_bad(at, "field %d is no container name", M_CONTAINER + 1);
	if (!row[M_STATE])
		return tsv_bad(at, "field %d: a container without a state", M_STATE + 1);
	return 0;
}

/* Reads all of file, or stdin if it is "-", and checks each row. */
static int
load(struct table *t, const char *file, int (*check)(const struct tsv *, char *const row[]))
{
	bool standard = !strcmp(file, "-");
	FILE *in = standard ? stdin : fopen(file, "re");
	struct tsv at = {.name = standard ? "stdin" : file};
	if (!in) {
		warn("%s", file);
		return BD_FATAL;
	}
	int rc = table_read(t, in, at.name);
	for (size_t i = 0; !rc && i < t->rows; i++) {
		at.line = i + 1;
		if (check(&at, table_row(t, i)) < 0)
			rc = BD_USAGE;
	}
	if (!standard)
		fclose(in);
	return rc;
}

/* The first row for volume in the sorted mounts, or where it would be. */
static size_t
find(const struct table *mounts, const char *volume)
{
	size_t low = 0, high = mounts->rows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char *at = table_row(mounts, mid)[M_VOLUME];
		if (strcmp(at ? at : "-", volume) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What is known of the running containers that use one volume. */
struct users {
	char *names; /* each once, separated by spaces; NULL if there are none */
	bool all_ignored, all_listed;
};

static struct users
users_of(const struct policy *p, const struct table *mounts, const char *volume)
{
	struct users u = {.all_ignored = true, .all_listed = true};
	size_t len = 0;
	FILE *names = NULL;
	const char *last = NULL;
	for (size_t i = find(mounts, volume); i < mounts->rows; i++) {
		char **row = table_row(mounts, i);
		if (!row[M_VOLUME] || strcmp(row[M_VOLUME], volume))
			break;
		if (!is_running(row[M_STATE]))
			continue;
		u.all_ignored = u.all_ignored && any_match(&p->ignored, row[M_IMAGE]);
		u.all_listed = u.all_listed && any_match(&p->listed, row[M_IMAGE]);
		if (last && !strcmp(last, row[M_CONTAINER])) /* it mounts the volume twice */
			continue;
		if (!names && !(names = open_memstream(&u.names, &len)))
			err(BD_FATAL, "memory");
		fprintf(names, "%s%s", last ? " " : "", row[M_CONTAINER]);
		last = row[M_CONTAINER];
	}
	if (names && fclose(names) != 0)
		err(BD_FATAL, "memory");
	return u;
}

static void
decide(const struct policy *p, char *const volume[], const struct users *u, const char **action, const char **reason)
{
	const char *backing = volume[V_BACKING];
	bool excluded = false;
	for (size_t i = 0; i < p->excluded.len; i++)
		excluded = excluded || !strcmp(p->excluded.item[i], volume[V_NAME]);
	if (excluded)
		*action = "skip", *reason = "excluded";
	else if (u->names && u->all_ignored)
		*action = "skip", *reason = "ignored";
	else if (!strcmp(backing, "unmounted") || (!strcmp(backing, "foreign") && !u->names))
		*action = "fail", *reason = "unmounted";
	else if (!u->names)
		*action = "live", *reason = "idle";
	else if (u->all_listed && !p->everything)
		*action = "live", *reason = "listed";
	else
		*action = "stop", *reason = "needed";
}

int
main(int argc, char *argv[])
{
	static struct policy p; /* these three live until exit */
	static struct table volumes = {.columns = V_COLUMNS}, mounts = {.columns = M_COLUMNS};
	bd_start();
	for (int c; (c = getopt(argc, argv, "b:es:Vx:")) != -1;)
		switch (c) {
		case 'b': add(&p.ignored, optarg); break;
		case 'e': p.everything = true; break;
		case 's': add(&p.listed, optarg); break;
		case 'x': add(&p.excluded, optarg); break;
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 2 || (!strcmp(argv[optind], "-") && !strcmp(argv[optind + 1], "-")))
		usage();
	int status = load(&volumes, argv[optind], check_volume);
	if (!status)
		status = load(&mounts, argv[optind + 1], check_mount);
	if (status)
		return status;
	table_sort(&mounts);
	for (size_t i = 0; i < volumes.rows; i++) {
		char **row = table_row(&volumes, i);
		const char *action, *reason;
		struct users u = users_of(&p, &mounts, row[V_NAME]);
		decide(&p, row, &u, &action, &reason);
		if (TSV_WRITE(stdout, row[V_NAME], action, NULL, reason, row[V_MOUNTPOINT], u.names) < 0)
			status = BD_FAILED;
		free(u.names);
	}
	return bd_finish(status);
}
