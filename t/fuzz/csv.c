/* csv - libFuzzer entry for lib/csv.c: whatever the bytes, every field that is read is read again as it was once
 * csv_write has written it. */
#include <stdlib.h>
#include <string.h>

#include "csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A row that begins with a field x, so that it is never a blank line. */
static void
again(const struct csv *first)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	fputc('x', out);
	for (size_t f = 0; f < first->fields; f++) {
		fputc(first->separator, out);
		csv_write(out, first->field[f], first->separator);
	}
	fputc('\n', out);
	fclose(out);
	FILE *in = fmemopen(text, len, "r");
	struct csv c;
	csv_begin(&c, in, first->separator);
	int rc = csv_read(&c);
	if (len > CSV_MAX ? rc != CSV_MALFORMED : rc != CSV_ROW || c.fields != first->fields + 1)
		abort();
	for (size_t f = 0; rc == CSV_ROW && f < first->fields; f++)
		if (strcmp(c.field[f + 1], first->field[f]))
			abort();
	csv_end(&c);
	fclose(in);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *in = tmpfile(); /* fmemopen does not take an empty one */
	if (!in || fwrite(data, 1, size, in) != size)
		abort();
	rewind(in);
	struct csv c;
	size_t line = 0, lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	csv_begin(&c, in, ';');
	for (int rc; (rc = csv_read(&c)) != CSV_END; line = c.line) {
		if (rc == CSV_UNREADABLE || c.line <= line || c.line > lines)
			abort();
		if (rc == CSV_ROW)
			again(&c);
	}
	csv_end(&c);
	fclose(in);
	return 0;
}
