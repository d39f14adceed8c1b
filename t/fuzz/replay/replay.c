/* replay - instead of libFuzzer's main: what is kept of a fuzzer's inputs, once each
 *
 *	replay FILE		a line of it is an input, as scripts/corpus writes it */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place; its length. */
static size_t
decoded(char *line)
{
	char *to = line;
	for (const char *from = line; *from && *from != '\n';)
		if (*from != '\\') {
			*to++ = *from++;
		} else if (from[1] == '0' && strspn(from + 2, "01234567") >= 3) {
			*to++ = (char)((from[2] - '0') * 64 + (from[3] - '0') * 8 + (from[4] - '0'));
			from += 5;
		} else {
			errx(1, "this is no input: %s", line);
		}
	return (size_t)(to - line);
}

int
main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	if (!in)
		err(1, "%s", argc == 2 ? argv[1] : "usage: replay FILE");
	char *line = NULL;
	size_t room = 0, inputs = 0;
	while (getline(&line, &room, in) > 0) {
		size_t len = decoded(line);
		uint8_t *input = malloc(len ? len : 1); /* of just that size: what is read behind it is found */
		if (!input)
			err(1, NULL);
		memcpy(input, line, len);
		LLVMFuzzerTestOneInput(input, len);
		free(input);
		inputs++;
	}
	free(line);
	fclose(in);
	printf("%zu inputs\n", inputs);
	return inputs == 0;
}
