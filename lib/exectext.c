/* exectext.c - a command in a container whose whole output is small. */
#include <stdlib.h>
#include <string.h>

#include "exec.h"

/* What exec_text gives to a command and takes from it. */
struct text {
	const char *input;
	size_t left;
	FILE *out;
	struct lines err;
};

static ssize_t
give(void *arg, void *buf, size_t len)
{
	struct text *t = arg;
	size_t n = t->left < len ? t->left : len;
	memcpy(buf, t->input, n);
	t->input += n;
	t->left -= n;
	return (ssize_t)n;
}

static int
keep(void *arg, const void *data, size_t len)
{
	struct text *t = arg;
	if (fwrite(data, 1, len, t->out) != len)
		err(BD_FATAL, "memory");
	return 0;
}

static void
say_line(void *arg, const char *line)
{
	const struct exec *e = arg;
	char *shown = tsv_show(line);
	if (*shown)
		warnx("%s: %s", e->container, shown);
	free(shown);
}

int
exec_text(struct docker *d, const struct exec *e, const char *input, char **output)
{
	struct exec run = *e;
	struct text t = {.input = input, .left = input ? strlen(input) : 0, .err = {.each = say_line, .arg = &run}};
	size_t len;
	if (!(t.out = open_memstream(output, &len)))
		err(BD_FATAL, "memory");
	run.in = input ? give : NULL;
	run.out = keep;
	run.err_lines = &t.err;
	run.arg = &t;
	int status = exec_run(d, &run);
	lines_end(&t.err);
	if (fclose(t.out) != 0)
		err(BD_FATAL, "memory");
	return status;
}
