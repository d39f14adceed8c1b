/* outdated.h - which of what was found wrong with a volume before is so no longer, now that it was verified: what would have
 * been found again, and what no generation has any more. */
#ifndef BD_OUTDATED_H
#define BD_OUTDATED_H

#include "bad.h"
#include "verify.h"

struct outdated {
	/* The caller's: what was verified, and how. */
	int repo;
	const struct verify *verify;
	const struct verify_side *side;
	size_t sides;
	/* Ours. */
	char **generations; /* that are there now */
};

int outdated_begin(struct outdated *o); /* -1 said */
void outdated_end(struct outdated *o);

bool outdated(void *o, struct bad_thing *t); /* if another generation is left with it, it becomes that one's */
bool outdated_all(const struct outdated *o); /* all is, whatever it was: all of the volume was compared, in each generation that has a list of it */

#endif
