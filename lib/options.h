/* options.h - option syntax as Python's argparse has it, from a table that is text.
 *
 *   optspec.c    reads the table           optparse.c   matches a command line with it
 *   opthelp.c    writes usage and help     bd-options(1) documents table and syntax */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "bd.h"

enum opt_kind {
	OPT_FLAG,
	OPT_ALONE, /* a flag that ends the parsing */
	OPT_VALUE0,
	OPT_VALUE1, /* a value that is not empty */
	OPT_NUMBER, /* a whole number above 0 */
	OPT_LIST0,
	OPT_LIST1, /* a list that is not empty */
	OPT_SECRET, /* a value that is to be in nobody's argv */
	OPT_OPERAND,
};

struct opt {
	enum opt_kind kind;
	bool ours;     /* never makes a prefix of one that is not ours ambiguous */
	bool required; /* operands, but for operand0, and what stands alone in a `require` */
	char **names;  /* the first is its name; those of one letter are short options */
	size_t count;
	char *metavar; /* with | in it, the values there are; "-" for flags */
	char *help;

	/* What the command line said. */
	bool given;
	const char *spelled; /* the one of names that was meant, never a short one */
	char **value;        /* pointers into argv */
	size_t values;
};

struct opt_rule {
	enum opt_rule_kind { OPT_REQUIRE, OPT_EXCLUDE, OPT_NEED } kind;
	size_t *member; /* indices of options.opt */
	size_t count;
};

struct options {
	char *program, *about;
	struct opt *opt; /* the first is -h/--help */
	size_t count;
	struct opt_rule *rule;
	size_t rules;
	char **note;
	size_t notes;

	const struct opt *alone; /* the OPT_ALONE that was met */
	bool secret;             /* an OPT_SECRET was met */
	char **other;            /* the arguments but those, NULL-terminated */
	size_t others;
	char *wrong;             /* why the command line is wrong usage */
};

/* Reads the table, up to its end or a line `end`; name is the file's, for messages. -1: malformed or unreadable (said). */
int options_read(struct options *o, FILE *in, const char *name);

/* Matches the NULL-terminated arguments, which must outlive o; -1: wrong usage, with the reason in o->wrong. */
int options_parse(struct options *o, char *argv[]);

void options_usage(const struct options *o, FILE *out);
void options_help(const struct options *o, FILE *out);

/* "-n/--dry-run", or an operand's metavar, as messages name it; to be freed */
char *options_label(const struct opt *p, const char *between);
bool options_choices(const struct opt *p); /* is metavar a list of choices? */

#endif
