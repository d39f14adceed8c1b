/* mem.c - allocation for programs that have nothing better to do than to exit
 * when there is no memory. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bd.h"

void *
xrealloc(void *p, size_t count, size_t size)
{
	void *q = reallocarray(p, count, size);
	if (!q && count && size)
		err(BD_FATAL, "memory");
	return q;
}

void *
xcalloc(size_t count, size_t size)
{
	void *q = calloc(count, size);
	if (!q && count && size)
		err(BD_FATAL, "memory");
	return q;
}

void *
xshared(size_t count, size_t size)
{
	void *p = mmap(NULL, count * size + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		err(BD_FATAL, "memory");
	return p;
}

char *
xstrdup(const char *s)
{
	char *q = strdup(s);
	if (!q)
		err(BD_FATAL, "memory");
	return q;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *q;
	va_start(ap, fmt);
	if (vasprintf(&q, fmt, ap) < 0)
		err(BD_FATAL, "memory");
	va_end(ap);
	return q;
}
