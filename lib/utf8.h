/* utf8.h - is a text UTF-8? */
#ifndef BD_UTF8_H
#define BD_UTF8_H

#include <stdbool.h>

bool is_utf8(const char *text);

#endif
