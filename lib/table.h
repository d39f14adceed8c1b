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
/* The same of a whole file, or of stdin if it is called "-", which only one may be; each row is checked: check says what
 * is wrong, with tsv_bad, and returns -1. NULL: no check. */
typedef int table_check(const struct tsv *at, char *const row[]);
int table_load(struct table *t, const char *file, table_check *check);
int table_need(const struct tsv *at, char *const row[], const int columns[], size_t count); /* for a check: these are not absent */
char **table_row(const struct table *t, size_t row);
void table_sort(struct table *t); /* bytewise by the first column, then the second, and so on */
/* Of a sorted table: the first row whose first columns are not below the keys; t->rows if there is none. */
size_t table_from(const struct table *t, const char *const key[], size_t keys);
char **table_find(const struct table *t, const char *const key[], size_t keys); /* the first row with these; NULL if there is none */
void table_free(struct table *t);

#endif
