/* tell.c - what a restore refuses, and what it warns of. */
#include <stdio.h>

#include "tell.h"

void
tell(const char *mark, const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs(mark, stderr);
	vfprintf(stderr, fmt, ap);
	putc('\n', stderr);
}

void
tell_error(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell("ERROR: ", fmt, ap);
	va_end(ap);
}

void
tell_warning(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell("WARNING: ", fmt, ap);
	va_end(ap);
}
