/* mtree - a fuzzer of lib/mtree.c: what is read is written as it was. (-close_fd_mask=2: what is malformed is said.) */
#include <stdlib.h>
#include <string.h>

#include "mtree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mtree_in m;
	struct mtree_out o;
	char *again = NULL;
	size_t len = 0;
	char *text = xcalloc(size + 1, 1);
	memcpy(text, data, size);
	FILE *in = fmemopen(text, size ? size : 1, "r"), *out = open_memstream(&again, &len);
	if (!in || !out)
		abort();
	mtree_open(&m, in, "input");
	mtree_begin(&o, out);
	int rc;
	while ((rc = mtree_read(&m)) > 0)
		mtree_put(&o, &m.e);
	mtree_close(&m);
	if (mtree_end(&o) < 0 || fclose(out) != 0)
		abort();
	if (rc == 0 && (len != size || memcmp(again, data, size)))
		abort();
	fclose(in);
	free(again);
	free(text);
	return 0;
}
