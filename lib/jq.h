/* jq.h - JSON goes through jq, in memory: it can hold what nobody else should read. */
#ifndef BD_JQ_H
#define BD_JQ_H

#include "bd.h"

FILE *jq_scratch(const char *name); /* a file in memory; NULL said */
int jq_run(FILE *body, const char *options, const char *filter, FILE **out); /* *out at its start, to be closed; -1 said */

#endif
