/* process.h - which processes are in a folder. */
#ifndef BD_PROCESS_H
#define BD_PROCESS_H

#include <sys/stat.h>

/* A process, other than this, that works in the folder or has something of it open, by its descriptors in proc(5): its pid, 0 if
 * there is none, -1 if that cannot be told (errno). The folder's path ends in end, which begins with a slash: what comes before
 * may be other in the mount namespace of the process. */
long process_in(const char *end, const struct stat *folder);

#endif
