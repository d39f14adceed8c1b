/* holdings.h - what the generations of repositories hold, by their manifests and by what lies in them. */
#ifndef BD_HOLDINGS_H
#define BD_HOLDINGS_H

#include "table.h"

struct holding { /* a volume in a generation */
	const char *name, *database, *dumped, *engine; /* NULL: not known */
	bool failed, files;
	bool damaged, spoiled; /* the files, the dumps were found to be not as they should be */
	uintmax_t dumps;
};

struct generation {
	const char *repo;
	char *name, *path;
	const char *state; /* whole, unstamped, partial or unreadable */
	struct holding *holding; /* none of one that is unreadable */
	size_t holdings;
};

struct holdings {
	struct generation *generation; /* of each repository the oldest first */
	size_t count;
	int bad; /* the folder of the lists of damaged files; -1: none */
	struct table manifests; /* what is told of holdings points into it */
};

int holdings_find(struct holdings *h, const char *repository); /* adds its generations; -1 said */
int holdings_read(struct holdings *h); /* looks into all that were found: BD_DONE, BD_FAILED or BD_FATAL, said; what is gone is dropped */

bool generation_readable(const struct generation *g);
int generation_open(const struct generation *g); /* -1 said, but for one that is gone */
bool generation_gone(const struct generation *g); /* removed since it was found */

#endif
