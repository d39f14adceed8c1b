/* optspec.c - reads the table of options. A line is words between blanks, the
 * first says what the line is; bd-options(1) lists them. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Cuts the next word off *rest; NULL at the end of the line. */
static char *
word(char **rest)
{
	char *s = *rest + strspn(*rest, " \t");
	if (!*s)
		return NULL;
	char *end = s + strcspn(s, " \t");
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return s;
}

/* What is left of the line; NULL if that is nothing. */
static char *
text(char *rest)
{
	rest += strspn(rest, " \t");
	for (size_t len = strlen(rest); len && isspace((unsigned char)rest[len - 1]); len--)
		rest[len - 1] = '\0';
	return *rest ? xstrdup(rest) : NULL;
}

static struct opt *
find(const struct options *o, const char *name)
{
	for (struct opt *p = o->opt; p < o->opt + o->count; p++)
		for (size_t i = 0; i < p->count; i++)
			if (!strcmp(p->names[i], name))
				return p;
	return NULL;
}

/* Short names are one letter; long ones also become names of shell variables. */
static bool
is_name(const char *s)
{
	if (!s[0] || !s[1])
		return s[0] && (strchr(letters, *s) || strchr(capitals, *s));
	return strchr(letters, *s) && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* An exact name of ours would take from the original's users a prefix they may be using. */
static int
check_prefix(const struct tsv *t, const struct options *o, bool ours, const char *name)
{
	for (const struct opt *p = o->opt; p < o->opt + o->count; p++)
		for (size_t i = 0; i < p->count; i++) {
			if (p->kind == OPT_OPERAND || p->ours == ours || !name[1] || !p->names[i][1])
				continue;
			const char *n = ours ? name : p->names[i], *old = ours ? p->names[i] : name;
			if (!strncmp(n, old, strlen(n)))
				return tsv_bad(t, "--%s, which is new, hides a prefix of --%s", n, old);
		}
	return 0;
}

static int
read_names(const struct tsv *t, const struct options *o, struct opt *p, char *list)
{
	for (char *name; (name = strsep(&list, ","));) {
		if (!is_name(name))
			return tsv_bad(t, "'%s' is no name of an option", name);
		if (!p->count && !name[1])
			return tsv_bad(t, "the first name must be a long one, not '%s'", name);
		if (p->count && p->kind == OPT_OPERAND)
			return tsv_bad(t, "an operand has one name");
		if (p->kind == OPT_SECRET && !name[1])
			return tsv_bad(t, "a secret has long names only");
		if (find(o, name))
			return tsv_bad(t, "'%s' is there already", name);
		if (p->kind != OPT_OPERAND && check_prefix(t, o, p->ours, name) < 0)
			return -1;
		p->names = xrealloc(p->names, p->count + 1, sizeof *p->names);
		p->names[p->count++] = xstrdup(name);
	}
	return 0;
}

static int
read_option(const struct tsv *t, struct options *o, enum opt_kind kind, char *rest)
{
	const char *origin = word(&rest);
	char *names = word(&rest);
	const char *metavar = word(&rest);
	if (origin && strcmp(origin, "o") && strcmp(origin, "n"))
		return tsv_bad(t, "origin must be o or n, not '%s'", origin);
	char *help = text(rest);
	if (!help)
		return tsv_bad(t, "an option is: KIND ORIGIN NAME[,NAME...] METAVAR HELP...");
	o->opt = xrealloc(o->opt, o->count + 1, sizeof *o->opt);
	struct opt *p = &o->opt[o->count++];
	*p = (struct opt){.kind = kind, .ours = *origin == 'n', .required = kind == OPT_OPERAND, .help = help};
	p->metavar = xstrdup(metavar);
	bool flag = kind == OPT_FLAG || kind == OPT_ALONE;
	if (flag != !strcmp(metavar, "-"))
		return tsv_bad(t, flag ? "a flag's metavar is -" : "only a flag has no metavar");
	return read_names(t, o, p, names);
}

static int
read_rule(const struct tsv *t, struct options *o, enum opt_rule_kind kind, char *rest)
{
	o->rule = xrealloc(o->rule, o->rules + 1, sizeof *o->rule);
	struct opt_rule *r = &o->rule[o->rules++];
	*r = (struct opt_rule){.kind = kind};
	for (const char *name; (name = word(&rest));) {
		const struct opt *p = find(o, name);
		if (!p || (p->kind == OPT_OPERAND && p->required) || p->kind == OPT_ALONE)
			return tsv_bad(t, "no option '%s' above", name);
		r->member = xrealloc(r->member, r->count + 1, sizeof *r->member);
		r->member[r->count++] = (size_t)(p - o->opt);
	}
	if (r->count < (kind == OPT_REQUIRE ? 1 : 2) || (kind == OPT_NEED && r->count > 2))
		return tsv_bad(t, "a rule is: require NAME... | exclude NAME NAME... | need NAME NAME");
	if (kind == OPT_REQUIRE && r->count == 1)
		o->opt[r->member[0]].required = true;
	return 0;
}

static int
read_text(const struct tsv *t, const char *what, char **to, char *rest)
{
	if (*to)
		return tsv_bad(t, "a second '%s'", what);
	return (*to = text(rest)) ? 0 : tsv_bad(t, "'%s' without text", what);
}

/* 1: this was the last. */
static int
read_line(const struct tsv *t, struct options *o, char *rest)
{
	static const char *const kind[] = {"flag", "alone", "value0", "value1", "number", "list0", "list1", "secret", "operand"};
	static const char *const rule[] = {"require", "exclude", "need"};
	const char *what = word(&rest);
	if (!what)
		return 0;
	for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
		if (!strcmp(what, kind[i]))
			return read_option(t, o, (enum opt_kind)i, rest);
	for (size_t i = 0; i < sizeof rule / sizeof *rule; i++)
		if (!strcmp(what, rule[i]))
			return read_rule(t, o, (enum opt_rule_kind)i, rest);
	if (!strcmp(what, "operand0")) {
		int rc = read_option(t, o, OPT_OPERAND, rest);
		o->opt[o->count - 1].required = false;
		return rc;
	}
	if (!strcmp(what, "program"))
		return read_text(t, what, &o->program, rest);
	if (!strcmp(what, "about"))
		return read_text(t, what, &o->about, rest);
	if (!strcmp(what, "end"))
		return 1;
	if (strcmp(what, "note"))
		return tsv_bad(t, "unknown word '%s'", what);
	char *note = text(rest);
	o->note = xrealloc(o->note, o->notes + 1, sizeof *o->note);
	o->note[o->notes++] = note ? note : xstrdup("");
	return 0;
}

int
options_read(struct options *o, FILE *in, const char *name)
{
	struct tsv t; /* only for its line and its messages: the table is not records */
	int status = 0;
	char help[] = "o help,h - show this help and exit";
	*o = (struct options){0};
	tsv_begin(&t, in, name);
	if (read_option(&t, o, OPT_ALONE, help) < 0)
		return -1;
	for (ssize_t len; !status && (len = getline(&t.buf, &t.cap, in)) >= 0;) {
		t.line++;
		if (t.buf[len - 1] != '\n' || strlen(t.buf) != (size_t)len)
			status = tsv_bad(&t, "NUL byte, or no end of line");
		else {
			t.buf[len - 1] = '\0';
			status = read_line(&t, o, t.buf);
		}
	}
	if (status > 0)
		status = 0;
	if (!status && ferror(in)) {
		warn("%s", name);
		status = -1;
	} else if (!status && (!o->program || !o->about))
		status = tsv_bad(&t, "no '%s' line", o->program ? "about" : "program");
	tsv_end(&t);
	return status;
}
