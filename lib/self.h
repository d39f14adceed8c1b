/* self.h - whether we run in a container, and in which. */
#ifndef BD_SELF_H
#define BD_SELF_H

#include <stdbool.h>

/* Whether we run in the container id, whose overlay is written to the folder layer (NULL: not known), or in its
 * network, where Docker gives us the host name of the one that lends it. */
bool self_is(const char *id, const char *layer);

#endif
