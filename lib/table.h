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
char **table_row(const struct table *t, size_t row);
void table_sort(struct table *t); /* bytewise by the first column, then the second, and so on */
void table_free(struct table *t);

#endif
