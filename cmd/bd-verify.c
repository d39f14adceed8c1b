/* bd-verify - compares volumes of generations with what their contents.mtree say.
 *
 * Records that follow each other and are of one volume are verified together, so that an
 * inode is read once however many generations name it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "mtree.h"
#include "outdated.h"
#include "remember.h"

enum { COLUMNS = 4 }; /* generation volume path from */

struct job {
	char *generation, *volume, *path, *from; /* path, from: NULL where all is meant */
};

static struct job *jobs;
static size_t job_count;
static struct verify verify;
static uintmax_t budget; /* bytes, 0: no end */
static struct timespec deadline; /* CLOCK_MONOTONIC, 0: none */
static bool begun, wrong, spent;
static int repo = -1;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-verify [-qV] [-b BYTES] [-j JOBS] [-o FILE] [-t SECONDS] [-x BAD] REPOSITORY\n");
	exit(BD_USAGE);
}

/* The path of a field, which begins with "./" as those of the output do; "" for the volume itself. */
static char *
path_of(const char *field)
{
	return field ? xstrdup(!strncmp(field, "./", 2) ? field + 2 : field) : NULL;
}

static int
read_jobs(void)
{
	struct tsv t;
	size_t room = 0;
	int rc;
	tsv_begin(&t, stdin, "stdin");
	while ((rc = tsv_read(&t, COLUMNS)) > 0) {
		if (!is_component(t.field[0]) || !is_component(t.field[1]))
			return tsv_bad(&t, "'%s' is no name", is_component(t.field[0]) ? t.field[1] ? t.field[1] : "-" : t.field[0] ? t.field[0] : "-");
		if (job_count == room) {
			room = room ? 2 * room : 64;
			jobs = xrealloc(jobs, room, sizeof *jobs);
		}
		jobs[job_count++] = (struct job){xstrdup(t.field[0]), xstrdup(t.field[1]), path_of(t.field[2]), path_of(t.field[3])};
	}
	tsv_end(&t);
	return rc;
}

static bool
equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool
together(const struct job *a, const struct job *b)
{
	return equal(a->volume, b->volume) && equal(a->path, b->path) && equal(a->from, b->from);
}

/* Whether the budget is spent; something is done with any. */
static bool
enough(void *arg)
{
	struct timespec now;
	(void)arg;
	if (!begun) {
		begun = true;
		return false;
	}
	if (budget && verify.bytes >= budget)
		spent = true;
	if (deadline.tv_sec && clock_gettime(CLOCK_MONOTONIC, &now) == 0 &&
	    (now.tv_sec > deadline.tv_sec || (now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec)))
		spent = true;
	return spent;
}

static void
found(void *arg, const struct verify_finding *f)
{
	char *path = strcmp(f->path, ".") ? xasprintf("./%s", f->path) : xstrdup(".");
	struct bad_file file = {0};
	(void)arg;
	if (f->ino)
		file = bad_file_of(f->side->dir, f->path);
	wrong = true;
	remember_add(path, f->side->generation, f->what, &file);
	if (TSV_WRITE(stdout, f->side->generation, verify.volume, path, f->what, f->expected, f->found,
		f->ino ? tsv_num(f->ino).text : NULL) < 0 || fflush(stdout) != 0) /* it may be long until the next one */
		exit(bd_finish(BD_FATAL));
	free(path);
}

/* False: it is being removed. A generation cannot go while we look at it. */
static bool
open_side(const struct job *j, struct verify_side *s, int *held)
{
	*held = folder_at(repo, j->generation);
	if (*held >= 0 && flock(*held, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		close(*held);
		return false;
	}
	*s = (struct verify_side){.generation = j->generation, .dir = *held < 0 ? -1 : folder_at(*held, j->volume)};
	s->why = errno;
	return true;
}

static int
results(FILE *out, const struct verify_side *side, size_t sides)
{
	static const char *const word[] = {[VERIFY_OK] = "ok", [VERIFY_BAD] = "bad", [VERIFY_UNVOUCHED] = "unvouched"};
	char *next = verify.next ? xasprintf("./%s", verify.next) : NULL;
	int rc = 0;
	for (size_t i = 0; out && i < sides && rc == 0; i++)
		rc = TSV_WRITE(out, side[i].generation, verify.volume, word[side[i].status], tsv_num(side[i].files).text,
		    tsv_num(side[i].bytes).text, next);
	free(next);
	if (out && (rc < 0 || fflush(out) != 0)) {
		warn("results");
		return -1;
	}
	return fflush(stdout) == 0 ? 0 : -1;
}

/* The jobs from first on that go together; returns how many. */
static size_t
run(size_t first, FILE *out)
{
	size_t n = 1;
	while (first + n < job_count && together(&jobs[first], &jobs[first + n]))
		n++;
	struct verify_side *side = xcalloc(n, sizeof *side);
	int *held = xcalloc(n, sizeof *held);
	size_t sides = 0;
	for (size_t i = 0; i < n; i++)
		sides += open_side(&jobs[first + i], &side[sides], &held[sides]);
	verify.volume = jobs[first].volume;
	verify.path = jobs[first].path;
	verify.from = jobs[first].from;
	remember_volume(verify.volume);
	verify_volume(&verify, side, sides);
	for (size_t i = 0; i < sides; i++)
		if (held[i] >= 0)
			close(held[i]);
	struct outdated known = {.repo = repo, .verify = &verify, .side = side, .sides = sides};
	if (outdated_begin(&known) < 0 || remember_done(outdated_all(&known), outdated, &known) < 0 || results(out, side, sides) < 0)
		exit(BD_FATAL);
	outdated_end(&known);
	free(held);
	free(verify.next);
	free(side);
	return n;
}

static void
set_deadline(long seconds)
{
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += seconds;
}

int
main(int argc, char *argv[])
{
	int workers = (int)bd_processors(DIGEST_WORKERS);
	int lists = -1;
	const char *name = NULL;
	bd_start();
	for (int c; (c = getopt(argc, argv, "b:j:o:qt:Vx:")) != -1;)
		switch (c) {
		case 'b': budget = (uintmax_t)bd_number(optarg, 1, INT64_MAX, "-b"); break;
		case 'j': workers = (int)bd_number(optarg, 1, DIGEST_WORKERS, "-j"); break;
		case 'o': name = optarg; break;
		case 'q': verify.quick = true; break;
		case 't': set_deadline(bd_number(optarg, 1, INT32_MAX, "-t")); break;
		case 'V': bd_version();
		case 'x': lists = folder_open(optarg); break;
		default: usage();
		}
	if (argc - optind != 1)
		usage();
	if (read_jobs() < 0)
		return BD_USAGE;
	repo = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (repo < 0)
		err(BD_FATAL, "%s", argv[optind]);
	FILE *out = name ? fopen(name, "we") : NULL;
	if (name && !out)
		err(BD_FATAL, "%s", name);
	verify.found = found;
	verify.enough = enough;
	remember_start(lists);
	if (!(verify.digester = digest_begin(workers, verify_done, NULL)))
		return BD_FATAL;
	for (size_t i = 0; i < job_count && !spent;)
		i += run(i, out);
	digest_end(verify.digester);
	if (out && fclose(out) != 0)
		err(BD_FATAL, "%s", name);
	return bd_finish(wrong ? BD_FAILED : BD_DONE);
}
