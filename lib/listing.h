/* listing.h - the columns of what bd-generations tells, see bd-generations(1). */
#ifndef BD_LISTING_H
#define BD_LISTING_H

#include "table.h"

/* Of a generation; state is whole, unstamped, partial or unreadable. */
enum {
	GENERATION_REPO,
	GENERATION_NAME,
	GENERATION_TIME,
	GENERATION_STATE,
	GENERATION_VOLUMES,
	GENERATION_FAILED,
	GENERATION_DUMPS,
	GENERATION_NEW,
	GENERATION_SHARED,
	GENERATION_ONLY,
	GENERATION_COLUMNS
};

/* Of a copy, a volume in a generation; status is good, failed, damaged, missing or unproven. */
enum {
	COPY_REPO,
	COPY_GENERATION,
	COPY_STATE, /* of the generation */
	COPY_VOLUME,
	COPY_STATUS,
	COPY_FILES,
	COPY_DUMPS,
	COPY_DATABASE,
	COPY_DUMPED,
	COPY_ENGINE,
	COPY_DAMAGE, /* files, dumps, both; NULL: none is known */
	COPY_COLUMNS
};

/* Whether a generation is complete, going by its state. */
static inline bool
generation_complete(char *const row[])
{
	return field_in(row[GENERATION_STATE], "whole unstamped");
}

#endif
