/* self.h - which container a process runs in; whether we do. */
#ifndef BD_SELF_H
#define BD_SELF_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether we run in the container id, whose overlay is written to the folder layer (NULL: not known), or in its
 * network, where Docker gives us the host name of the one that lends it. */
bool self_is(const char *id, const char *layer);

/* Whether that process does. */
bool process_is_in(pid_t pid, const char *id, const char *layer);

#endif
