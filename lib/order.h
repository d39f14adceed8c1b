/* order.h - which container needs which to run. */
#ifndef BD_ORDER_H
#define BD_ORDER_H

#include "container.h"

/* Sets rank[i] to 0 for a container that needs none of the others, else to one more than the highest
 * of those it needs: they start from low to high, and stop from high to low. */
void order_ranks(const struct container c[], size_t n, size_t rank[]);

/* What container i must find when it starts: network:ID, pid:ID and ipc:ID, which it lives in, and
 * healthy:ID, separated by blanks; to be freed. NULL if there is nothing. */
char *order_needs(const struct container c[], size_t n, size_t i);

#endif
