/* bd-engines - asks containers what dumps their database: container id instance engine tool version mount.
 *
 * Each is asked by a child, several at once; what it found waits in a memfd until its turn, so
 * that the records come in the order of the input. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crew.h"
#include "docker.h"
#include "engine.h"
#include "table.h"

enum { CONTAINER, ID, INSTANCE, COLUMNS };
enum { PATIENCE = 60 }; /* seconds for all that is asked of one */

static struct table input = {.columns = COLUMNS};
static int *answer; /* memfds */
static bool *silent; /* it could not be asked */
static int status;
static volatile sig_atomic_t late;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-engines [-V] [-j JOBS]\n");
	exit(BD_USAGE);
}

static int
check(const struct tsv *at, char *const row[])
{
	if (!row[CONTAINER] || !row[ID] || !row[INSTANCE])
		return tsv_bad(at, "a container has a name, an id and an instance");
	return 0;
}

static void
on_alarm(int sig)
{
	(void)sig;
	late = 1;
}

static bool
begin(void *arg, size_t item)
{
	(void)arg;
	if ((answer[item] = memfd_create("answer", MFD_CLOEXEC)) < 0)
		err(BD_FATAL, "memfd");
	return true;
}

static int
work(void *arg, size_t item)
{
	char **row = table_row(&input, item);
	struct docker d;
	struct engine e;
	(void)arg;
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
	alarm(PATIENCE);
	FILE *out = fdopen(answer[item], "w");
	if (!out || docker_open(&d) < 0)
		return BD_FATAL;
	int rc = engine_ask(&d, row[ID], row[CONTAINER], &late, &e);
	docker_close(&d);
	if (rc == BD_FAILED)
		return BD_DONE; /* no database */
	if (rc < 0)
		return BD_FAILED;
	if (TSV_WRITE(out, row[CONTAINER], row[ID], row[INSTANCE], e.word, e.tool, e.version, e.mount) < 0)
		return BD_FAILED;
	engine_free(&e);
	return fclose(out) == 0 ? BD_DONE : BD_FATAL;
}

static void
done(void *arg, size_t item, int ended)
{
	(void)arg;
	if (ended < 0 || ended > BD_FATAL) {
		char *name = tsv_show(table_row(&input, item)[CONTAINER]);
		warnx("%s: not asked: what was to do it ended with status %d", name, ended);
		free(name);
		ended = BD_FAILED;
	}
	silent[item] = ended != BD_DONE;
	if (ended > status)
		status = ended;
}

static void
print(size_t item)
{
	char **row = table_row(&input, item), buf[4096];
	ssize_t got = 0;
	if (silent[item] && TSV_WRITE(stdout, row[CONTAINER], row[ID], row[INSTANCE], NULL, NULL, NULL, NULL) < 0)
		status = BD_FATAL;
	lseek(answer[item], 0, SEEK_SET);
	while (!silent[item] && (got = read(answer[item], buf, sizeof buf)) > 0)
		fwrite(buf, 1, (size_t)got, stdout);
	if (got < 0)
		err(BD_FATAL, "memfd");
	close(answer[item]);
}

int
main(int argc, char *argv[])
{
	long jobs = 4;
	bd_start();
	for (int c; (c = getopt(argc, argv, "j:V")) != -1;)
		switch (c) {
		case 'j': jobs = bd_number(optarg, 1, CREW_MAX, "-j"); break;
		case 'V': bd_version();
		default: usage();
		}
	if (optind != argc)
		usage();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if ((status = table_load(&input, "-", check)))
		return status;
	struct docker d;
	if (input.rows && docker_open(&d) < 0)
		return BD_FATAL; /* said once, not by each child */
	if (input.rows)
		docker_close(&d);
	size_t *item = xcalloc(input.rows, sizeof *item);
	answer = xcalloc(input.rows, sizeof *answer);
	silent = xcalloc(input.rows, sizeof *silent);
	for (size_t i = 0; i < input.rows; i++)
		item[i] = i;
	const struct crew crew = {.begin = begin, .work = work, .done = done, .width = (size_t)jobs};
	crew_run(&crew, item, input.rows);
	for (size_t i = 0; i < input.rows && status != BD_FATAL; i++)
		print(i);
	return bd_finish(status);
}
