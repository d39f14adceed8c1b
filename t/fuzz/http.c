/* http - a fuzzer of the parsers in lib/http.c: the head of an answer, and its body. */
#include <stdlib.h>
#include <string.h>

#include "http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head h, part;
	char *text = xcalloc(size ? size : 1, 1); /* of just that size: what is read behind it is found */
	if (size)
		memcpy(text, data, size);
	ssize_t head = http_head(text, size, &h);
	if (head > (ssize_t)size || (head > 0 && (h.status < 100 || h.status > 999 || h.length < -1)))
		abort();
	/* more is needed until all of the head is there, and it is the same one then, whatever follows */
	for (size_t n = 0; head > 0 && n < (size_t)head; n++)
		if (http_head(text, n, &part) != 0)
			abort();
	if (head > 0) {
		size_t len = size - (size_t)head;
		if (http_head(text, (size_t)head, &part) != head || part.status != h.status)
			abort();
		ssize_t body = http_body(text + head, len, &h, size % 2);
		if (body < -2 || body > (ssize_t)len)
			abort();
	}
	free(text);
	return 0;
}
