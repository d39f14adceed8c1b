/* bd-settle - tells what became of each volume of a plan, from what the copies and the stops
 * report: the records of bd-rsync, one for each volume that was not skipped.
 *
 * A pure filter. A volume that needed a stop counts only if its cold copy is there and
 * nothing used it meanwhile. */
#include <stdlib.h>

#include "plan.h"

enum { G_GROUP, G_CONTAINERS, G_COLUMNS };
enum { R_VOLUME, R_STATUS, R_LINKED, R_COPIED, R_BYTES, R_SECONDS, R_BASE, R_REASON, R_SHARED, R_COLUMNS };
enum { S_KIND, S_CONTAINER, S_VOLUME, S_SECONDS, S_KILLED, S_STATUS, S_COLUMNS };

static struct table plan = {.columns = PLAN_COLUMNS}, groups = {.columns = G_COLUMNS}, hot = {.columns = R_COLUMNS},
                    cold = {.columns = R_COLUMNS}, stops = {.columns = S_COLUMNS};

static char **
find(const struct table *t, const char *volume)
{
	for (size_t i = 0; i < t->rows; i++)
		if (field_is(table_row(t, i)[0], volume))
			return table_row(t, i);
	return NULL;
}

/* Whether the container is one of those of the group: names hold no blanks. */
static bool
in_group(const char *container, const char *group)
{
	char **row = group ? find(&groups, group) : NULL;
	return row && field_in(container, row[G_CONTAINERS]);
}

/* Whether bd-stop has told anything of the group. */
static bool
stop_told(const char *group)
{
	for (size_t i = 0; i < stops.rows; i++) {
		const char *container = table_row(&stops, i)[S_CONTAINER];
		if (container && in_group(container, group))
			return true;
	}
	return false;
}

/* The container that used the volume while it should not; NULL if there was none. A busy
 * container without a volume is one of ours that ran: all its group is in doubt. */
static const char *
disturber(char *const volume[])
{
	for (size_t i = 0; i < stops.rows; i++) {
		char **s = table_row(&stops, i);
		if (!field_is(s[S_KIND], "busy"))
			continue;
		if (s[S_VOLUME] ? field_is(s[S_VOLUME], volume[PLAN_VOLUME]) : !s[S_CONTAINER] || in_group(s[S_CONTAINER], volume[PLAN_GROUP]))
			return s[S_CONTAINER] ? s[S_CONTAINER] : "(unknown)";
	}
	return NULL;
}

static int
failed(const char *volume, const char *why)
{
	return TSV_WRITE(stdout, volume, "failed", "0", "0", "0", "0.000", NULL, why, "0");
}

/* The cold copy tells of the volume; both took their time. Its base is the hot copy's, unless that has failed. */
static int
both(char *const warm[], char *const now[])
{
	char seconds[32];
	bool kept = warm && !field_is(warm[R_STATUS], "failed");
	snprintf(seconds, sizeof seconds, "%.3f", atof(now[R_SECONDS]) + (warm ? atof(warm[R_SECONDS]) : 0));
	return TSV_WRITE(stdout, now[R_VOLUME], now[R_STATUS], now[R_LINKED], now[R_COPIED], now[R_BYTES], seconds,
	    kept ? warm[R_BASE] : now[R_BASE], NULL, now[R_SHARED]);
}

static int
settle(char *const volume[])
{
	const char *name = volume[PLAN_VOLUME];
	char **warm = find(&hot, name), **now = find(&cold, name);
	if (field_is(volume[PLAN_ACTION], "skip"))
		return 0;
	if (field_is(volume[PLAN_ACTION], "dump"))
		return TSV_WRITE(stdout, name, "ok", NULL, NULL, NULL, NULL, NULL, NULL, NULL);
	if (!field_is(volume[PLAN_ACTION], "stop"))
		return warm ? tsv_write(stdout, (const char *const *)warm, R_COLUMNS) : failed(name, "nothing is known of its copy");
	const char *who = disturber(volume);
	if (who) {
		char *why = xasprintf("the container %s used it while it was copied", who);
		int rc = failed(name, why);
		free(why);
		return rc;
	}
	if (!now)
		return failed(name, stop_told(volume[PLAN_GROUP]) ? "its containers could not be stopped"
		                                               : "the stop of its containers, or what came before it, failed");
	return field_is(now[R_STATUS], "ok") ? both(warm, now) : tsv_write(stdout, (const char *const *)now, R_COLUMNS);
}

static int
check(const struct tsv *at, char *const row[])
{
	return row[0] ? 0 : tsv_bad(at, "field 1 is absent");
}

int
main(int argc, char *argv[])
{
	char **file = bd_operands(argc, argv, "V", 5, 5, "bd-settle [-V] PLAN GROUPS HOT COLD STOPS");
	struct table *const all[] = {&plan, &groups, &hot, &cold, &stops};
	for (size_t i = 0; i < 5; i++) {
		int rc = table_load(all[i], file[i], check);
		if (rc)
			return rc;
	}
	int status = BD_DONE;
	for (size_t i = 0; i < plan.rows; i++)
		if (settle(table_row(&plan, i)) < 0)
			status = BD_FATAL;
	return bd_finish(status);
}
