/* text.h - a text in memory, written as a file is. */
#ifndef BD_TEXT_H
#define BD_TEXT_H

#include <stdio.h>

/* *text is to be freed after text_end(); *len is its length then. Without memory both end the program. */
FILE *text_begin(char **text, size_t *len);
void text_end(FILE *out);

#endif
