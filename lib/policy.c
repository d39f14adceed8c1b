/* policy.c - which of many moments a policy like restic's keeps.
 *
 * restic's `forget`: from the newest on, each rule keeps the first of each of its periods
 * until it has kept as many as it should; the oldest of all it keeps as well if it still may. */
#include "policy.h"

/* A number that is the same in one period of the rule and different in the next. */
static long
period(int rule, const struct tm *t, size_t nth)
{
	long year = t->tm_year, day = t->tm_yday;
	switch (rule) {
	case POLICY_LAST: return (long)nth;
	case POLICY_HOURLY: return (year * 366 + day) * 24 + t->tm_hour;
	case POLICY_DAILY: return year * 366 + day;
	case POLICY_MONTHLY: return year * 12 + t->tm_mon;
	case POLICY_YEARLY: return year;
	default: break;
	}
	/* ISO 8601: a week begins on Monday and is of the year that has its Thursday */
	struct tm thursday = {.tm_year = t->tm_year, .tm_mon = t->tm_mon, .tm_mday = t->tm_mday + 3 - (t->tm_wday + 6) % 7};
	timegm(&thursday);
	return thursday.tm_year * 53L + thursday.tm_yday / 7;
}

void
policy_apply(const struct policy *p, const struct tm *const when[], size_t count, unsigned kept[])
{
	for (int rule = 0; rule < POLICY_RULES; rule++) {
		long left = p->keep[rule], last = -1;
		for (size_t i = 0; i < count && left; i++) {
			long at = period(rule, when[i], i);
			if (at == last && i != count - 1)
				continue;
			kept[i] |= 1U << rule;
			last = at;
			if (left > 0)
				left--;
		}
	}
}
