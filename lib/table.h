/* table.h - a whole file of records in memory, for what has to be sorted or looked up. */
#ifndef BD_TABLE_H
#define BD_TABLE_H

#include "bd.h"

struct table {
	size_t columns, rows, room;
	char **cell; /* row after row; NULL where absent */
};

/* Appends the records of in, which is called name in messages; row i of a file is its line i + 1.
 * 0; BD_USAGE malformed, BD_FATAL unreadable (said). */
int table_read(struct table *t, FILE *in, const char *name);
/* The same of a whole file, or of stdin if it is called "-"; each row is checked: check says what is wrong, with tsv_bad,
 * and returns -1. */
int table_load(struct table *t, const char *file, int (*check)(const struct tsv *at, char *const row[]));
char **table_row(const struct table *t, size_t row);
void table_sort(struct table *t); /* bytewise by the first column, then the second, and so on */
void table_free(struct table *t);

#endif
