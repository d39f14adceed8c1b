/* myscript - a fuzzer of lib/myscript.c: however the bytes come apart, the same comes out of them; and what comes out
 * comes out again as it is. */
#include <stdlib.h>
#include <string.h>

#include "myscript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	FILE *out;
	char *text;
	size_t len;
	int rc;
	const char *fault;
};

static enum my_verdict
judge(void *arg, const struct my_item *i)
{
	(void)arg;
	if (!i->name || strlen(i->name) >= 512 || (i->host && strlen(i->host) >= 512))
		abort();
	switch (i->kind) {
	case MY_DATABASE: return MY_SKIP;
	case MY_SET: return i->name[0] == 's' ? MY_PASS : MY_SKIP;
	case MY_DEFINER: return MY_MINE;
	case MY_LOCK: return i->emptied ? MY_EMPTY : MY_PASS;
	default: return MY_PASS;
	}
}

static enum my_verdict
pass(void *arg, const struct my_item *i)
{
	(void)arg;
	if (i->kind == MY_DATABASE || i->kind == MY_DEFINER) /* none has been left */
		abort();
	return MY_PASS;
}

static int
keep(void *arg, const void *data, size_t len)
{
	struct seen *s = arg;
	return fwrite(data, 1, len, s->out) == len ? 0 : -1;
}

/* Bytes of uneven number at a time. */
static struct seen
run(const void *data, size_t size, size_t piece, enum my_verdict (*how)(void *, const struct my_item *))
{
	struct seen s = {0};
	s.out = open_memstream(&s.text, &s.len);
	struct myscript m = {.judge = how, .out = keep, .arg = &s, .database = "a"};
	myscript_begin(&m);
	for (size_t at = 0; s.rc == 0 && at < size; at += piece)
		s.rc = myscript_add(&m, (const char *)data + at, size - at < piece ? size - at : piece);
	if (myscript_end(&m) < 0)
		s.rc = -1;
	s.fault = m.fault;
	if ((s.rc < 0) != (s.fault != NULL))
		abort();
	fclose(s.out);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = run(data, size, size + 1, judge), bytes = run(data, size, 1, judge), some = run(data, size, 67, judge);
	if (whole.fault != bytes.fault || whole.fault != some.fault)
		abort();
	if (!whole.fault && (whole.len != bytes.len || memcmp(whole.text, bytes.text, whole.len) || whole.len != some.len ||
	                     memcmp(whole.text, some.text, whole.len)))
		abort();
	if (!whole.fault) {
		struct seen again = run(whole.text, whole.len, 4096, pass);
		free(again.text);
	}
	free(whole.text);
	free(bytes.text);
	free(some.text);
	return 0;
}
