/* plan.h - the columns of a plan: what is done with each volume; see bd-plan(1). */
#ifndef BD_PLAN_H
#define BD_PLAN_H

#include "table.h"

enum { PLAN_VOLUME, PLAN_ACTION, PLAN_GROUP, PLAN_REASON, PLAN_MOUNTPOINT, PLAN_CONTAINERS, PLAN_COLUMNS };

int plan_check(const struct tsv *at, char *const row[]); /* for table_load: it has a volume and an action */
bool plan_copies(char *const row[]); /* its files are to be copied, live or stopped */

#endif
