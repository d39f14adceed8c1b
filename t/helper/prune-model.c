/* prune-model - holds bd-prune against random histories: prune-model SEED COUNT
 *
 * What must be kept is told here from the words of restic's manual, rule by rule and from sets of names ("for the
 * last N days that have one or more snapshots, keep the most recent one of each day"), and shares nothing with
 * bd-prune. Then what must hold whatever the policy is: see invariants(). */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 400, VOLUMES = 6, RULES = 6 };
enum state { WHOLE, UNSTAMPED, PARTIAL, UNREADABLE };
enum status { ABSENT, GOOD, FAILED, MISSING, DAMAGED, UNPROVEN };
enum dumps { NO_DATABASE, DUMPED, LACKING, LOST };

struct copy { /* of a volume */
	enum status is;
	enum dumps dumps;
	bool files, bad_files, bad_dumps;
};

struct gen {
	char name[15];
	enum state state;
	struct copy has[VOLUMES];
	bool want, kept;
};

static struct gen gen[MANY]; /* the oldest first */
static int count;
static bool exists[VOLUMES], known;
static long rule[RULES];
static char now[15];
static long seen_removed, seen_kept, seen_stand_in;

extern char **environ;

static unsigned
rnd(unsigned below)
{
	static unsigned long long x;
	if (!x)
		x = (unsigned long long)random() * 2654435761u + 88172645463325252u;
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return (unsigned)((x >> 11) % below);
}

/* ---- a history ---- */

static void
local_name(time_t t, char name[15])
{
	strftime(name, 15, "%Y%m%d%H%M%S", localtime(&t));
}

/* As bd-partial does: never a name that is not above the last. */
static void
next_name(time_t t, char name[15])
{
	local_name(t, name);
	if (count == 0 || strcmp(name, gen[count - 1].name) > 0)
		return;
	struct tm tm = {0};
	strptime(gen[count - 1].name, "%Y%m%d%H%M%S", &tm);
	t = timegm(&tm) + 1;
	gmtime_r(&t, &tm);
	strftime(name, 15, "%Y%m%d%H%M%S", &tm);
}

static struct copy
random_copy(int v, enum state state, unsigned fails)
{
	static const enum dumps dumps[16] = {NO_DATABASE, LACKING, LACKING, LACKING, LOST, DUMPED, DUMPED, DUMPED, DUMPED, DUMPED, DUMPED,
	    DUMPED, DUMPED, DUMPED, DUMPED, DUMPED};
	struct copy c = {.dumps = v % 2 ? dumps[rnd(16)] : NO_DATABASE, .files = rnd(20) != 0, .bad_files = rnd(30) == 0};
	c.bad_dumps = c.dumps == LOST || (c.dumps == DUMPED && rnd(8) == 0);
	c.is = state == PARTIAL ? UNPROVEN : rnd(100) < fails ? FAILED : !c.files && c.dumps != DUMPED ? MISSING :
	    c.bad_files || c.bad_dumps ? DAMAGED : GOOD;
	return c;
}

static void
fill(struct gen *g, const unsigned born[], const unsigned dead[], const unsigned fails[], unsigned partial)
{
	unsigned roll = rnd(100);
	g->state = roll < partial ? PARTIAL : roll < partial + 4 ? UNREADABLE : roll < partial + 8 ? UNSTAMPED : WHOLE;
	for (int v = 0; v < VOLUMES; v++) {
		unsigned at = (unsigned)count;
		if (at >= born[v] && at < dead[v] && g->state != UNREADABLE)
			g->has[v] = random_copy(v, g->state, fails[v]);
	}
}

static void
history(void)
{
	unsigned born[VOLUMES], dead[VOLUMES], fails[VOLUMES], partial = rnd(3) * 10;
	unsigned size = rnd(4) ? rnd(60) : rnd(MANY - 40), step = rnd(3);
	time_t t = 1700000000 + (time_t)rnd(100000000);
	for (int v = 0; v < VOLUMES; v++) {
		born[v] = rnd(2) ? 0 : rnd(size + 1);
		dead[v] = rnd(3) ? MANY : rnd(size + 1);
		fails[v] = rnd(3) ? 0 : rnd(4) ? rnd(30) : 100;
		exists[v] = rnd(4) != 0;
	}
	known = rnd(4) != 0;
	for (count = 0; count < (int)size;) {
		/* nightly at 02:30, the hour that summer time takes and gives; or a few a day; or now and then */
		struct tm tm;
		t += step == 0 ? 86400 : step == 1 ? 3600 + (time_t)rnd(30000) : (time_t)rnd(3000000);
		if (step == 0) {
			localtime_r(&t, &tm);
			tm.tm_hour = 2, tm.tm_min = 30, tm.tm_sec = 0, tm.tm_isdst = -1;
			t = mktime(&tm);
		}
		if (rnd(8) == 0) /* a missed night */
			continue;
		if (rnd(40) == 0) /* the clock steps back */
			t -= (time_t)rnd(400000);
		struct gen *g = &gen[count];
		memset(g, 0, sizeof *g);
		next_name(t, g->name);
		fill(g, born, dead, fails, partial);
		count++;
	}
	local_name(t + 10, now);
	if (count && strcmp(now, gen[count - 1].name) < 0)
		strcpy(now, gen[count - 1].name);
	/* a few from a time that has not come, and one whose name is no date */
	for (unsigned n = rnd(5) ? 0 : 1 + rnd(3); n && count < MANY - 2; n--, count++) {
		memset(&gen[count], 0, sizeof *gen);
		snprintf(gen[count].name, 15, "2099%02u01000000", 1 + (unsigned)count % 12);
		if (strcmp(gen[count].name, gen[count - 1 + !count].name) <= 0 && count)
			break;
		fill(&gen[count], born, dead, fails, partial);
	}
	if (rnd(8) == 0) {
		memset(&gen[count], 0, sizeof *gen);
		snprintf(gen[count].name, 15, "20991331000000");
		fill(&gen[count++], born, dead, fails, partial);
	}
	for (int r = 0; r < RULES; r++)
		rule[r] = rnd(2) ? 0 : rnd(12) == 0 ? -1 : 1 + (long)rnd(r == 0 ? 5 : 12);
	rule[rnd(RULES)] = 1 + (long)rnd(9);
}

/* ---- the model ---- */

static bool
dated(const struct gen *g)
{
	return strcmp(g->name + 4, "1331000000") != 0;
}

static bool
future(const struct gen *g)
{
	return strcmp(g->name, now) > 0;
}

static bool
complete(const struct gen *g)
{
	return g->state == WHOLE || g->state == UNSTAMPED;
}

static bool
asked(const struct gen *g)
{
	return g->state != UNREADABLE && dated(g) && !future(g);
}

/* The name of the period of the rule in which the generation lies. */
static void
period(int r, const char *name, char out[20])
{
	static const int digits[RULES] = {14, 10, 8, 0, 6, 4};
	snprintf(out, 20, "%.*s", digits[r], name);
	if (r != 3)
		return;
	int y, m, d;
	sscanf(name, "%4d%2d%2d", &y, &m, &d);
	struct tm tm = {.tm_year = y - 1900, .tm_mon = m - 1, .tm_mday = d, .tm_hour = 12};
	timegm(&tm);
	strftime(out, 20, "%GW%V", &tm);
}

/* Marks what the policy wants of those in the list. */
static void
wanted(const bool in[], bool want[])
{
	memset(want, 0, MANY * sizeof *want);
	for (int r = 0; r < RULES; r++) {
		long periods = 0;
		int oldest = -1;
		for (int i = 0; i < count; i++) {
			if (!in[i])
				continue;
			if (oldest < 0)
				oldest = i;
			/* how many later periods have one? and is this the most recent of its own? */
			char mine[20], other[20], last[20] = "";
			long later = 0;
			bool newest = true;
			period(r, gen[i].name, mine);
			for (int k = i + 1; k < count; k++) {
				if (!in[k])
					continue;
				period(r, gen[k].name, other);
				if (!strcmp(other, mine))
					newest = false;
				else if (strcmp(other, last)) {
					later++;
					strcpy(last, other);
				}
			}
			periods += newest;
			if (newest && rule[r] && (rule[r] < 0 || later < rule[r]))
				want[i] = true;
		}
		/* "the oldest is kept as well if there are not enough" */
		if (oldest >= 0 && rule[r] && (rule[r] < 0 || periods < rule[r]))
			want[oldest] = true;
	}
}

static int
volumes(const struct gen *g)
{
	int n = 0;
	for (int v = 0; v < VOLUMES; v++)
		n += g->has[v].is != ABSENT;
	return n;
}

/* Three questions about the dumps of a volume, or all of its copy: is there any? was it found damaged? can it be believed? */
static bool
there(const struct copy *c, bool dumps)
{
	if (dumps)
		return c->is != ABSENT && c->dumps == DUMPED;
	return c->is == GOOD || c->is == DAMAGED || (c->is == UNPROVEN && (c->files || c->dumps == DUMPED));
}

static bool
spoiled(const struct copy *c, bool dumps)
{
	return dumps ? c->bad_dumps : c->files ? c->bad_files : c->bad_dumps;
}

static bool
good(const struct copy *c, bool dumps)
{
	return there(c, dumps) && !spoiled(c, dumps) && c->is != UNPROVEN;
}

/* Marks what must stay for the volume: the newest good one; without any, the newest undamaged and the newest damaged one. */
static void
last_ones(int v, bool dumps, bool stays[])
{
	int best = -1, sound = -1, bad = -1;
	for (int i = 0; i < count; i++) {
		const struct copy *c = &gen[i].has[v];
		if (good(c, dumps))
			best = i;
		else if (there(c, dumps) && spoiled(c, dumps))
			bad = i;
		else if (there(c, dumps))
			sound = i;
	}
	for (int i = 0; i < count; i++)
		stays[i] = best < 0 ? i == sound || i == bad : i == best;
}

/* What else the rules keep for a volume, of the generations in which it did not fail. */
static void
stand_in(int v, bool dumps)
{
	bool in[MANY], want[MANY];
	for (int i = 0; i < count; i++) {
		const struct copy *c = &gen[i].has[v];
		in[i] = asked(&gen[i]) && complete(&gen[i]) && (c->is == ABSENT || good(c, dumps) || (dumps && c->dumps == NO_DATABASE));
	}
	wanted(in, want);
	for (int i = 0; i < count; i++)
		if (want[i] && good(&gen[i].has[v], dumps)) {
			seen_stand_in += !gen[i].want;
			gen[i].want = true;
		}
}

static void
model_volume(int v, bool dumps)
{
	bool stays[MANY];
	last_ones(v, dumps, stays);
	for (int i = 0; i < count; i++)
		gen[i].want = gen[i].want || stays[i];
	stand_in(v, dumps);
}

static void
model(void)
{
	bool in[MANY], want[MANY];
	int newest = -1;
	for (int i = 0; i < count; i++) {
		gen[i].want = !asked(&gen[i]);
		if (asked(&gen[i]) && complete(&gen[i]))
			newest = i;
	}
	if (newest >= 0)
		gen[newest].want = true;
	for (int i = newest + 1; i < count; i++)
		gen[i].want = true;
	for (int i = 0; i < count; i++)
		in[i] = asked(&gen[i]) && complete(&gen[i]);
	wanted(in, want);
	for (int i = 0; i < count; i++)
		gen[i].want = gen[i].want || want[i];
	/* what is not proven is kept where it would be if it were, at the cost of nothing that is */
	for (int i = 0; i < count; i++)
		in[i] = asked(&gen[i]);
	wanted(in, want);
	for (int i = 0; i < count; i++)
		gen[i].want = gen[i].want || (want[i] && !complete(&gen[i]));
	for (int i = count - 1; i >= 0; i--)
		if (asked(&gen[i]) && complete(&gen[i]) && volumes(&gen[i])) {
			gen[i].want = true;
			break;
		}
	for (int v = 0; v < VOLUMES; v++)
		if (!known || exists[v])
			for (int dumps = 0; dumps < 2; dumps++)
				model_volume(v, dumps);
}

/* ---- bd-prune ---- */

static FILE *
out(const char *name)
{
	FILE *f = fopen(name, "w");
	if (!f)
		err(3, "%s", name);
	return f;
}

static const char *const states[] = {"whole", "unstamped", "partial", "unreadable"};

static void
write_copy(FILE *out, const struct gen *g, int v)
{
	static const char *const statuses[] = {"", "good", "failed", "missing", "damaged", "unproven"};
	static const char *const flags[] = {"no\tno", "yes\tyes", "yes\tno", "yes\tyes"};
	const struct copy *c = &g->has[v];
	if (c->is != ABSENT)
		fprintf(out, "/b/r\t%s\t%s\tv%d\t%s\t%s\t%d\t%s\t-\t%s\n", g->name, states[g->state], v, statuses[c->is], c->files ? "yes" : "no",
		    c->dumps == DUMPED ? 2 : 0, flags[c->dumps], c->bad_files ? c->bad_dumps ? "both" : "files" : c->bad_dumps ? "dumps" : "-");
}

static void
write_history(bool only_kept)
{
	FILE *g = out("generations"), *c = out("copies"), *e = out("existing");
	for (int i = 0; i < count; i++) {
		if (only_kept && !gen[i].kept)
			continue;
		fprintf(g, "/b/r\t%s\t-\t%s\t%d\t-\t-\t-\t-\t-\n", gen[i].name, states[gen[i].state], volumes(&gen[i]));
		for (int v = 0; v < VOLUMES; v++)
			write_copy(c, &gen[i], v);
	}
	for (int v = 0; v < VOLUMES; v++)
		if (exists[v])
			fprintf(e, "v%d\tlocal\t/x\tplain\t-\n", v);
	if (fclose(g) || fclose(c) || fclose(e))
		err(3, "history");
}

/* Runs it; marks what is kept; the number removed. */
static int
prune(bool always)
{
	static char number[RULES][16];
	const char *argv[32] = {"bd-prune"};
	int n = 1, status, removed = 0;
	for (int r = 0; r < RULES && !always; r++)
		if (rule[r]) {
			snprintf(number[r], sizeof number[r], "-%c%ld", "lHdwmy"[r], rule[r]);
			argv[n++] = number[r];
		}
	if (always)
		argv[n++] = "-a";
	if (known)
		argv[n++] = "-e", argv[n++] = "existing";
	argv[n++] = "-t", argv[n++] = now, argv[n++] = "generations", argv[n++] = "copies";
	posix_spawn_file_actions_t to;
	posix_spawn_file_actions_init(&to);
	posix_spawn_file_actions_addopen(&to, 1, "verdicts", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = argv}; /* posix_spawnp(3) does not write to them */
	pid_t pid;
	if (posix_spawnp(&pid, "bd-prune", &to, NULL, args.out, environ) != 0)
		errx(3, "bd-prune cannot be run");
	posix_spawn_file_actions_destroy(&to);
	if (waitpid(pid, &status, 0) < 0 || status)
		errx(1, "bd-prune ended with %d", status);
	FILE *f = fopen("verdicts", "r");
	char name[15], verdict[8], why[4000];
	int at = 0;
	while (f && fscanf(f, "/b/r %14s %7s %3999[^\n]\n", name, verdict, why) == 3) {
		while (at < count && strcmp(gen[at].name, name))
			gen[at++].kept = false;
		if (at == count)
			errx(1, "%s: no such generation, or not in order", name);
		gen[at++].kept = !strcmp(verdict, "keep");
		removed += !strcmp(verdict, "remove");
	}
	if (!f || !feof(f))
		errx(1, "verdicts: malformed");
	while (at < count)
		gen[at++].kept = false;
	fclose(f);
	return removed;
}

static void
wrong(const char *what, const char *name)
{
	errx(1, "%s %s; now %s, rules %ld %ld %ld %ld %ld %ld", name, what, now, rule[0], rule[1], rule[2], rule[3], rule[4], rule[5]);
}

/* What must hold of what is kept, in words of its own. */
static void
invariants(void)
{
	bool any = false, kept_any = false;
	for (int i = 0; i < count; i++) {
		if (gen[i].state == UNREADABLE && !gen[i].kept)
			wrong("cannot be read, and is removed", gen[i].name);
		if (!complete(&gen[i]) || !asked(&gen[i]))
			continue;
		any = true;
		kept_any = kept_any || gen[i].kept;
	}
	if (any && !kept_any)
		wrong("no complete one is left", "-");
	for (int v = 0; v < VOLUMES; v++) {
		if (known && !exists[v])
			continue;
		for (int dumps = 0; dumps < 2; dumps++) {
			bool stays[MANY];
			last_ones(v, dumps, stays);
			for (int i = 0; i < count; i++)
				if (stays[i] && !gen[i].kept)
					wrong(dumps ? "has the last dumps of an existing volume" : "has the last copy of an existing volume", gen[i].name);
		}
	}
}

static void
check(void)
{
	write_history(false);
	seen_removed += prune(true);
	invariants();
	model();
	prune(false);
	invariants();
	for (int i = 0; i < count; i++) {
		if (gen[i].kept != gen[i].want)
			wrong(gen[i].want ? "should be kept" : "should be removed", gen[i].name);
		seen_kept += gen[i].kept;
	}
	/* and once more, over what is left: nothing goes */
	write_history(true);
	if (prune(false) != 0)
		wrong("a second time it removes something", "-");
}

int
main(int argc, char *argv[])
{
	if (argc != 3)
		errx(2, "usage: prune-model SEED COUNT");
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	srandom((unsigned)atoi(argv[1]));
	for (int i = 0; i < atoi(argv[2]); i++) {
		history();
		check();
	}
	printf("%s histories, %ld generations kept, %ld kept for one volume alone, %ld more could go\n", argv[2], seen_kept,
	    seen_stand_in, seen_removed);
	return 0;
}
