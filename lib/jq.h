/* jq.h - JSON goes through jq, in memory: it can hold what nobody else should read. */
#ifndef BD_JQ_H
#define BD_JQ_H

#include "bd.h"

FILE *jq_scratch(const char *name); /* a file in memory; NULL said */
int jq_run(FILE *body, const char *options, const char *filter, FILE **out); /* *out at its start, to be closed; -1 said */

/* For a filter: back is the value of a field of a record. */
#define JQ_BACK "def back: gsub(\"\\\\\\\\(?<c>[tnr\\\\\\\\])\"; {t:\"\\t\",n:\"\\n\",r:\"\\r\",\"\\\\\":\"\\\\\"}[.c]);"

#endif
