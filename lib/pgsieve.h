/* pgsieve.h - what of a dump does not pass to the server: it would fail there, or undo what a restore has set. */
#ifndef BD_PGSIEVE_H
#define BD_PGSIEVE_H

#include "pgreplay.h"

/* Whether the item is left out. What has to come after all else is written to last. */
bool pgsieve(const struct pgreplay *r, const struct pgitem *item, FILE *last);

#endif
