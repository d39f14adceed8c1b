/* volume.h - what Docker and this host know of a volume. */
#ifndef BD_VOLUME_H
#define BD_VOLUME_H

#include "docker.h"
#include "table.h"

/* The columns of a volume. Backing says where its files are:
 * plain      in the folder at the mountpoint
 * mounted    in a file system of its own (driver options) that is mounted there
 * unmounted  in one that is not mounted
 * foreign    wherever another driver has them: there only while a container uses the volume */
enum { VOLUME_NAME, VOLUME_DRIVER, VOLUME_MOUNTPOINT, VOLUME_BACKING, VOLUME_CREATED, VOLUME_COLUMNS };

/* Append rows to t, which has VOLUME_COLUMNS. As docker_get. A row without a name is a warning of the daemon's,
 * its text under VOLUME_CREATED. "unmounted" is not told yet: see volume_settle. */
int volume_list(struct docker *d, struct table *t);
int volume_ask(struct docker *d, const char *name, struct table *t);

/* Looks whether a "mounted" volume is. -1: the mountpoint cannot be looked at (said); it counts as unmounted. */
int volume_settle(char *row[]);

/* Makes one of the driver local. -1 said. */
int volume_make(struct docker *d, const char *name);

/* The names of the running containers that use it, blanks between them, to be freed; "" if there are none, NULL said. */
char *volume_users(struct docker *d, const char *name);

/* Whether what fd has open is the root of a mount. */
bool volume_is_mount(int fd);

#endif
