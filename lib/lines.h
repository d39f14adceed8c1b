/* lines.h - lines out of pieces of any size, in constant memory. */
#ifndef BD_LINES_H
#define BD_LINES_H

#include <stddef.h>

struct lines {
	void (*each)(void *arg, const char *line); /* without its LF; one that is too long comes as several */
	void *arg;
	char line[4096];
	size_t len;
};

void lines_feed(struct lines *l, const void *data, size_t len);
void lines_say(const char *label, const char *line); /* `program: LABEL: line` on stderr, which upsets no terminal */
void lines_end(struct lines *l); /* the last one may lack its LF */

#endif
