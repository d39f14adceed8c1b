/* table.c - a whole file of records in memory. */
#include <stdlib.h>
#include <string.h>

#include "table.h"

char **
table_row(const struct table *t, size_t row)
{
	return t->cell + row * t->columns;
}

int
table_read(struct table *t, FILE *in, const char *name)
{
	struct tsv tsv;
	int rc;
	tsv_begin(&tsv, in, name);
	while ((rc = tsv_read(&tsv, t->columns)) > 0) {
		if (t->rows == t->room) {
			t->room = t->room ? 2 * t->room : 64;
			t->cell = xrealloc(t->cell, t->room, t->columns * sizeof *t->cell);
		}
		char **row = table_row(t, t->rows++);
		for (size_t i = 0; i < t->columns; i++)
			row[i] = tsv.field[i] ? xstrdup(tsv.field[i]) : NULL;
	}
	tsv_end(&tsv);
	return !rc ? 0 : ferror(in) ? BD_FATAL : BD_USAGE;
}

int
table_load(struct table *t, const char *file, int (*check)(const struct tsv *, char *const row[]))
{
	bool standard = !strcmp(file, "-");
	FILE *in = standard ? stdin : fopen(file, "re");
	struct tsv at = {.name = standard ? "stdin" : file};
	if (!in) {
		warn("%s", file);
		return BD_FATAL;
	}
	int rc = table_read(t, in, at.name);
	for (size_t i = 0; !rc && i < t->rows; i++) {
		at.line = i + 1;
		if (check(&at, table_row(t, i)) < 0)
			rc = BD_USAGE;
	}
	if (!standard)
		fclose(in);
	return rc;
}

static int
by_columns(const void *a, const void *b, void *columns)
{
	char *const *x = a, *const *y = b;
	for (size_t i = 0; i < *(size_t *)columns; i++) {
		int rc = strcmp(x[i] ? x[i] : "-", y[i] ? y[i] : "-");
		if (rc)
			return rc;
	}
	return 0;
}

void
table_sort(struct table *t)
{
	if (t->rows)
		qsort_r(t->cell, t->rows, t->columns * sizeof *t->cell, by_columns, &t->columns);
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct table){0};
}
