/* bd-databases - prints which databases to dump: line instance database username.
 *
 * A strict reader of databases.csv. A row that is malformed is named and costs nothing but itself; passwords stay
 * where they are, and whoever needs one asks by the number of its line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "databases.h"

struct list {
	struct database *row;
	size_t rows, room;
	size_t *bad, bads; /* lines of those that are malformed */
};

static bool malformed; /* to be printed, too */

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-databases [-mV] FILE\n");
	exit(BD_USAGE);
}

static void
add(struct list *l, const struct database *row)
{
	if (l->rows == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->row = xrealloc(l->row, l->room, sizeof *l->row);
	}
	l->row[l->rows] = *row;
	for (size_t c = 0; c < DB_COLUMNS; c++)
		l->row[l->rows].text[c] = xstrdup(row->text[c]);
	l->rows++;
}

static void
forget(struct list *l)
{
	for (size_t i = 0; i < l->rows; i++)
		for (size_t c = 0; c < DB_COLUMNS; c++) {
			explicit_bzero(l->row[i].text[c], strlen(l->row[i].text[c]));
			free(l->row[i].text[c]);
		}
	free(l->row);
	free(l->bad);
}

static void
add_bad(struct list *l, size_t line)
{
	l->bad = xrealloc(l->bad, l->bads + 1, sizeof *l->bad);
	l->bad[l->bads++] = line;
}

/* Adds the rows that are well formed. A status. */
static int
read_rows(struct databases *d, struct list *l)
{
	struct database row;
	int status = BD_DONE, rc;
	while ((rc = databases_next(d, &row))) {
		if (rc == CSV_UNREADABLE)
			return BD_USAGE;
		char *wrong = rc == CSV_ROW ? databases_wrong(&row) : NULL;
		if (wrong)
			warnx("%s:%zu: %s", d->file, row.line, wrong);
		if (wrong || rc != CSV_ROW) {
			add_bad(l, row.line);
			status = BD_FAILED;
		} else
			add(l, &row);
		free(wrong);
	}
	return status;
}

static int
compare(const struct database *a, const struct database *b, size_t first, size_t last)
{
	for (size_t c = first; c <= last; c++) {
		int rc = strcmp(a->text[c], b->text[c]);
		if (rc)
			return rc;
	}
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct database *const *x = a, *const *y = b;
	int rc = compare(*x, *y, DB_INSTANCE, DB_DATABASE);
	return rc ? rc : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* Of several rows for one database the last serves: the line of the others becomes 0. A status. */
static int
drop_duplicates(struct list *l, const char *file)
{
	struct database **sorted = xcalloc(l->rows + 1, sizeof *sorted);
	int status = BD_DONE;
	for (size_t i = 0; i < l->rows; i++)
		sorted[i] = &l->row[i];
	qsort(sorted, l->rows, sizeof *sorted, by_name);
	for (size_t i = l->rows, serves = i; i-- > 0;) {
		struct database *row = sorted[i], *last = serves < l->rows ? sorted[serves] : NULL;
		if (!last || compare(row, last, DB_INSTANCE, DB_DATABASE)) {
			serves = i;
			continue;
		}
		if (compare(row, last, DB_USERNAME, DB_PASSWORD)) {
			warnx("%s: line %zu contradicts line %zu, which serves: they are of the same instance and database", file,
			    row->line, last->line);
			status = BD_FAILED;
		} else
			fprintf(stderr, "WARNING: %s: line %zu says the same as line %zu.\n", file, row->line, last->line);
		row->line = 0;
	}
	free(sorted);
	return status;
}

static int
print(const struct list *l)
{
	int status = BD_DONE;
	/* of which instance is not told: in a malformed row no field is sure to be what it seems */
	for (size_t i = 0; malformed && i < l->bads; i++)
		if (TSV_WRITE(stdout, tsv_num(l->bad[i]).text, NULL, NULL, NULL) < 0)
			status = BD_FAILED;
	for (size_t i = 0; i < l->rows; i++) {
		char *const *text = l->row[i].text;
		if (l->row[i].line && TSV_WRITE(stdout, tsv_num(l->row[i].line).text, text[DB_INSTANCE], text[DB_DATABASE],
		    text[DB_USERNAME]) < 0)
			status = BD_FAILED;
	}
	return status;
}

static void
look_at_mode(FILE *in, const char *file)
{
	struct stat st;
	if (fstat(fileno(in), &st) == 0 && st.st_mode & S_IROTH)
		fprintf(stderr, "WARNING: %s holds passwords, and others may read it: mode %04o.\n", file,
		    (unsigned)st.st_mode & 07777);
}

static int
list_databases(FILE *in, const char *file)
{
	struct databases d;
	struct list l = {0};
	if (databases_begin(&d, in, file) < 0)
		return BD_USAGE;
	if (!d.columns)
		fprintf(stderr, "WARNING: databases.csv exists but is empty: %s. Continuing without database dumps.\n", file);
	else
		look_at_mode(in, file);
	int status = read_rows(&d, &l);
	databases_end(&d);
	if (status != BD_USAGE) {
		int duplicates = drop_duplicates(&l, file), printed = print(&l);
		status = status | duplicates | printed; /* each 0 or 1 */
	}
	forget(&l);
	return status;
}

int
main(int argc, char *argv[])
{
	bd_start();
	for (int c; (c = getopt(argc, argv, "mV")) != -1;)
		switch (c) {
		case 'm': malformed = true; break;
		case 'V': bd_version();
		default: usage();
		}
	if (argc - optind != 1)
		usage();
	const char *file = argv[optind];
	FILE *in = fopen(file, "re");
	if (!in && errno == ENOENT) {
		fprintf(stderr, "WARNING: databases.csv not found: %s. Continuing without database dumps.\n", file);
		return BD_DONE;
	}
	if (!in)
		err(BD_USAGE, "%s", file);
	int status = list_databases(in, file);
	fclose(in);
	return bd_finish(status);
}
