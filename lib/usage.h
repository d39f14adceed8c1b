/* usage.h - what each of several trees that share inodes costs. */
#ifndef BD_USAGE_H
#define BD_USAGE_H

#include "bd.h"

struct usage {
	bool known;
	uintmax_t fresh;  /* bytes on disk that no tree before it has */
	uintmax_t shared; /* that one before it has, too */
	uintmax_t only;   /* that no other has: what removing it would free */
};

/* For `count` trees, the oldest first; open opens one's root, or -1 (said). usage[i].known is false for
 * one that could not be read (said). -1: nothing is known (said). */
int usage_measure(struct usage usage[], size_t count, int (*open_tree)(void *arg, size_t i), const char *(*label)(void *arg, size_t i),
    void *arg);

#endif
