/* container.c - what must be known of a container to stop and start it, and doing so.
 *
 * Always by id: a name may be another container's a moment later. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "table.h"

enum { ID, NAME, KIND, GRACE, COLUMNS };

/* Seconds. DEFAULT_GRACE is the engine's for containers without a StopTimeout. What must not take for ever gets
 * PATIENCE on top: no grace at all means a day. */
enum { DEFAULT_GRACE = 10, PATIENCE = 30, ENDLESS = 86400, START_TIME = 600 };

static const char filter[] =
	"if (.Id // \"\") == \"\" then error(\"a container without an id\") else . end"
	"| [.Id, (.Name // .Id | ltrimstr(\"/\")),"
	"  (if (.State.Running or .State.Restarting | not) then \"down\" elif .State.Paused then \"paused\""
	"   elif ((.Config.Labels // {})[\"com.docker.swarm.task.id\"] // \"\") != \"\" then \"task\""
	"   elif .HostConfig.AutoRemove then \"transient\" else \"stoppable\" end),"
	"  (.Config.StopTimeout // \"-\")] | @tsv";

static const char *const kinds[] = {
	[CONTAINER_STOPPABLE] = "stoppable", [CONTAINER_DOWN] = "down", [CONTAINER_PAUSED] = "paused",
	[CONTAINER_TASK] = "task", [CONTAINER_TRANSIENT] = "transient"};

/* Docker mounts a file of the container's folder, which is named by its id, over
 * /etc/hostname; the same names stand elsewhere in the mounts of the host. */
static bool
in_file(const char *path, const char *what, const char *id)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	bool found = false;
	while (f && !found && getline(&line, &cap, f) >= 0)
		found = strstr(line, what) && strstr(line, id);
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool
is_ours(const char *id)
{
	enum { SHORT_ID = 12 }; /* hex digits in the host name of a container */
	char host[256] = "";
	if (gethostname(host, sizeof host - 1) == 0 && strlen(host) == SHORT_ID && !strncmp(id, host, SHORT_ID))
		return true;
	return in_file("/proc/self/mountinfo", " /etc/hostname ", id) || in_file("/proc/self/cgroup", "", id);
}

static enum container_kind
kind_of(const char *word, const char *id)
{
	for (size_t i = 1; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(word, kinds[i]))
			return (enum container_kind)i;
	return is_ours(id) ? CONTAINER_OURS : CONTAINER_STOPPABLE;
}

int
container_inspect(struct docker *d, const char *name, struct container *c)
{
	FILE *in;
	struct table t = {.columns = COLUMNS};
	*c = (struct container){0};
	if (!*name) /* would ask for the list */
		return DOCKER_NONE;
	char *escaped = docker_name(name), *path = xasprintf("/containers/%s/json", escaped);
	int rc = docker_get(d, path, filter, &in);
	if (rc == 0) {
		rc = table_read(&t, in, path) || t.rows != 1 ? -1 : 0;
		fclose(in);
	}
	if (rc == 0) {
		char **row = table_row(&t, 0);
		*c = (struct container){.id = xstrdup(row[ID]), .name = xstrdup(row[NAME]), .kind = kind_of(row[KIND], row[ID]),
		    .grace = row[GRACE] ? strtol(row[GRACE], NULL, 10) : DEFAULT_GRACE};
	}
	table_free(&t);
	free(escaped);
	free(path);
	return rc;
}

void
container_free(struct container *c)
{
	free(c->id);
	free(c->name);
	*c = (struct container){0};
}

int
container_stop(struct docker *d, const struct container *c, long grace)
{
	char *path = grace == GRACE_OWN ? xasprintf("/containers/%s/stop", c->id)
	                                : xasprintf("/containers/%s/stop?t=%ld", c->id, grace);
	if (grace == GRACE_OWN)
		grace = c->grace;
	int rc = docker_post(d, path, NULL, (grace < 0 ? ENDLESS : grace) + PATIENCE, NULL, NULL);
	free(path);
	return rc;
}

int
container_start(struct docker *d, const struct container *c)
{
	char *path = xasprintf("/containers/%s/start", c->id);
	int rc = docker_post(d, path, NULL, START_TIME, NULL, NULL);
	free(path);
	return rc;
}
