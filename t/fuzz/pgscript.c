/* pgscript - for libFuzzer: what comes out with nothing dropped is what went in, and how it is cut up changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "pgscript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	char *out;
	size_t len, items, sum;
};

static enum pgscript_verdict
judge(void *arg, const struct pgitem *item)
{
	struct seen *seen = arg;
	const char *at = item->text;
	if (!item->len || item->len > PGSCRIPT_HEAD)
		abort();
	pgitem_is(item, "CREATE SCHEMA");
	if (pgitem_words(&at, item->text + item->len, "COPY"))
		free(pgitem_name(&at, item->text + item->len));
	seen->items++;
	seen->sum = seen->sum * 31 + item->kind + item->line * 7 + item->len * 3 + item->whole + item->copy * 2;
	return PGSCRIPT_PASS;
}

static int
emit(void *arg, const char *data, size_t len)
{
	struct seen *seen = arg;
	memcpy(seen->out + seen->len, data, len);
	seen->len += len;
	return 0;
}

/* Fed step bytes at a time; whether it was well formed. */
static int
pass(const char *data, size_t size, size_t step, struct seen *seen)
{
	struct pgscript *s = calloc(1, sizeof *s);
	int rc = 0;
	*s = (struct pgscript){.name = "fuzz", .judge = judge, .emit = emit, .arg = seen};
	*seen = (struct seen){.out = malloc(size + 1)};
	pgscript_begin(s);
	for (size_t i = 0; i < size && rc == 0; i += step) {
		size_t len = size - i < step ? size - i : step;
		char *piece = malloc(len); /* so that a byte read too far is seen */
		memcpy(piece, data + i, len);
		rc = pgscript_feed(s, piece, len);
		free(piece);
	}
	if (rc == 0)
		rc = pgscript_end(s);
	free(s);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, cut;
	static const size_t step[] = {1, 3, 7, 4096};
	int rc = pass((const char *)data, size, size ? size : 1, &whole);
	if (rc == 0 && (whole.len != size || memcmp(whole.out, data, size)))
		abort();
	for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
		if (pass((const char *)data, size, step[i], &cut) != rc)
			abort();
		if (rc == 0 && (cut.len != size || memcmp(cut.out, data, size) || cut.items != whole.items || cut.sum != whole.sum))
			abort();
		free(cut.out);
	}
	free(whole.out);
	return 0;
}
