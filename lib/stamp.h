/* stamp.h - what directory_stemp.json says of a generation: a hash of its names, as the original program makes it. */
#ifndef BD_STAMP_H
#define BD_STAMP_H

#include "bd.h"

#define STAMP_NAME "directory_stemp.json"

struct stamp {
	char hex[HASH_HEX]; /* of all relative paths but the stamp's own, sorted as bytes, joined with nothing */
	char *odd;          /* a path with a name that is not UTF-8, to be freed: then there is to be no stamp; NULL: there is none */
};
int stamp_of(struct stamp *s, int generation, const char *label); /* -1 said */

#endif
