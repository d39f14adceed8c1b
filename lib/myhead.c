/* myhead.c - what begins a statement of a dump: what is told of it, what becomes of the statement, and how it is changed. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "myhead.h"

enum { WORDS = 32 }; /* before what CREATE creates */

struct judging {
	struct myhead *h;
	const struct myscript *m;
	struct mylex l;
};

static enum my_verdict
ask(const struct judging *j, const struct my_item *i)
{
	enum my_verdict v = j->m->judge ? j->m->judge(j->m->arg, i) : MY_PASS;
	j->h->skip = j->h->skip || v == MY_SKIP;
	return v;
}

/* The bytes of the head; the lexer goes on behind what takes their place. -1: the head is full. */
static int
replace(struct judging *j, const char *start, const char *end, const char *text)
{
	struct myhead *h = j->h;
	size_t len = strlen(text), from = (size_t)(start - h->text), to = (size_t)(end - h->text);
	if (h->len - (to - from) + len > sizeof h->text)
		return -1;
	memmove(h->text + from + len, h->text + to, h->len - to);
	memcpy(h->text + from, text, len);
	h->len = h->len - (to - from) + len;
	j->l.at = h->text + from + len;
	j->l.end = h->text + h->len;
	return 0;
}

/* USE, or what follows CREATE DATABASE, up to the name. */
static void
judge_database(struct judging *j)
{
	struct mylex *l = &j->l;
	while (mylex(l) == 'w' && (mylex_is(l, "IF") || mylex_is(l, "NOT") || mylex_is(l, "EXISTS")))
		;
	if (mylex_named(l))
		ask(j, &(struct my_item){.kind = MY_DATABASE, .name = l->text});
}

static bool
has_mode(const char *modes, const char *const names[])
{
	for (size_t i = 0; names[i]; i++)
		if (strcasestr(modes, names[i]))
			return true;
	return false;
}

/* The modes that include ANSI_QUOTES are those of sql_mode_expand() in the server. What is put back from a variable
 * is what the script began with, which has neither. */
static void
note_mode(struct mymode *mode, const char *modes)
{
	static const char *const escapes[] = {"NO_BACKSLASH_ESCAPES", NULL},
		*const quotes[] = {"ANSI", "ORACLE", "MSSQL", "POSTGRESQL", "DB2", "MAXDB", NULL};
	mode->no_escapes = has_mode(modes, escapes);
	mode->ansi = has_mode(modes, quotes);
}

static void
judge_variable(struct judging *j, const char *name)
{
	char lower[MYLEX_NAME];
	size_t n = 0;
	for (; name[n]; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	lower[n] = '\0';
	ask(j, &(struct my_item){.kind = MY_SET, .name = lower});
}

/* After @@, or where a name is assigned to: [GLOBAL|SESSION|LOCAL] [.] NAME, with the name in l->text. */
static void
skip_scope(struct mylex *l)
{
	if (!mylex_is(l, "GLOBAL") && !mylex_is(l, "SESSION") && !mylex_is(l, "LOCAL"))
		return;
	if (mylex(l) == '.')
		mylex(l);
}

/* Where a name may be assigned to; it is none in SET NAMES. */
static void
judge_assignment(struct judging *j)
{
	struct mylex *l = &j->l;
	skip_scope(l);
	struct mylex next = *l;
	if (mylex(&next) == ':')
		mylex(&next);
	if (next.kind != '=')
		return;
	judge_variable(j, l->text);
	if (strcasecmp(l->text, "sql_mode"))
		return;
	mylex(&next);
	note_mode(&j->h->mode, mylex_named(&next) ? next.text : "");
}

/* SET a = 1, @b = @@c, GLOBAL d = 'e' */
static void
judge_set(struct judging *j)
{
	struct mylex *l = &j->l;
	bool left = true;
	for (mylex(l); l->kind; mylex(l)) {
		if (l->kind == ',')
			left = true;
		else if (l->kind == '@' && l->at < l->end && *l->at == '@') {
			mylex(l);
			mylex(l);
			skip_scope(l);
			if (mylex_named(l))
				judge_variable(j, l->text);
			left = false; /* @@a = 1 has been judged, too */
		} else if (l->kind == '@') {
			mylex(l);
			left = false;
		} else if (left && mylex_named(l)) {
			judge_assignment(j);
			left = false;
		}
	}
}

/* The host behind a user: what is not quoted may hold more than a word. */
static bool
take_host(struct mylex *l)
{
	struct mylex next = *l;
	if (mylex(&next) != '@' || (mylex(&next), !mylex_named(&next)))
		return false;
	while (next.kind == 'w' && next.at < next.end && *next.at && strchr(".-%", *next.at) && /* localhost.localdomain */
	       !mylex_dashes(next.at, next.end)) {
		next.at++;
		while (next.at < next.end && mylex_in_word(*next.at))
			next.at++;
	}
	*l = next;
	return true;
}

/* What stands after DEFINER =. */
static const char *
judge_definer(struct judging *j)
{
	struct mylex *l = &j->l;
	char user[MYLEX_NAME];
	mylex(l);
	const char *from = l->start;
	if (!mylex_named(l) || mylex_is(l, "CURRENT_USER") || mylex_is(l, "CURRENT_ROLE"))
		return NULL;
	memcpy(user, l->text, sizeof user);
	bool host = take_host(l);
	if (ask(j, &(struct my_item){.kind = MY_DEFINER, .name = user, .host = host ? l->text : NULL}) != MY_MINE)
		return NULL;
	bool apart = l->at == l->end || !mylex_in_word(*l->at);
	return replace(j, from, l->at, apart ? "CURRENT_USER" : "CURRENT_USER ") < 0
		? "a definer cannot be replaced: the statement is too long" : NULL;
}

/* A table's engine stands behind its columns; a comment of a column that looks like it does no harm. */
static bool
knows_delete(const struct myhead *h)
{
	static const char *const engine[] = {") ENGINE=InnoDB", ") ENGINE=MyISAM", ") ENGINE=Aria"};
	for (size_t i = 0; i < sizeof engine / sizeof *engine; i++)
		if (memmem(h->text, h->len, engine[i], strlen(engine[i])))
			return true;
	return false;
}

static void
add_sequence(struct myhead *h, const char *name)
{
	char *lock = xasprintf(", %s WRITE", name);
	if (!h->sequences || !strstr(h->sequences, lock)) {
		char *all = xasprintf("%s%s", h->sequences ? h->sequences : "", lock);
		free(h->sequences);
		h->sequences = all;
	}
	free(lock);
}

/* After NEXTVAL: ( [`database` .] `sequence` ) */
static void
note_sequence(struct judging *j)
{
	struct mylex first = j->l;
	if (mylex(&first) != '(' || (mylex(&first), !mylex_named(&first)))
		return;
	struct mylex name = first, dot = first;
	if (mylex(&dot) == '.') {
		name = dot;
		mylex(&name);
		if (!mylex_named(&name))
			return;
	}
	const char *from = first.start;
	if (from != name.start && j->m->database && !strcmp(first.text, j->m->database))
		from = name.start;
	char *full = xasprintf("%.*s", (int)(name.at - from), from);
	add_sequence(j->h, full);
	j->l = name;
	if (from != first.start)
		replace(j, first.start, name.at, full); /* is shorter */
	free(full);
}

static void
judge_table(struct judging *j)
{
	struct myhead *h = j->h;
	h->deletes = knows_delete(h);
	free(h->sequences);
	h->sequences = NULL;
	while (mylex(&j->l))
		if (mylex_is(&j->l, "NEXTVAL"))
			note_sequence(j);
}

/* What it creates; NULL: another word, such as OR REPLACE. */
static const char *
find_thing(const struct mylex *l)
{
	static const char *const things[] = {"VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE", "TABLE",
		"SEQUENCE", "SERVER", "USER", "ROLE"};
	for (size_t i = 0; i < sizeof things / sizeof *things; i++)
		if (mylex_is(l, things[i]))
			return things[i];
	return NULL;
}

static const char *
judge_create(struct judging *j)
{
	struct mylex *l = &j->l;
	const char *thing = NULL, *why = NULL;
	for (int n = 0; n < WORDS && !thing && !why && mylex(l); n++) {
		if (mylex_is(l, "DATABASE") || mylex_is(l, "SCHEMA")) {
			judge_database(j);
			return NULL;
		}
		struct mylex next = *l;
		if (mylex_is(l, "DEFINER") && mylex(&next) == '=') {
			*l = next;
			why = judge_definer(j);
		} else
			thing = find_thing(l);
	}
	if (!thing || why)
		return why;
	if (!strcmp(thing, "TABLE"))
		judge_table(j);
	ask(j, &(struct my_item){.kind = MY_CREATE, .name = thing});
	return NULL;
}

/* LOCK TABLES `t` WRITE */
static void
judge_lock(struct judging *j)
{
	struct myhead *h = j->h;
	struct mylex *l = &j->l;
	mylex(l);
	if ((!mylex_is(l, "TABLES") && !mylex_is(l, "TABLE")) || (mylex(l), !mylex_named(l)))
		return;
	const struct my_item i = {.kind = MY_LOCK, .name = l->text, .emptied = h->deletes};
	if (ask(j, &i) == MY_EMPTY)
		h->after = xasprintf(" DELETE FROM %.*s", (int)(l->at - l->start), l->start);
	h->deletes = false;
	if (h->sequences)
		replace(j, h->text + h->len, h->text + h->len, h->sequences);
	free(h->sequences);
	h->sequences = NULL;
}

const char *
myhead_judge(struct myhead *h, const struct myscript *m)
{
	struct judging j = {.h = h, .m = m, .l = {.at = h->text, .end = h->text + h->len, .mode = h->mode}};
	h->skip = false;
	mylex(&j.l);
	if (mylex_is(&j.l, "USE"))
		judge_database(&j);
	else if (mylex_is(&j.l, "SET"))
		judge_set(&j);
	else if (mylex_is(&j.l, "LOCK"))
		judge_lock(&j);
	else if (mylex_is(&j.l, "CREATE"))
		return judge_create(&j);
	else if (mylex_is(&j.l, "DROP")) {
		mylex(&j.l);
		if (mylex_is(&j.l, "DATABASE") || mylex_is(&j.l, "SCHEMA"))
			judge_database(&j);
	}
	return NULL;
}
