/* databases.h - databases.csv: which databases to dump, and as whom. bd-databases(1) documents the file. */
#ifndef BD_DATABASES_H
#define BD_DATABASES_H

#include "csv.h"

enum { DB_INSTANCE, DB_DATABASE, DB_USERNAME, DB_PASSWORD, DB_COLUMNS };
#define DB_SEPARATOR ';'

enum { ROW_LINE, ROW_INSTANCE, ROW_DATABASE, ROW_USERNAME, ROW_COLUMNS }; /* of a record of bd-databases */

struct database {
	size_t line;           /* where its row begins */
	char *text[DB_COLUMNS]; /* none is NULL; the password may be empty */
};

/* The file while it is read: its rows one by one, whatever they hold. */
struct databases {
	struct csv csv;
	const char *file;        /* for messages */
	size_t at[DB_COLUMNS];   /* where each column is */
	size_t columns;          /* how many the header has, also those that are not ours; 0: a file without content */
};

/* 0; -1: unreadable, or without one of the columns (said as `program: FILE: why`). */
int databases_begin(struct databases *d, FILE *in, const char *file);
/* 1 a row, whose blanks are stripped; 0 the end; -1 a malformed row (said with file and line): go on; -2 unreadable
 * (said). What row points to lives until the next call. */
int databases_next(struct databases *d, struct database *row);
void databases_end(struct databases *d);

/* What is wrong with the row, as text to be freed, or NULL. */
char *databases_wrong(const struct database *row);

/* The password in FILE of the row in line want->line, if that still is of want's instance, database and username; to be
 * freed. NULL: *why is the reason, to be freed too, without any secret. Nothing is said. */
char *databases_password(const char *file, const struct database *want, char **why);

#endif
