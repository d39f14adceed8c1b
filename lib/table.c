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
table_load(struct table *t, const char *file, table_check *check)
{
	static bool taken;
	bool standard = !strcmp(file, "-");
	if (standard && taken) {
		warnx("only one file can be -");
		return BD_USAGE;
	}
	taken = taken || standard;
	FILE *in = standard ? stdin : fopen(file, "re");
	struct tsv at = {.name = standard ? "stdin" : file};
	if (!in) {
		warn("%s", file);
		return BD_FATAL;
	}
	int rc = table_read(t, in, at.name);
	for (size_t i = 0; check && !rc && i < t->rows; i++) {
		at.line = i + 1;
		if (check(&at, table_row(t, i)) < 0)
			rc = BD_USAGE;
	}
	if (!standard)
		fclose(in);
	return rc;
}

int
table_need(const struct tsv *at, char *const row[], const int columns[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!row[columns[i]])
			return tsv_bad(at, "field %d is absent", columns[i] + 1);
	return 0;
}

static int
compare(const char *const x[], const char *const y[], size_t columns)
{
	int rc = 0;
	for (size_t i = 0; i < columns && !rc; i++)
		rc = strcmp(x[i] ? x[i] : "-", y[i] ? y[i] : "-");
	return rc;
}

static int
by_columns(const void *a, const void *b, void *columns)
{
	return compare(a, b, *(size_t *)columns);
}

void
table_sort(struct table *t)
{
	if (t->rows)
		qsort_r(t->cell, t->rows, t->columns * sizeof *t->cell, by_columns, &t->columns);
}

static const char *const *
fields(const struct table *t, size_t row)
{
	return (const char *const *)table_row(t, row);
}

size_t
table_from(const struct table *t, const char *const key[], size_t keys)
{
	size_t low = 0, high = t->rows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare(fields(t, mid), key, keys) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

char **
table_find(const struct table *t, const char *const key[], size_t keys)
{
	size_t row = table_from(t, key, keys);
	return row < t->rows && !compare(fields(t, row), key, keys) ? table_row(t, row) : NULL;
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct table){0};
}
