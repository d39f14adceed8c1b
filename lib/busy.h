/* busy.h - who else uses the volumes of those that are stopped. */
#ifndef BD_BUSY_H
#define BD_BUSY_H

#include "stop.h"

/* Whoever runs and uses one of the volumes of s is named and reported; or, if join, is added to those that are
 * to be stopped where it may be, and true is returned. */
bool busy_look(struct stop *s, struct docker *d, bool join);
void busy_report(struct stop *s, const char *name, const char *volume); /* NULL: whatever it uses */
void busy_unknown(struct stop *s);                                      /* it cannot be told */

#endif
