/* text.c - a text in memory, written as a file is. */
#include "bd.h"
#include "text.h"

FILE *
text_begin(char **text, size_t *len)
{
	FILE *out = open_memstream(text, len);
	if (!out)
		err(BD_FATAL, "memory");
	return out;
}

void
text_end(FILE *out)
{
	if (fclose(out) != 0)
		err(BD_FATAL, "memory");
}
