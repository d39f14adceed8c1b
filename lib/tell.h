/* tell.h - what a restore refuses, and what it warns of: lines on stderr, behind all that was written to stdout. */
#ifndef BD_TELL_H
#define BD_TELL_H

#include <stdarg.h>

void tell_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* ERROR: ... */
void tell_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* WARNING: ... */
void tell(const char *mark, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

#endif
