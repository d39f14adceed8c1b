/* frames - a fuzzer of lib/frames.c: however the bytes come apart, the same comes out of them. */
#include <stdlib.h>
#include <string.h>

#include "frames.h"

struct seen {
	unsigned char *data; /* stream, byte, stream, byte... */
	size_t len;
};

static int
keep(void *arg, int stream, const void *data, size_t len)
{
	struct seen *s = arg;
	if (!len || stream > FRAME_DAEMON)
		abort();
	s->data = xrealloc(s->data, s->len + 2 * len, 1);
	for (size_t i = 0; i < len; i++) {
		s->data[s->len++] = (unsigned char)stream;
		s->data[s->len++] = ((const unsigned char *)data)[i];
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frames whole = {.got = 0}, split = {.got = 0};
	struct seen a = {.len = 0}, b = {.len = 0};
	if (!size)
		return 0;
	size_t step = 1 + data[0] % 13; /* the first byte tells how it comes apart */
	data++;
	size--;
	int rc = frames_feed(&whole, data, size, keep, &a), again = 0;
	for (size_t at = 0; at < size && !again; at += step)
		again = frames_feed(&split, data + at, size - at < step ? size - at : step, keep, &b);
	if (rc != again || a.len != b.len || (a.len && memcmp(a.data, b.data, a.len)) ||
	    (!rc && frames_whole(&whole) != frames_whole(&split)))
		abort();
	free(a.data);
	free(b.data);
	return 0;
}
