/* csv.h - rows of a file like databases.csv: RFC 4180 with another separator.
 *
 * Lines end with LF or CRLF, the last one perhaps with nothing; blank lines are no rows. A field in quotes holds
 * anything, a quote of its own doubled. Blanks around a field are no part of it, those inside the quotes are. A quote
 * in the middle of a field without quotes is a quote. What is malformed costs one line, also where a quote is not
 * closed: the next line is read as if it were not. */
#ifndef BD_CSV_H
#define BD_CSV_H

#include "bd.h"

#define CSV_MAX 65536 /* bytes in a row, so that a quote that is never closed fills no memory */

struct csv {
	FILE *in;
	char separator;
	size_t line;      /* where the row that was read begins, from 1 */
	char **field;     /* its fields, each ended by NUL, until the next call */
	size_t fields;
	const char *wrong; /* why the row is malformed */

	size_t next; /* the line that comes next */
	char *text;  /* read from in, but in no row so far: `pending` bytes */
	size_t pending, used, room, slots;
	char *value; /* what field points into */
};

enum { CSV_END = 0, CSV_ROW = 1, CSV_MALFORMED = -1, CSV_UNREADABLE = -2 /* errno */ };

void csv_begin(struct csv *c, FILE *in, char separator);
int csv_read(struct csv *c); /* one of the above; nothing is said */
void csv_end(struct csv *c);
/* As one field that csv_read gives back unchanged, in quotes only if it needs them. */
void csv_write(FILE *out, const char *field, char separator);

#endif
