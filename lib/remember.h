/* remember.h - what a verification finds stays known, whatever its end is: HUP, INT and TERM end the program once it is
 * written, and so does exit(3). */
#ifndef BD_REMEMBER_H
#define BD_REMEMBER_H

#include "bad.h"

void remember_start(int folder); /* of the lists; -1: nothing is kept. Before any other thread is begun */
void remember_volume(const char *volume); /* begins it */
void remember_add(const char *path, const char *generation, const char *what, const struct bad_file *file);
/* The volume is done: of what was known before, what is outdated goes. A list that cannot be read is left alone unless all is. -1 said */
int remember_done(bool all, bool (*outdated)(void *arg, struct bad_thing *t), void *arg);

#endif
