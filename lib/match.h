/* match.h - which dumps are wanted: the records of bd-match. */
#ifndef BD_MATCH_H
#define BD_MATCH_H

#include "table.h"

enum {
	MATCH_VOLUME,
	MATCH_CONTAINER,
	MATCH_ID,
	MATCH_INSTANCE,
	MATCH_ENGINE, /* NULL, and so is the next: it could not be asked, and there is a row for it */
	MATCH_TOOL,
	MATCH_LINE, /* of databases.csv; NULL, and so are the next two: no row is for this database */
	MATCH_DATABASE,
	MATCH_USERNAME,
	MATCH_SOLE,
	MATCH_COLUMNS
};

int match_check(const struct tsv *at, char *const row[]); /* for table_load */
bool match_cluster(char *const row[]); /* all of the instance, not one database */
char *match_file(char *const row[]);   /* the name of its dump, to be freed; NULL: none is wanted */

/* Tells of each dump that is wanted but cannot be made, and why. */
void match_refuse(const struct table *t, void (*refuse)(size_t row, const char *why));

#endif
