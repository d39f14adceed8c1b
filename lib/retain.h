/* retain.h - which generations of one repository must stay, and why.
 *
 * What must hold whatever the policy says:
 *  - the last complete generation stays, the last that has any volume, and the last good copy and the
 *    last good dumps of each volume that still exists; if there are none, the last that nothing vouches
 *    for and the last damaged ones;
 *  - so does what cannot be read, what has no date or one that has not come yet, and what may still be
 *    in the making;
 *  - what was not seen to be complete counts for nothing, and a generation does not count for the
 *    volumes whose copies or dumps failed in it. */
#ifndef BD_RETAIN_H
#define BD_RETAIN_H

#include "listing.h"
#include "policy.h"

struct retained { /* a generation */
	char **row;
	bool complete, odd; /* odd: unreadable, undated or of the future; no rule looks at it */
	struct tm when;
	char *reasons; /* why it stays, separated by blanks; NULL: nothing keeps it */
};

struct retain {
	const struct policy *policy;      /* NULL: none, only what must stay stays */
	bool (*exists)(const char *volume);
	struct retained *generation;    /* the newest first */
	size_t count;
};

void generation_judge(struct retained *g, char **row, const char *now); /* all but the reasons; now: a name, or NULL */

/* Sets the reasons. copies are rows by volume and, the newest first, generation; each is of one that is there. */
void retain(struct retain *r, char **const copies[], size_t count);

#endif
