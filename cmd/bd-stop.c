/* bd-stop - stops containers, runs COMMAND, starts them again: after a failure, after a
 * signal, and, by the guardian, after the death of bd-stop itself.
 *
 * What is down stands in the journal before a stop is asked for, and leaves it when it runs.
 * Who starts it again needs nothing but the journal: bd-stop, its guardian, or bd-start. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "busy.h"
#include "command.h"
#include "guardian.h"
#include "revive.h"
#include "stop.h"

enum { STOP_PATIENCE = 30 };

static sigset_t ending; /* the signals that end us, after a while */
static long patience = REVIVE_PATIENCE;
static bool leave_down; /* unless COMMAND does not come to its end */

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-stop [-dnvV] [-j JOURNAL] [-m VOLUME]... [-o FILE] [-t SECONDS] [-T SECONDS] [-w SECONDS]\n"
	                "               [CONTAINER...] [-- COMMAND [ARGUMENT...]]\n");
	exit(BD_USAGE);
}

/* Adds the container to those that are to be stopped. */
static int
inspect(struct stop *s, struct docker *d, const char *name)
{
	struct container c;
	int rc = container_inspect(d, name, &c);
	if (rc < 0)
		return BD_FATAL;
	if (rc == DOCKER_NONE) {
		warnx("%s: no such container", name);
		if (*name)
			report_add(s->report, "skipped", name, NULL, NULL, NULL, "none");
		return BD_FAILED;
	}
	stop_add(s, &c);
	return BD_DONE;
}

/* Before anything is asked of Docker all of it is read. */
static int
read_names(struct table *t)
{
	int rc = table_read(t, stdin, "stdin");
	for (size_t i = 0; !rc && i < t->rows; i++)
		if (!table_row(t, i)[0]) {
			warnx("stdin:%zu: no name", i + 1);
			rc = BD_USAGE;
		}
	return rc;
}

static int
inspect_all(struct stop *s, char *const names[], size_t n)
{
	struct docker d;
	struct table t = {.columns = 1};
	int status = BD_DONE;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], "-") && (status = read_names(&t)))
			return status;
	if (docker_open(&d) < 0)
		return BD_FATAL;
	for (size_t i = 0; i < n + t.rows && status != BD_FATAL; i++) {
		const char *name = i < n ? names[i] : table_row(&t, i - n)[0];
		int rc = i < n && !strcmp(name, "-") ? BD_DONE : inspect(s, &d, name);
		if (rc)
			status = rc;
	}
	docker_close(&d);
	table_free(&t);
	return status;
}

/* Prints what bd-start reads. From then on it is not ours to start them. */
static int
hand_out(struct stop *s)
{
	int rc = journal_print(s->journal, stdout);
	if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
		warn("stdout");
		rc = -1;
	}
	for (size_t i = 0; !rc && i < s->count; i++)
		s->journal->entry[i].state = JOURNAL_LEFT;
	return rc ? BD_FATAL : BD_DONE;
}

/* Those that ran already when they were to be started. */
static void
report_ran(struct stop *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct container *c = &s->container[i];
		bool told = false;
		for (size_t k = 0; s->journal->entry[i].ran && k < s->volumes; k++) {
			const char *volume;
			for (size_t at = 0; (volume = container_next(c, "volume", &at));)
				if (!strcmp(volume, s->volume[k])) {
					busy_report(s, c->name, volume);
					told = true;
				}
		}
		if (s->journal->entry[i].ran && !told)
			busy_report(s, c->name, NULL);
	}
}

static void
report_containers(struct stop *s, bool started)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct entry *e = &s->journal->entry[i];
		if (s->time[i].asked <= 0)
			continue;
		char *seconds = e->up ? xasprintf("%.3f", e->at - s->time[i].asked) : NULL;
		report_add(s->report, "container", e->name, NULL, seconds, s->time[i].killed ? "yes" : "no",
		    e->up ? "started" : started ? "failed" : "stopped");
		free(seconds);
	}
}

static void
report_command(struct stop *s, int status, double took)
{
	char *seconds = xasprintf("%.3f", took);
	report_add(s->report, "command", NULL, NULL, seconds, NULL, tsv_num((uintmax_t)status).text);
	free(seconds);
}

/* The containers are in the journal, and g is there. */
static int
stop_run_start(struct stop *s, const char *const command[], struct guardian *g)
{
	struct docker d;
	bool ran = false;
	int status = BD_FATAL;
	if (docker_open(&d) == 0) { /* not before the guardian: a connection cannot be shared */
		status = stop_all(s, &d);
		if (status == BD_DONE && !command)
			status = hand_out(s);
		else if (status == BD_DONE) {
			double begin = revive_now();
			status = command_run(command, g->family, &ending, s->verbose);
			report_command(s, status, revive_now() - begin);
			ran = true;
			if (s->volumes && revive_wait(patience))
				busy_look(s, &d, false);
			else if (s->volumes)
				busy_unknown(s);
		}
		docker_close(&d);
	}
	bool start = leave_down ? status > BD_FAILED : ran || status != BD_DONE;
	int failed = start ? revive(s->journal, patience, s->verbose) : BD_DONE;
	if (ran)
		report_ran(s);
	report_containers(s, start);
	return status == BD_DONE && (failed || s->busy) ? BD_FAILED : status;
}

static int
act(struct stop *s, const char *const command[])
{
	struct guardian g;
	int status = BD_FATAL;
	if (stop_begin(s) == 0 && guardian_start(&g, s->journal, &ending, patience) == 0) {
		status = stop_run_start(s, command, &g);
		guardian_dismiss(&g);
	}
	return status;
}

static int
show(struct stop *s, const char *const command[])
{
	if (stop_begin(s) < 0)
		return BD_FATAL;
	size_t *order = stop_order(s);
	for (size_t i = 0; i < s->count; i++)
		printf("stop %s\n", s->container[order[i]].name);
	if (command) {
		char *line = shell_quote(command);
		puts(line);
		free(line);
	}
	for (size_t i = 0; command && !leave_down && i < s->count; i++)
		printf("start %s\n", s->container[i].name);
	free(order);
	return bd_finish(BD_DONE);
}

static int
work(struct stop *s, char *const names[], size_t n, const char *const command[], bool dry)
{
	int missing = inspect_all(s, names, n);
	if (missing != BD_DONE && missing != BD_FAILED)
		return missing;
	int status = dry ? show(s, command) : (command_hold(&ending), act(s, command));
	return status == BD_DONE ? missing : status;
}

int
main(int argc, char *argv[])
{
	const char *path = NULL, *out = NULL;
	bool dry = false;
	struct report report;
	struct journal journal;
	struct stop s = {.grace = GRACE_OWN, .patience = STOP_PATIENCE, .ending = &ending, .report = &report,
	    .journal = &journal, .volume = xcalloc((size_t)argc, sizeof *s.volume)};
	bd_start();
	for (int c; (c = getopt(argc, argv, "+dj:m:no:t:T:vVw:")) != -1;)
		switch (c) {
		case 'd': leave_down = true; break;
		case 'j': path = optarg; break;
		case 'm': s.volume[s.volumes++] = optarg; break;
		case 'n': dry = true; break;
		case 'o': out = optarg; break;
		case 't': s.grace = bd_number(optarg, 0, 86400, "-t"); break;
		case 'T': s.patience = bd_number(optarg, 0, 86400, "-T"); break;
		case 'v': s.verbose = true; break;
		case 'V': bd_version();
		case 'w': patience = bd_number(optarg, 0, 86400, "-w"); break;
		default: usage();
		}
	int end = optind - 1; /* getopt(3) has taken the -- if there are no containers */
	while (end < argc && strcmp(argv[end], "--"))
		end++;
	if (end + 1 == argc)
		usage();
	char *const input[] = {(char[]){"-"}};
	size_t n = end < optind ? 0 : (size_t)(end - optind);
	const char *const *command = end < argc ? (const char *const *)(argv + end + 1) : NULL;
	if (leave_down && !(command && path)) /* nobody would know of them */
		usage();
	if (report_open(&report, dry ? NULL : out) < 0)
		return BD_FATAL;
	int status = journal_create(&journal, dry ? NULL : path);
	if (status)
		return status;
	status = n || command ? work(&s, argv + optind, n, command, dry) : work(&s, input, 1, NULL, dry);
	if (journal_close(&journal) < 0 && status == BD_DONE)
		status = BD_FAILED;
	if (!dry && report_close(&report) < 0 && status == BD_DONE)
		status = BD_FAILED;
	return status;
}
