/* bd-options - gives sh front ends the option syntax of Python's argparse: reads a
 * table of options and a command line, prints what the command line says, as
 * records or as shell commands. Nothing is printed before all of it was parsed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-options [-sV] SPEC -- [ARGUMENT...]\n       bd-options -0 [-s] SPEC\n");
	exit(BD_USAGE);
}

/* The = makes a field of any value, be it empty or a lone -. */
static void
record(const struct opt *p, const char *value)
{
	char *field = value ? xasprintf("=%s", value) : NULL;
	TSV_WRITE(stdout, p->names[0], field, p->kind == OPT_OPERAND ? NULL : p->spelled);
	free(field);
}

static void
write_records(const struct opt *p)
{
	if (p->kind == OPT_FLAG || p->kind == OPT_ALONE)
		record(p, "1");
	else if (!p->values)
		record(p, NULL);
	for (size_t i = 0; i < p->values; i++)
		record(p, p->value[i]);
}

/* One assignment: NAME='value', for a list the words quoted once more. */
static void
write_shell(const struct opt *p)
{
	const char **word = xcalloc(p->values + 1, sizeof *word);
	for (size_t i = 0; i < p->values; i++)
		word[i] = p->value[i];
	char *words = p->kind == OPT_LIST0 || p->kind == OPT_LIST1 ? shell_quote(word) : NULL;
	const char *value = words ? words : p->values ? word[0] : p->spelled;
	char *quoted = shell_quote((const char *const[]){value, NULL});
	for (const char *s = p->names[0]; *s; s++)
		putchar(*s == '-' ? '_' : *s);
	printf("=%s\n", quoted);
	free(quoted);
	free(words);
	free(word);
}

/* For a shell: what it can start itself again with. */
static void
write_others(const struct options *o)
{
	char *words = shell_quote((const char *const *)o->other), *quoted = shell_quote((const char *const[]){words, NULL});
	printf("others=%s\n", quoted);
	free(quoted);
	free(words);
}

/* What is left of in: arguments, each with a NUL behind it. */
static char **
read_arguments(FILE *in, const char *name)
{
	char **list = xcalloc(1, sizeof *list), *argument = NULL;
	size_t count = 0, room = 0;
	for (ssize_t len; (len = getdelim(&argument, &room, '\0', in)) >= 0; argument = NULL, room = 0) {
		if (argument[len - 1])
			errx(BD_USAGE, "%s: the last argument has no end", name);
		list = xrealloc(list, count + 2, sizeof *list);
		list[count++] = argument;
		list[count] = NULL;
	}
	free(argument);
	if (ferror(in))
		err(BD_FATAL, "%s", name);
	return list;
}

/* Returns the exit status: without -s, 1 tells the help from records. */
static int
write_help(const struct options *o, bool shell)
{
	char *text = NULL;
	size_t len = 0;
	FILE *mem = open_memstream(&text, &len);
	if (!mem)
		err(BD_FATAL, "memory");
	options_help(o, mem);
	if (fclose(mem) != 0)
		err(BD_FATAL, "memory");
	if (shell) {
		char *quoted = shell_quote((const char *const[]){text, NULL});
		printf("printf %%s %s || exit %d\nexit %d\n", quoted, BD_FATAL, BD_DONE);
		free(quoted);
	} else
		fputs(text, stdout);
	free(text);
	return shell ? BD_DONE : BD_FAILED;
}

static int
wrong_usage(const struct options *o)
{
	char *why = tsv_escape(o->wrong); /* a message is one line */
	options_usage(o, stderr);
	fprintf(stderr, "%s: error: %s\n", o->program, why);
	free(why);
	return BD_USAGE;
}

static int
answer(const struct options *o, bool shell)
{
	if (o->alone == o->opt)
		return write_help(o, shell);
	for (const struct opt *p = o->opt; p < o->opt + o->count; p++)
		if (o->alone ? p == o->alone : p->given)
			(shell ? write_shell : write_records)(p);
	if (shell && o->secret && !o->alone)
		write_others(o);
	return BD_DONE;
}

int
main(int argc, char *argv[])
{
	bool shell = false, nul = false;
	bd_start();
	for (int c; (c = getopt(argc, argv, "+0sV")) != -1;)
		switch (c) {
		case '0': nul = true; break;
		case 's': shell = true; break;
		case 'V': bd_version();
		default: usage();
		}
	if (nul ? argc - optind != 1 : argc - optind < 2 || strcmp(argv[optind + 1], "--") != 0)
		usage();
	bool from_stdin = !strcmp(argv[optind], "-");
	const char *name = from_stdin ? "stdin" : argv[optind];
	FILE *in = from_stdin ? stdin : fopen(name, "re");
	if (!in)
		err(BD_FATAL, "%s", name);
	static struct options o;
	if (options_read(&o, in, name) < 0)
		return ferror(in) ? BD_FATAL : BD_USAGE;
	char **arguments = nul ? read_arguments(in, name) : argv + optind + 2;
	int status = options_parse(&o, arguments) < 0 ? wrong_usage(&o) : answer(&o, shell);
	for (char **a = arguments; nul && *a; a++)
		free(*a);
	if (nul)
		free(arguments);
	return bd_finish(status);
}
