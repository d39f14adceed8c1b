/* differ.h - what of a file is not as its entry in contents.mtree says. */
#ifndef BD_DIFFER_H
#define BD_DIFFER_H

#include "mtree.h"
#include "tree.h"

/* Called for each difference, or for what cannot be read: what is a keyword of mtree(5), or "unreadable". expected and
 * found are KEYWORD=VALUE, or NULL, or why it cannot be read, and the callee's to free. */
typedef void differ_found(void *arg, const char *what, char *expected, char *found);

void differ(const struct mtree_entry *e, const struct walk_item *i, differ_found *found, void *arg); /* content apart */
char *differ_type(mode_t mode); /* type=WORD, to be freed */

#endif
