/* plan.c - what a record of a plan must be. */
#include "plan.h"

int
plan_check(const struct tsv *at, char *const row[])
{
	return row[PLAN_VOLUME] && row[PLAN_ACTION] ? 0 : tsv_bad(at, "no volume, or no action");
}

bool
plan_copies(char *const row[])
{
	return field_in(row[PLAN_ACTION], "live stop");
}
