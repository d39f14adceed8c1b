/* bd-end - ends what a dead process has left running in containers.
 *
 * The journal goes once nothing in it runs; till then it keeps what may. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ending.h"
#include "execs.h"

static bool dry;

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-end [-nV] JOURNAL...\n");
	exit(BD_USAGE);
}

static int
show(struct docker *d, const char *id)
{
	struct exec_state s;
	int rc = exec_inspect(d, id, &s);
	if (rc == 0) {
		rc = exec_runs(d, &s);
		if (rc > 0)
			printf("end %s\n", s.container);
		exec_state_free(&s);
	}
	return rc < 0 ? -1 : 0;
}

static int
end(struct docker *d, const char *id)
{
	return exec_end(d, id, NULL);
}

/* Sets left where something may still run. */
static int
end_all(const struct table *t, bool left[])
{
	struct docker d;
	int status = BD_DONE;
	if (!t->rows)
		return BD_DONE;
	if (docker_open(&d) < 0)
		return BD_FATAL;
	for (size_t i = 0; i < t->rows; i++)
		if ((left[i] = (dry ? show : end)(&d, table_row(t, i)[0]) < 0))
			status = BD_FAILED;
	docker_close(&d);
	return status;
}

static int
replay(const char *path)
{
	struct execs j;
	int status = execs_take(&j, path);
	if (status)
		return status;
	bool *left = xcalloc(j.t.rows, sizeof *left);
	status = end_all(&j.t, left);
	if (!dry && status != BD_FATAL && execs_leave(&j, left) < 0)
		status = BD_FAILED;
	free(left);
	execs_close(&j);
	return status;
}

int
main(int argc, char *argv[])
{
	bd_start();
	for (int c; (c = getopt(argc, argv, "nV")) != -1;)
		switch (c) {
		case 'n': dry = true; break;
		case 'V': bd_version();
		default: usage();
		}
	if (optind == argc)
		usage();
	signal(SIGCHLD, SIG_DFL);
	return bd_finish(bd_each(argv + optind, replay));
}
