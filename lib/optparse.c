/* optparse.c - argparse's reading of a command line. As there, every argument is
 * first classified, from the table alone, as an option or a value; only then are
 * options given their values, in order. So no option ever swallows another one. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

struct token {
	enum { VALUE, OPTION, END } is;
	struct opt *opt;     /* NULL: no option of ours */
	const char *spelled; /* long; NULL for short ones */
	char *arg;           /* after =, or the rest of a cluster of short options; NULL: none */
};

static int __attribute__((format(printf, 2, 3)))
wrong(struct options *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&o->wrong, fmt, ap) < 0)
		err(BD_FATAL, "memory");
	va_end(ap);
	return -1;
}

/* The reason is about one option: "argument -n/--dry-run: ..." */
static int __attribute__((format(printf, 3, 4)))
wrong_for(struct options *o, const struct opt *p, const char *fmt, ...)
{
	va_list ap;
	char *why, *label = options_label(p, "/");
	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		err(BD_FATAL, "memory");
	va_end(ap);
	wrong(o, "argument %s: %s", label, why);
	free(label);
	free(why);
	return -1;
}

/* Adds one to a list of words in a message. */
static void
add(char **list, const char *between, const char *before, const char *s)
{
	char *more = xasprintf("%s%s%s%s", *list ? *list : "", *list ? between : "", before, s);
	free(*list);
	*list = more;
}

char *
options_label(const struct opt *p, const char *between)
{
	char *label = NULL;
	if (p->kind == OPT_OPERAND)
		return xstrdup(options_choices(p) ? p->names[0] : p->metavar);
	for (size_t i = 0; i < p->count; i++)
		if (!p->names[i][1])
			add(&label, between, "-", p->names[i]);
	for (size_t i = 0; i < p->count; i++)
		if (p->names[i][1])
			add(&label, between, "--", p->names[i]);
	return label;
}

bool
options_choices(const struct opt *p)
{
	return strchr(p->metavar, '|');
}

static bool
is_flag(const struct opt *p)
{
	return p->kind == OPT_FLAG || p->kind == OPT_ALONE;
}

static struct opt *
find_short(const struct options *o, char letter)
{
	for (struct opt *p = o->opt; p < o->opt + o->count; p++)
		for (size_t i = 0; i < p->count; i++)
			if (p->names[i][0] == letter && !p->names[i][1])
				return p;
	return NULL;
}

/* Looks for name[0..len) among the long names of one origin: an exact one, else
 * those it is a prefix of. Returns how many distinct options that are; the
 * first is in *k, and each of their names is appended to *names. */
static size_t
find_long(const struct options *o, bool ours, const char *name, size_t len, struct token *k, char **names)
{
	size_t found = 0;
	for (struct opt *p = o->opt; p < o->opt + o->count; p++) {
		bool counted = false;
		for (size_t i = 0; i < p->count && p->kind != OPT_OPERAND && p->ours == ours; i++) {
			const char *n = p->names[i];
			if (!n[1] || strncmp(n, name, len) != 0)
				continue;
			if (!n[len]) {
				k->opt = p;
				k->spelled = n;
				return 1;
			}
			if (!found) {
				k->opt = p;
				k->spelled = n;
			}
			found += !counted;
			counted = true;
			add(names, ", ", "--", n);
		}
	}
	return found;
}

static int
classify_long(struct options *o, char *arg, struct token *k)
{
	const char *name = arg + 2;
	size_t len = strcspn(name, "=");
	k->arg = arg[2 + len] ? arg + 2 + len + 1 : NULL;
	for (int ours = 0; ours <= 1; ours++) {
		char *names = NULL;
		size_t found = find_long(o, ours, name, len, k, &names);
		if (found > 1)
			wrong(o, "ambiguous option: %s could match %s", arg, names);
		free(names);
		if (found)
			return found > 1 ? -1 : 0;
	}
	return 0;
}

/* A cluster is known when each letter is, up to the one that takes the rest. */
static void
classify_short(const struct options *o, char *arg, struct token *k)
{
	for (char *s = arg + 1; *s && *s != '='; s++) {
		struct opt *p = find_short(o, *s);
		if (!p)
			return;
		if (!is_flag(p))
			break;
	}
	if ((k->opt = find_short(o, arg[1])))
		k->arg = arg[2] ? arg + 2 : NULL;
}

static bool
is_negative_number(const char *s)
{
	static const char digits[] = "0123456789";
	size_t whole = strspn(++s, digits);
	if (s[whole] != '.')
		return whole && !s[whole];
	size_t part = strspn(s + whole + 1, digits);
	return part && !s[whole + 1 + part];
}

static int
classify(struct options *o, char *arg, struct token *k)
{
	*k = (struct token){.is = VALUE};
	if (arg[0] != '-' || !arg[1])
		return 0;
	if (!strcmp(arg, "--")) {
		k->is = END;
		return 0;
	}
	if (arg[1] != '-')
		classify_short(o, arg, k);
	else if (classify_long(o, arg, k) < 0)
		return -1;
	if (k->opt || !(is_negative_number(arg) || strchr(arg, ' ')))
		k->is = OPTION;
	return 0;
}

static int
check_value(struct options *o, const struct opt *p, const char *value)
{
	if (p->kind == OPT_VALUE1 && !*value)
		return wrong_for(o, p, "expected an argument that is not empty");
	if (p->kind == OPT_NUMBER && (*value == '0' || !*value || value[strspn(value, "0123456789")]))
		return wrong_for(o, p, "invalid number: '%s'", value);
	if (!options_choices(p))
		return 0;
	char *all = xstrdup(p->metavar), *rest = all, *names = NULL;
	bool found = false;
	for (char *choice; (choice = strsep(&rest, "|"));) {
		found = found || !strcmp(choice, value);
		add(&names, "', '", "", choice);
	}
	if (!found)
		wrong_for(o, p, "invalid choice: '%s' (choose from '%s')", value, names);
	free(all);
	free(names);
	return found ? 0 : -1;
}

/* The last of a repeated option counts, so this forgets what an earlier one said. */
static void
set(struct options *o, struct opt *p, const char *spelled, char **value, size_t values)
{
	for (size_t i = 0; i < values; i++)
		if (check_value(o, p, value[i]) < 0)
			return;
	p->given = true;
	p->spelled = spelled;
	for (size_t i = 0; !p->spelled; i++)
		if (p->names[i][1])
			p->spelled = p->names[i];
	p->value = xrealloc(p->value, values + 1, sizeof *p->value);
	for (p->values = 0; p->values < values; p->values++)
		p->value[p->values] = value[p->values];
}

/* Gives the option at token[0] its values. Returns how many further arguments those are. */
static size_t
take(struct options *o, char *argv[], const struct token *token)
{
	struct opt *p = token->opt;
	char *arg = token->arg;
	const char *spelled = token->spelled;
	while (is_flag(p)) {
		if (arg && (spelled || *arg == '=')) {
			wrong_for(o, p, "ignored explicit argument '%s'", arg + (spelled ? 0 : 1));
			return 0;
		}
		set(o, p, spelled, NULL, 0);
		if (p->kind == OPT_ALONE)
			o->alone = p;
		if (o->alone || !arg)
			return 0;
		p = find_short(o, *arg); /* there is one, classify_short made sure */
		arg = arg[1] ? arg + 1 : NULL;
	}
	if (arg) {
		arg += !spelled && *arg == '=';
		set(o, p, spelled, &arg, 1);
		return 0;
	}
	bool list = p->kind == OPT_LIST0 || p->kind == OPT_LIST1;
	size_t n = 0;
	while (argv[1 + n] && token[1 + n].is == VALUE && (list || n < 1))
		n++;
	if (!n && p->kind != OPT_LIST0)
		wrong_for(o, p, list ? "expected at least one argument" : "expected one argument");
	else
		set(o, p, spelled, argv + 1, n);
	return n;
}

static int
assign(struct options *o, char *argv[], const struct token *token)
{
	struct opt *operand = o->opt, *end = o->opt + o->count;
	char *superfluous = NULL;
	for (size_t i = 0, next; argv[i] && !o->alone && !o->wrong; i = next) {
		const struct opt *p = token[i].is == OPTION ? token[i].opt : NULL;
		while (operand < end && operand->kind != OPT_OPERAND)
			operand++;
		next = i + 1;
		if (p)
			next += take(o, argv + i, token + i);
		else if (token[i].is == VALUE && operand < end)
			set(o, operand++, NULL, argv + i, 1);
		else if (token[i].is != END)
			add(&superfluous, " ", "", argv[i]);
		if (p && p->kind == OPT_SECRET)
			o->secret = true;
		else
			while (i < next)
				o->other[o->others++] = argv[i++];
	}
	if (superfluous && !o->alone && !o->wrong)
		wrong(o, "unrecognized arguments: %s", superfluous);
	free(superfluous);
	return o->wrong ? -1 : 0;
}

/* An empty list asks for nothing, so it conflicts with nothing. */
static bool
counts(const struct opt *p)
{
	return p->given && (is_flag(p) || p->values);
}

static int
check_require(struct options *o, const struct opt_rule *r)
{
	char *names = NULL;
	for (size_t i = 0; i < r->count; i++)
		if (counts(&o->opt[r->member[i]]))
			return 0;
	for (size_t i = 0; i < r->count; i++) {
		char *label = options_label(&o->opt[r->member[i]], "/");
		add(&names, " ", "", label);
		free(label);
	}
	wrong(o, "one of the arguments %s is required", names);
	free(names);
	return -1;
}

static int
check_pairs(struct options *o, const struct opt_rule *r)
{
	for (size_t i = 1; i < r->count; i++)
		for (size_t j = 0; j < i; j++) {
			const struct opt *a = &o->opt[r->member[j]], *b = &o->opt[r->member[i]];
			if (!counts(a) || counts(b) != (r->kind == OPT_EXCLUDE))
				continue;
			char *other = options_label(b, "/");
			wrong_for(o, a, "%s argument %s", r->kind == OPT_EXCLUDE ? "not allowed with" : "needs", other);
			free(other);
			return -1;
		}
	return 0;
}

static int
check(struct options *o)
{
	char *missing = NULL;
	for (const struct opt *p = o->opt; p < o->opt + o->count; p++)
		if (p->required && !p->given) {
			char *label = options_label(p, "/");
			add(&missing, ", ", "", label);
			free(label);
		}
	if (missing) {
		wrong(o, "the following arguments are required: %s", missing);
		free(missing);
		return -1;
	}
	for (const struct opt_rule *r = o->rule; r < o->rule + o->rules; r++)
		if ((r->kind == OPT_REQUIRE ? check_require(o, r) : check_pairs(o, r)) < 0)
			return -1;
	return 0;
}

int
options_parse(struct options *o, char *argv[])
{
	size_t count = 0;
	while (argv[count])
		count++;
	struct token *token = xcalloc(count + 1, sizeof *token);
	int status = 0;
	o->other = xcalloc(count + 1, sizeof *o->other);
	for (size_t i = 0; i < count && !status; i++) {
		status = classify(o, argv[i], &token[i]);
		if (token[i].is == END)
			break;
	}
	if (!status)
		status = assign(o, argv, token);
	free(token);
	return status < 0 || o->alone ? status : check(o);
}
