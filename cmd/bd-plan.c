/* bd-plan - decides for each volume whether it is skipped, failed, copied live, copied with its containers
 * stopped, or not copied since dumps hold what is in it: volume action group reason mountpoint containers. With -g, who is stopped together: group containers.
 *
 * A pure filter: records of bd-volumes and bd-mounts in, records out. Nothing is
 * printed unless all of the input is well formed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "group.h"
#include "image.h"
#include "mounts.h"
#include "volume.h"

struct list {
	size_t len;
	char **item;
};

struct policy {
	bool everything;      /* -e: no container may go on running */
	struct list ignored;  /* -b: images whose volumes need no backup */
	struct list listed;   /* -s: images whose containers need no stop */
	struct list excluded; /* -x: volumes */
	struct list dumped;   /* -d: volumes that need no files */
};

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-plan [-egV] [-b PATTERN]... [-d VOLUME]... [-s PATTERN]... [-x VOLUME]... VOLUMES MOUNTS\n");
	exit(BD_USAGE);
}

static void
add(struct list *l, char *item)
{
	l->item = xrealloc(l->item, l->len + 1, sizeof *l->item);
	l->item[l->len++] = item;
}

static bool
holds(const struct list *l, const char *item)
{
	for (size_t i = 0; i < l->len; i++)
		if (!strcmp(l->item[i], item))
			return true;
	return false;
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
	if (!row[VOLUME_NAME])
		return tsv_bad(at, "a volume without a name");
	if (field_in(row[VOLUME_BACKING], "plain mounted unmounted foreign"))
		return 0;
	return tsv_bad(at, "field %d: no such backing", VOLUME_BACKING + 1);
}

/* The first row for volume in the sorted mounts, or where it would be. */
static size_t
find(const struct table *mounts, const char *volume)
{
	return table_from(mounts, &volume, 1);
}

/* What is known of the running containers that use one volume. */
struct users {
	char *names; /* each once, separated by spaces; NULL if there are none */
	bool all_ignored, all_listed;
	enum obstacle obstacle; /* the first any of them has */
	size_t any;             /* one of them, or NOBODY */
};

/* The next row for volume from *i on that is of a running container, or NULL. */
static char **
next_user(const struct table *mounts, const char *volume, size_t *i)
{
	for (; *i < mounts->rows; ++*i) {
		char **row = table_row(mounts, *i);
		if (!row[MOUNT_VOLUME] || strcmp(row[MOUNT_VOLUME], volume))
			return NULL;
		if (mount_is_running(row[MOUNT_STATE]))
			return row;
	}
	return NULL;
}

static struct users
users_of(const struct policy *p, const struct groups *g, const struct table *mounts, const char *volume)
{
	struct users u = {.all_ignored = true, .all_listed = true, .obstacle = OBSTACLE_NONE, .any = NOBODY};
	size_t len = 0, i = find(mounts, volume);
	FILE *names = NULL;
	const char *last = NULL;
	for (char **row; (row = next_user(mounts, volume, &i)); i++) {
		u.all_ignored = u.all_ignored && any_match(&p->ignored, row[MOUNT_IMAGE]);
		u.all_listed = u.all_listed && any_match(&p->listed, row[MOUNT_IMAGE]);
		if (last && !strcmp(last, row[MOUNT_CONTAINER])) /* it mounts the volume twice */
			continue;
		u.any = group_find(g, row[MOUNT_ID]);
		if (g->peer[u.any].obstacle < u.obstacle)
			u.obstacle = g->peer[u.any].obstacle;
		if (!names && !(names = open_memstream(&u.names, &len)))
			err(BD_FATAL, "memory");
		fprintf(names, "%s%s", last ? " " : "", row[MOUNT_CONTAINER]);
		last = row[MOUNT_CONTAINER];
	}
	if (names && fclose(names) != 0)
		err(BD_FATAL, "memory");
	return u;
}

/* What is done with one volume. */
struct plan {
	const char *action, *reason;
	struct users users;
	bool stop;
};

static void
decide(const struct policy *p, char *const volume[], struct plan *plan)
{
	static const char *const obstacles[] = {[OBSTACLE_TASK] = "task", [OBSTACLE_AUTOREMOVE] = "autoremove",
	    [OBSTACLE_PAUSED] = "paused", [OBSTACLE_SELF] = "self", [OBSTACLE_DEPENDANT] = "dependant"};
	const struct users *u = &plan->users;
	const char *backing = volume[VOLUME_BACKING];
	if (holds(&p->excluded, volume[VOLUME_NAME]))
		plan->action = "skip", plan->reason = "excluded";
	else if (u->names && u->all_ignored)
		plan->action = "skip", plan->reason = "ignored";
	else if (holds(&p->dumped, volume[VOLUME_NAME]))
		plan->action = "dump", plan->reason = "dumped";
	else if (!strcmp(backing, "unmounted") || (!strcmp(backing, "foreign") && !u->names))
		plan->action = "fail", plan->reason = "unmounted";
	else if (!u->names)
		plan->action = "live", plan->reason = "idle";
	else if (u->all_listed && !p->everything)
		plan->action = "live", plan->reason = "listed";
	else if (u->obstacle != OBSTACLE_NONE)
		plan->action = "live", plan->reason = obstacles[u->obstacle];
	else
		plan->action = "stop", plan->reason = "needed", plan->stop = true;
}

static void
decide_all(const struct policy *p, struct groups *g, const struct table *volumes, const struct table *mounts,
           struct plan plan[])
{
	for (size_t v = 0; v < volumes->rows; v++) {
		char **row = table_row(volumes, v), **user;
		plan[v].users = users_of(p, g, mounts, row[VOLUME_NAME]);
		decide(p, row, &plan[v]);
		size_t i = find(mounts, row[VOLUME_NAME]);
		for (; plan[v].stop && (user = next_user(mounts, row[VOLUME_NAME], &i)); i++)
			group_stop(g, plan[v].users.any, group_find(g, user[MOUNT_ID]));
	}
	group_close(g);
}

static int
print(struct groups *g, const struct table *volumes, const struct plan plan[], bool groups)
{
	int status = BD_DONE;
	for (size_t v = 0; v < volumes->rows; v++) {
		char **row = table_row(volumes, v);
		struct tsv_num number = {0};
		if (plan[v].stop)
			number = tsv_num(group_number(g, plan[v].users.any));
		if (!groups && TSV_WRITE(stdout, row[VOLUME_NAME], plan[v].action, plan[v].stop ? number.text : NULL, plan[v].reason,
		    row[VOLUME_MOUNTPOINT], plan[v].users.names) < 0)
			status = BD_FAILED;
	}
	if (groups && group_print(g) < 0)
		status = BD_FAILED;
	return status;
}

int
main(int argc, char *argv[])
{
	static struct policy p; /* these live until exit */
	static struct table volumes = {.columns = VOLUME_COLUMNS}, mounts = {.columns = MOUNT_COLUMNS};
	static struct groups g;
	static struct plan *plan;
	bool groups = false;
	bd_start();
	for (int c; (c = getopt(argc, argv, "b:d:egs:Vx:")) != -1;)
		switch (c) {
		case 'b': add(&p.ignored, optarg); break;
		case 'd': add(&p.dumped, optarg); break;
		case 'e': p.everything = true; break;
		case 'g': groups = true; break;
		case 's': add(&p.listed, optarg); break;
		case 'x': add(&p.excluded, optarg); break;
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 2)
		usage();
	int status = table_load(&volumes, argv[optind], check_volume);
	if (!status)
		status = table_load(&mounts, argv[optind + 1], mount_check);
	if (status)
		return status;
	table_sort(&mounts);
	group_read(&g, &mounts);
	plan = xcalloc(volumes.rows + 1, sizeof *plan);
	decide_all(&p, &g, &volumes, &mounts, plan);
	return bd_finish(print(&g, &volumes, plan, groups));
}
