/* bd-mounts - prints a record for each container and volume it mounts, and one for each container without:
 * volume container id state image destination access network created task autoremove pid ipc self.
 *
 * Two requests, however many volumes there are, and one for each container that runs, or whose
 * image the list shows as an id, which it does once the tag has moved on to another image. Two
 * processes, however many containers there are. */
#include <stdlib.h>
#include <string.h>

#include "docker.h"
#include "mounts.h"
#include "self.h"
#include "table.h"

/* A row has one column more: "lookup" where the image is shown as an id. */
enum { LOOKUP = MOUNT_COLUMNS, COLUMNS };

#define DEF_TEXT "def text: if . == null or . == \"\" then \"-\" else tostring end;"

/* Of the names the one with a single slash is the container's own; /web/db is what a link calls it. */
static const char list_filter[] = DEF_TEXT
	"def is_id: (.Image // \"\") as $i | ($i | startswith(\"sha256:\")) or"
	"  (($i | test(\"^[0-9a-f]{12,64}$\")) and (.ImageID // \"\" | ltrimstr(\"sha256:\") | startswith($i)));"
	".[] | if (.Id // \"\") == \"\" then error(\"a container without an id\") else . end | . as $c"
	"| ([.Names // [] | .[] | select(test(\"^/[^/]+$\")) | ltrimstr(\"/\")][0] // .Id) as $name"
	"| ([.Mounts // [] | .[] | select(.Type == \"volume\")] | if . == [] then [{}] else . end)[]"
	"| [.Name, $name, $c.Id, $c.State, $c.Image, .Destination,"
	"   (if .Name == null then null elif .RW then \"rw\" else \"ro\" end), $c.HostConfig.NetworkMode, $c.Created,"
	"   ($c.Labels // {})[\"com.docker.swarm.task.id\"], null, null, null, null,"
	"   (if ($c | is_id) then \"lookup\" else null end)]"
	"| map(text) | @tsv";

/* What only an inspection tells. */
enum { A_IMAGE, A_AUTOREMOVE, A_PID, A_IPC, A_LAYER, A_COLUMNS };
static const char inspect_filter[] = DEF_TEXT
	"[.Config.Image, (if .HostConfig.AutoRemove then \"yes\" else \"no\" end), .HostConfig.PidMode, .HostConfig.IpcMode,"
	" .GraphDriver.Data.UpperDir?] | map(text) | @tsv";

static int
list(struct docker *d, struct table *t)
{
	static const char path[] = "/containers/json?all=1";
	FILE *in;
	int rc = docker_get(d, path, list_filter, &in);
	if (rc) {
		if (rc == DOCKER_NONE)
			warnx("%s", d->message);
		return -1;
	}
	rc = table_read(t, in, path) ? -1 : 0;
	fclose(in);
	return rc;
}

/* As docker_collect. */
static int
inspect(struct docker *d, const char *id, FILE **all)
{
	char *path = xasprintf("/containers/%s/json", id);
	int rc = docker_collect(d, path, all);
	free(path);
	return rc;
}

static void
set(char **field, const char *text)
{
	char *old = *field;
	*field = text ? xstrdup(text) : NULL;
	free(old);
}

static void
fill(char *row[], char *const answer[])
{
	if (row[LOOKUP] && answer[A_IMAGE])
		set(&row[MOUNT_IMAGE], answer[A_IMAGE]);
	if (!mount_is_running(row[MOUNT_STATE]))
		return;
	set(&row[MOUNT_AUTOREMOVE], answer[A_AUTOREMOVE]);
	set(&row[MOUNT_PID], answer[A_PID]);
	set(&row[MOUNT_IPC], answer[A_IPC]);
	set(&row[MOUNT_SELF], self_is(row[MOUNT_ID], answer[A_LAYER]) ? "yes" : "no");
}

/* The end of the rows of the container that row i belongs to: they stand together. */
static size_t
container_end(const struct table *t, size_t i)
{
	const char *id = table_row(t, i)[MOUNT_ID];
	while (i < t->rows && !strcmp(table_row(t, i)[MOUNT_ID], id))
		i++;
	return i;
}

/* Asks for those that have to be inspected: the first row of each that answered is told by answered. Those that have
 * vanished lose their names. */
static int
ask(struct docker *d, struct table *t, bool answered[], FILE **all)
{
	int status = BD_DONE;
	for (size_t i = 0, next; i < t->rows; i = next) {
		char **row = table_row(t, i);
		next = container_end(t, i);
		if (!mount_is_running(row[MOUNT_STATE]) && !row[LOOKUP])
			continue;
		int rc = inspect(d, row[MOUNT_ID], all);
		answered[i] = rc == 0;
		for (size_t j = i; rc == DOCKER_NONE && j < next; j++)
			set(&table_row(t, j)[MOUNT_CONTAINER], NULL);
		if (rc < 0 && d->status < 300)
			return BD_FATAL;
		if (rc < 0)
			status = BD_FAILED;
	}
	return status;
}

/* The answers, in the order in which they came. */
static int
read_answers(struct docker *d, FILE *all, struct table *answers)
{
	FILE *in;
	if (docker_sift(d, all, inspect_filter, &in) < 0)
		return -1;
	int rc = table_read(answers, in, "/containers/*/json") ? -1 : 0;
	fclose(in);
	return rc;
}

static int
inspect_all(struct docker *d, struct table *t)
{
	FILE *all = NULL;
	struct table answers = {.columns = A_COLUMNS};
	bool *answered = xcalloc(t->rows + 1, sizeof *answered);
	int status = ask(d, t, answered, &all);
	if (all && read_answers(d, all, &answers) < 0)
		status = BD_FATAL;
	for (size_t i = 0, k = 0, next; status != BD_FATAL && i < t->rows; i = next) {
		next = container_end(t, i);
		if (!answered[i])
			continue;
		if (k == answers.rows) {
			warnx("%s: too few answers", d->where);
			status = BD_FATAL;
			break;
		}
		for (size_t j = i; j < next; j++)
			fill(table_row(t, j), table_row(&answers, k));
		k++;
	}
	table_free(&answers);
	free(answered);
	return status;
}

/* The id of the container that mode names: "container:" and an id, a name or the start of an id, which is the
 * order in which Docker looks. NULL if there is none. */
static const char *
provider(const struct table *t, const char *mode)
{
	static const char prefix[] = "container:";
	const char *name = NULL, *start = NULL;
	bool ambiguous = false;
	if (!mode || strncmp(mode, prefix, sizeof prefix - 1))
		return NULL;
	mode += sizeof prefix - 1;
	mode += *mode == '/';
	for (size_t i = 0; *mode && i < t->rows; i++) {
		char **row = table_row(t, i);
		if (!strcmp(row[MOUNT_ID], mode))
			return row[MOUNT_ID];
		if (row[MOUNT_CONTAINER] && !strcmp(row[MOUNT_CONTAINER], mode))
			name = row[MOUNT_ID];
		else if (!strncmp(row[MOUNT_ID], mode, strlen(mode))) {
			ambiguous = ambiguous || (start && strcmp(start, row[MOUNT_ID]));
			start = row[MOUNT_ID];
		}
	}
	return name ? name : ambiguous ? NULL : start;
}

static void
resolve(struct table *t)
{
	for (size_t i = 0; i < t->rows; i++) {
		char **row = table_row(t, i);
		const char *id = provider(t, row[MOUNT_NETWORK]);
		if (id) {
			char *mode = xasprintf("container:%s", id);
			set(&row[MOUNT_NETWORK], mode);
			free(mode);
		}
		set(&row[MOUNT_PID], provider(t, row[MOUNT_PID]));
		set(&row[MOUNT_IPC], provider(t, row[MOUNT_IPC]));
	}
}

static int
print(struct table *t)
{
	int status = BD_DONE;
	table_sort(t);
	for (size_t i = 0; i < t->rows; i++) {
		char **row = table_row(t, i);
		const char *const *field = (const char *const *)row;
		if (row[MOUNT_CONTAINER] && tsv_write(stdout, field, MOUNT_COLUMNS) < 0)
			status = BD_FAILED;
	}
	return status;
}

int
main(int argc, char *argv[])
{
	bd_operands(argc, argv, "V", 0, 0, "bd-mounts [-V]");
	struct docker d;
	struct table t = {.columns = COLUMNS};
	if (docker_open(&d) < 0)
		return BD_FATAL;
	int status = list(&d, &t) < 0 ? BD_FATAL : inspect_all(&d, &t);
	docker_close(&d);
	resolve(&t);
	if (status != BD_FATAL && print(&t) != BD_DONE)
		status = BD_FAILED;
	table_free(&t);
	return bd_finish(status);
}
