/* container.c - what must be known of a container to stop and start it, and doing so.
 *
 * Always by id: a name may be another container's a moment later. What is known comes as
 * pairs of key and value, so that a new one is one more line of the filter. */
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "self.h"

enum { KEY, VALUE, COLUMNS };

/* Seconds. DEFAULT_GRACE is the engine's for containers without a StopTimeout. */
enum { DEFAULT_GRACE = 10, START_TIME = 600 };

static const char filter[] =
	"def pair(key): if . == null or . == \"\" then empty else [key, tostring] end;"
	"def lent: if type == \"string\" and startswith(\"container:\") then ltrimstr(\"container:\") else null end;"
	"if (.Id // \"\") == \"\" then error(\"a container without an id\") else . end"
	"| (.Config.Labels // {}) as $labels"
	"| [\"id\", .Id], [\"name\", (.Name // .Id | ltrimstr(\"/\"))],"
	"  [\"kind\", (if .State.Running or .State.Restarting | not then \"down\" elif .State.Paused then \"paused\""
	"    elif ($labels[\"com.docker.swarm.task.id\"] // \"\") != \"\" then \"task\""
	"    elif .HostConfig.AutoRemove then \"transient\" else \"stoppable\" end)],"
	"  [\"state\", (if .State.Restarting then \"restarting\" else \"running\" end)],"
	"  (.Config.StopTimeout | pair(\"grace\")),"
	"  (.Created // \"\" | rtrimstr(\"Z\") | pair(\"created\")),"
	"  (.HostConfig.NetworkMode | lent | pair(\"network\")),"
	"  (.HostConfig.PidMode | lent | pair(\"pid\")),"
	"  (.HostConfig.IpcMode | lent | pair(\"ipc\")),"
	"  (.HostConfig.Links // [] | .[] | split(\":\")[0] | ltrimstr(\"/\") | pair(\"link\")),"
	"  (.Mounts // [] | .[] | select(.Type == \"volume\") | .Name | pair(\"volume\")),"
	"  ($labels[\"com.docker.compose.project\"] | pair(\"project\")),"
	"  ($labels[\"com.docker.compose.service\"] | pair(\"service\")),"
	"  ($labels[\"com.docker.compose.depends_on\"] | if . == null then null else \",\" + . end | pair(\"depends\")),"
	"  (.State.Health.Status? | if . == \"none\" then null else . end | pair(\"health\")),"
	"  (.GraphDriver.Data.UpperDir? | pair(\"layer\")),"
	"  (.State.ExitCode | pair(\"exit\")), (if .State.OOMKilled then [\"oom\", \"yes\"] else empty end)"
	"| @tsv";

static const char *const kinds[] = {
	[CONTAINER_STOPPABLE] = "stoppable", [CONTAINER_DOWN] = "down", [CONTAINER_PAUSED] = "paused",
	[CONTAINER_TASK] = "task", [CONTAINER_TRANSIENT] = "transient", [CONTAINER_OURS] = "own"};

static enum container_kind
kind_of(const char *word, const char *id, const char *layer)
{
	for (size_t i = CONTAINER_DOWN; i < CONTAINER_OURS; i++)
		if (!strcmp(word, kinds[i]))
			return (enum container_kind)i;
	return self_is(id, layer) ? CONTAINER_OURS : CONTAINER_STOPPABLE;
}

const char *
container_word(enum container_kind kind)
{
	return kinds[kind];
}

const char *
container_next(const struct container *c, const char *key, size_t *at)
{
	while (*at < c->about.rows) {
		char **row = table_row(&c->about, (*at)++);
		if (row[VALUE] && !strcmp(row[KEY], key))
			return row[VALUE];
	}
	return NULL;
}

const char *
container_get(const struct container *c, const char *key)
{
	size_t at = 0;
	return container_next(c, key, &at);
}

int
container_inspect(struct docker *d, const char *name, struct container *c)
{
	FILE *in;
	*c = (struct container){.about = {.columns = COLUMNS}};
	if (!*name) /* would ask for the list */
		return DOCKER_NONE;
	char *escaped = docker_name(name), *path = xasprintf("/containers/%s/json", escaped);
	int rc = docker_get(d, path, filter, &in);
	if (rc == 0) {
		rc = table_read(&c->about, in, path) ? -1 : 0;
		fclose(in);
	}
	if (rc == 0) {
		c->id = container_get(c, "id");
		c->name = container_get(c, "name");
		const char *kind = container_get(c, "kind"), *grace = container_get(c, "grace");
		c->grace = grace ? strtol(grace, NULL, 10) : DEFAULT_GRACE;
		if (c->id && c->name && kind)
			c->kind = kind_of(kind, c->id, container_get(c, "layer"));
		else {
			warnx("%s: the answer makes no sense", path);
			rc = -1;
		}
	}
	if (rc)
		container_free(c);
	free(escaped);
	free(path);
	return rc;
}

void
container_free(struct container *c)
{
	table_free(&c->about);
	*c = (struct container){0};
}

int
container_stop(struct docker *d, const char *id, long grace, long timeout)
{
	char *escaped = docker_name(id);
	char *path = grace == GRACE_OWN ? xasprintf("/containers/%s/stop", escaped)
	                                : xasprintf("/containers/%s/stop?t=%ld", escaped, grace);
	int rc = docker_post(d, path, NULL, timeout, NULL, NULL);
	free(escaped);
	free(path);
	return rc;
}

int
container_start(struct docker *d, const char *id)
{
	char *escaped = docker_name(id), *path = xasprintf("/containers/%s/start", escaped);
	int rc = docker_post(d, path, NULL, START_TIME, NULL, NULL);
	free(escaped);
	free(path);
	return rc;
}
