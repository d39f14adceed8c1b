/* bd-generations - lists the generations of repositories, the oldest first:
 * repository generation time state volumes failed dumps new shared only. With -v their volumes:
 * repository generation state volume status files dumps database dumped engine damage. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holdings.h"
#include "tree.h"
#include "usage.h"

static struct holdings all = {.bad = -1};
static struct usage *usage_of;
static int status;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-generations [-sV] [-c COPIES [-x BAD]] REPOSITORY...\n"
	                "       bd-generations -v [-x BAD] REPOSITORY...\n");
	exit(BD_USAGE);
}

static int
open_generation(void *arg, size_t i)
{
	const struct generation *g = arg;
	return generation_open(&g[i]);
}

static const char *
label(void *arg, size_t i)
{
	const struct generation *g = arg;
	return g[i].path;
}

/* Each repository for itself. */
static int
measure(void)
{
	usage_of = xcalloc(all.count + 1, sizeof *usage_of);
	for (size_t i = 0, n; i < all.count; i += n) {
		struct generation *g = &all.generation[i];
		for (n = 1; i + n < all.count && g[n].repo == g->repo; n++)
			;
		if (usage_measure(usage_of + i, n, open_generation, label, g) < 0)
			return -1;
		for (size_t k = i; k < i + n; k++)
			if (!usage_of[k].known && !generation_gone(&all.generation[k]))
				status = BD_FAILED;
	}
	return 0;
}

static int
print_generation(const struct generation *g, const struct usage *u)
{
	struct tm tm;
	time_t when = generation_time(g->name, &tm);
	bool counted = generation_readable(g), sized = u && u->known;
	uintmax_t failed = 0, dumps = 0;
	for (size_t i = 0; i < g->holdings; i++) {
		failed += g->holding[i].failed;
		dumps += g->holding[i].dumps;
	}
	return TSV_WRITE(stdout, g->repo, g->name, when < 0 ? NULL : tsv_num((uintmax_t)when).text, g->state,
	    counted ? tsv_num(g->holdings).text : NULL, counted ? tsv_num(failed).text : NULL,
	    counted ? tsv_num(dumps).text : NULL, sized ? tsv_num(u->fresh).text : NULL,
	    sized ? tsv_num(u->shared).text : NULL, sized ? tsv_num(u->only).text : NULL);
}

/* Dumps that the manifest names and that are not there are not as they should be, too. */
static const char *
damage_of(const struct holding *v)
{
	bool spoiled = v->spoiled || (field_is(v->dumped, "yes") && !v->dumps);
	return v->damaged ? spoiled ? "both" : "files" : spoiled ? "dumps" : NULL;
}

static const char *
status_of(const struct generation *g, const struct holding *v)
{
	if (!strcmp(g->state, "partial"))
		return "unproven";
	return v->failed ? "failed" : !v->files && !v->dumps ? "missing" : damage_of(v) ? "damaged" : "good";
}

static int
print_volume(FILE *out, const struct generation *g, const struct holding *v)
{
	return TSV_WRITE(out, g->repo, g->name, g->state, v->name, status_of(g, v), v->files ? "yes" : "no",
	    tsv_num(v->dumps).text, v->database, v->dumped, v->engine, damage_of(v));
}

static int
print_generations(void)
{
	int rc = 0;
	for (size_t i = 0; i < all.count && rc == 0; i++)
		rc = print_generation(&all.generation[i], usage_of ? &usage_of[i] : NULL);
	return rc;
}

static int
print_volumes(FILE *out)
{
	int rc = 0;
	for (size_t i = 0; i < all.count && rc == 0; i++)
		for (size_t v = 0; v < all.generation[i].holdings && rc == 0; v++)
			rc = print_volume(out, &all.generation[i], &all.generation[i].holding[v]);
	return rc;
}

static int
print_volumes_to(const char *path)
{
	FILE *out = fopen(path, "we");
	int rc = out ? print_volumes(out) : -1;
	if (!out || fclose(out) != 0) {
		warn("%s", path);
		rc = -1;
	}
	return rc;
}

int
main(int argc, char *argv[])
{
	bool sizes = false, of_volumes = false;
	const char *copies = NULL;
	bd_start();
	for (int c; (c = getopt(argc, argv, "c:svVx:")) != -1;)
		switch (c) {
		case 'c': copies = optarg; break;
		case 's': sizes = true; break;
		case 'v': of_volumes = true; break;
		case 'V': bd_version();
		case 'x': all.bad = folder_open(optarg); break;
		default: usage();
		}
	if (optind == argc || (of_volumes && (sizes || copies)) || (all.bad >= 0 && !of_volumes && !copies))
		usage();
	for (int i = optind; i < argc; i++)
		if (holdings_find(&all, argv[i]) < 0)
			status = BD_FAILED;
	int rc = holdings_read(&all);
	status = rc > status ? rc : status;
	if (status == BD_FATAL || (sizes && measure() < 0))
		return BD_FATAL;
	if ((of_volumes ? print_volumes(stdout) : print_generations()) < 0 || (copies && print_volumes_to(copies) < 0))
		status = BD_FATAL;
	return bd_finish(status);
}
