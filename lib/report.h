/* report.h - the result records of bd-stop: kind container volume seconds killed status. */
#ifndef BD_REPORT_H
#define BD_REPORT_H

#include "bd.h"

struct report {
	const char *path; /* NULL: nobody wants them */
	int dir;
	char *text;
	size_t len;
	FILE *out; /* to text */
};

int report_open(struct report *r, const char *path); /* looks at the folder; -1 said */
/* false if that record is there already. NULL is absent. */
bool report_add(struct report *r, const char *kind, const char *container, const char *volume, const char *seconds,
    const char *killed, const char *status);
int report_close(struct report *r); /* the file appears; -1 said */

#endif
