/* tsv - libFuzzer entry for lib/tsv.c: a record that is read is read again as it was once tsv_write has written it. */
#include <stdlib.h>
#include <string.h>

#include "bd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
again(const struct tsv *first)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (tsv_write(out, (const char *const *)first->field, first->fields) < 0 || fclose(out) != 0)
		abort();
	FILE *in = fmemopen(text, len, "r");
	struct tsv t;
	tsv_begin(&t, in, "again");
	if (tsv_read(&t, first->fields) != 1)
		abort();
	for (size_t f = 0; f < first->fields; f++)
		if (first->field[f] ? !t.field[f] || strcmp(first->field[f], t.field[f]) : t.field[f] != NULL)
			abort();
	tsv_end(&t);
	fclose(in);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *in = tmpfile(); /* fmemopen does not take an empty one */
	if (!in || !size || fwrite(data + 1, 1, size - 1, in) != size - 1)
		return in ? fclose(in) : 0;
	rewind(in);
	struct tsv t;
	tsv_begin(&t, in, "fuzz");
	size_t columns = data[0] % 8u + 1;
	while (tsv_read(&t, columns) > 0)
		again(&t);
	tsv_end(&t);
	return fclose(in);
}
