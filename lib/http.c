/* http.c - an answer of HTTP/1 in memory: its head, and its body. */
#include <string.h>
#include <strings.h>

#include "http.h"

/* The end of the line at s, or NULL. */
static const char *
line_end(const char *s, const char *end)
{
	return memchr(s, '\n', (size_t)(end - s));
}

/* The value of the field name in the line from s to end, without blanks around it; NULL: it is another. */
static const char *
field(const char *s, const char **end, const char *name)
{
	size_t len = strlen(name);
	if ((size_t)(*end - s) <= len || strncasecmp(s, name, len) || s[len] != ':')
		return NULL;
	for (s += len + 1; s < *end && (*s == ' ' || *s == '\t'); s++)
		;
	while (*end > s && strchr(" \t\r", (*end)[-1]))
		--*end;
	return s;
}

/* A number of at most digits digits; -1: none. */
static long
number(const char *s, const char *end, int base, int digits)
{
	long n = 0;
	if (s == end || end - s > digits)
		return -1;
	for (; s < end; s++) {
		const char *all = "0123456789abcdef", *digit = *s ? strchr(all, *s >= 'A' && *s <= 'F' ? *s + 32 : *s) : NULL;
		if (!digit || digit - all >= base)
			return -1;
		n = n * base + (digit - all);
	}
	return n;
}

ssize_t
http_head(const char *text, size_t len, struct http_head *h)
{
	const char *end = text + len, *s = text, *eol, *value;
	static const char start[] = "HTTP/1.";
	*h = (struct http_head){.length = -1};
	if (memcmp(text, start, len < sizeof start - 1 ? len : sizeof start - 1))
		return -1;
	for (; (eol = line_end(s, end)); s = eol + 1) {
		const char *stop = eol > s && eol[-1] == '\r' ? eol - 1 : eol;
		if (s == text) { /* HTTP/1.1 101 UPGRADED */
			if (stop - s < 12 || s[8] != ' ' || (stop - s > 12 && s[12] != ' ') || (h->status = number(s + 9, s + 12, 10, 3)) < 100)
				return -1;
		} else if (s == stop)
			return eol + 1 - text;
		else if ((value = field(s, &stop, "Content-Length"))) {
			if ((h->length = number(value, stop, 10, 18)) < 0)
				return -1;
		} else if ((value = field(s, &stop, "Transfer-Encoding")))
			h->chunked = stop - value == 7 && !strncasecmp(value, "chunked", 7);
	}
	return 0;
}

static ssize_t
dechunk(char *text, size_t len)
{
	char *to = text, *s = text, *end = text + len;
	for (;;) {
		const char *eol = line_end(s, end), *stop = eol;
		if (!eol)
			return -1;
		const char *extension = memchr(s, ';', (size_t)(eol - s));
		if (extension)
			stop = extension;
		while (stop > s && strchr(" \t\r", stop[-1]))
			stop--;
		long size = number(s, stop, 16, 15);
		if (size < 0)
			return -2;
		if (size == 0) /* a trailer may follow, and says nothing to us */
			return to - text;
		s += eol + 1 - s;
		if (end - s < size)
			return -1;
		memmove(to, s, (size_t)size);
		to += size;
		s += size;
		if (s < end && *s == '\r')
			s++;
		if (s == end)
			return -1;
		if (*s++ != '\n')
			return -2;
	}
}

ssize_t
http_body(char *text, size_t len, const struct http_head *h, bool ended)
{
	if (h->chunked)
		return dechunk(text, len);
	if (h->length < 0)
		return ended ? (ssize_t)len : -1;
	return (ssize_t)len < h->length ? -1 : h->length;
}
