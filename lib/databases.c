/* databases.c - databases.csv: which databases to dump, and as whom. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "databases.h"

static const char *const names[DB_COLUMNS] = {"instance", "database", "username", "password"};

/* Cuts the blanks off both ends, in place: only a password may have some, inside its quotes. */
static char *
strip(char *s)
{
	s += strspn(s, " \t");
	for (size_t len = strlen(s); len && strchr(" \t", s[len - 1]);)
		s[--len] = '\0';
	return s;
}

/* Finds our columns in the header. Returns what is wrong with it, as text to be freed, or NULL. */
static char *
find_columns(struct databases *d)
{
	d->columns = d->csv.fields;
	for (size_t c = 0; c < DB_COLUMNS; c++) {
		size_t found = 0;
		for (size_t f = 0; f < d->columns; f++)
			if (!strcmp(strip(d->csv.field[f]), names[c])) {
				d->at[c] = f;
				found++;
			}
		if (found != 1)
			return xasprintf("%s column is called '%s'", found ? "more than one" : "no", names[c]);
	}
	return NULL;
}

/* Returns what is wrong, as text to be freed, or NULL. */
static char *
begin(struct databases *d, FILE *in, const char *file)
{
	*d = (struct databases){.file = file};
	csv_begin(&d->csv, in, DB_SEPARATOR);
	switch (csv_read(&d->csv)) {
	case CSV_END: return NULL;
	case CSV_ROW: return find_columns(d);
	case CSV_MALFORMED: return xasprintf("the header, line %zu: %s", d->csv.line, d->csv.wrong);
	default: return xstrdup(strerror(errno));
	}
}

int
databases_begin(struct databases *d, FILE *in, const char *file)
{
	char *wrong = begin(d, in, file);
	if (!wrong)
		return 0;
	warnx("%s: %s", file, wrong);
	free(wrong);
	databases_end(d);
	return -1;
}

/* As databases_next, with the reason as text to be freed instead of a message. */
static int
next(struct databases *d, struct database *row, char **why)
{
	int rc = csv_read(&d->csv);
	*row = (struct database){.line = d->csv.line};
	if (rc == CSV_MALFORMED)
		*why = xstrdup(d->csv.wrong);
	else if (rc == CSV_UNREADABLE)
		*why = xstrdup(strerror(errno));
	else if (rc == CSV_ROW && d->csv.fields != d->columns) {
		*why = xasprintf("%zu fields, expected %zu", d->csv.fields, d->columns);
		rc = CSV_MALFORMED;
	} else if (rc == CSV_ROW)
		for (size_t c = 0; c < DB_COLUMNS; c++)
			row->text[c] = c == DB_PASSWORD ? d->csv.field[d->at[c]] : strip(d->csv.field[d->at[c]]);
	return rc;
}

int
databases_next(struct databases *d, struct database *row)
{
	char *why = NULL;
	int rc = next(d, row, &why);
	if (rc == CSV_MALFORMED)
		warnx("%s:%zu: %s", d->file, row->line, why);
	else if (rc == CSV_UNREADABLE)
		warnx("%s: %s", d->file, why);
	free(why);
	return rc;
}

void
databases_end(struct databases *d)
{
	csv_end(&d->csv);
}

static bool
is_name(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	return *s && *s != '-' && !s[strspn(s, allowed)];
}

char *
databases_wrong(const struct database *row)
{
	const char *database = row->text[DB_DATABASE];
	for (size_t c = DB_INSTANCE; c <= DB_USERNAME; c++)
		if (c != DB_DATABASE && (!*row->text[c] || !strcmp(row->text[c], "-")))
			return xasprintf("column '%s' must not be %s.", names[c], *row->text[c] ? "'-'" : "empty");
	if (!*database)
		return xstrdup("column 'database' must be '*' or a concrete database name (not empty).");
	if (!strcasecmp(database, "nan"))
		return xstrdup("database must not be 'nan'.");
	if (!strcmp(database, "*") || is_name(database))
		return NULL;
	char *shown = tsv_show(database);
	char *wrong = xasprintf("invalid database name '%s'. Allowed: letters, numbers, '_' and '-'.", shown);
	free(shown);
	return wrong;
}

/* As databases_password, of the file when it is open. */
static char *
password(struct databases *d, const struct database *want, char **why)
{
	struct database row;
	int rc = CSV_ROW;
	while (rc == CSV_ROW || rc == CSV_MALFORMED) {
		free(*why);
		*why = NULL;
		rc = next(d, &row, why);
		if (row.line < want->line)
			continue;
		bool same = rc == CSV_ROW && row.line == want->line;
		for (size_t c = DB_INSTANCE; same && c <= DB_USERNAME; c++)
			same = !strcmp(row.text[c], want->text[c]);
		if (same)
			return xstrdup(row.text[DB_PASSWORD]);
		break;
	}
	if (!*why)
		*why = xasprintf("line %zu of %s is another one by now", want->line, d->file);
	return NULL;
}

char *
databases_password(const char *file, const struct database *want, char **why)
{
	struct databases d;
	FILE *in = fopen(file, "re");
	char *found = NULL;
	*why = NULL;
	if (!in) {
		*why = xasprintf("%s: %s", file, strerror(errno));
		return NULL;
	}
	*why = begin(&d, in, file);
	if (!*why)
		found = password(&d, want, why);
	databases_end(&d);
	fclose(in);
	return found;
}
