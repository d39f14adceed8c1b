/* mtreeline.h - an entry of contents.mtree as a line, both ways. */
#ifndef BD_MTREELINE_H
#define BD_MTREELINE_H

#include "mtree.h"

enum mtree_form {
	MTREE_PLAIN,
	MTREE_QUOTED, /* the path for who takes it for a pattern */
	MTREE_AGAIN,  /* at the end of the file */
};
#define MTREE_AGAIN_END " optional\n"

size_t mtreeline_format(char **buf, size_t *cap, const struct mtree_entry *e, enum mtree_form form); /* with its end; the length */
bool mtreeline_parse(char *line, struct mtree_entry *e, enum mtree_form form); /* e points into it; false: not understood */
bool mtreeline_quotes(const char *path); /* it has to be MTREE_QUOTED, and said MTREE_AGAIN */

#endif
