/* policy.h - which of many moments a policy like restic's keeps. */
#ifndef BD_POLICY_H
#define BD_POLICY_H

#include <stddef.h>
#include <time.h>

enum { POLICY_LAST, POLICY_HOURLY, POLICY_DAILY, POLICY_WEEKLY, POLICY_MONTHLY, POLICY_YEARLY, POLICY_RULES };

struct policy {
	long keep[POLICY_RULES]; /* so many; 0: the rule is not there; -1: all */
};

/* when: local times with day of week and of year, newest first. kept[i] gets bit 1 << RULE of each rule that keeps moment i. */
void policy_apply(const struct policy *p, const struct tm *const when[], size_t count, unsigned kept[]);

#endif
