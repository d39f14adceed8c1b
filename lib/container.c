/* container.c - what must be known of a container to stop and start it, and doing so.
 *
 * Always by id: a name may be another container's a moment later. What is known comes as
 * pairs of key and value, so that a new one is one more line of the filter. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"

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
	"  (.State.ExitCode | pair(\"exit\")), (if .State.OOMKilled then [\"oom\", \"yes\"] else empty end)"
	"| @tsv";

static const char *const kinds[] = {
	[CONTAINER_STOPPABLE] = "stoppable", [CONTAINER_DOWN] = "down", [CONTAINER_PAUSED] = "paused",
	[CONTAINER_TASK] = "task", [CONTAINER_TRANSIENT] = "transient", [CONTAINER_OURS] = "own"};

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
	for (size_t i = CONTAINER_DOWN; i < CONTAINER_OURS; i++)
		if (!strcmp(word, kinds[i]))
			return (enum container_kind)i;
	return is_ours(id) ? CONTAINER_OURS : CONTAINER_STOPPABLE;
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
			c->kind = kind_of(kind, c->id);
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
	char *path = grace == GRACE_OWN ? xasprintf("/containers/%s/stop", id)
	                                : xasprintf("/containers/%s/stop?t=%ld", id, grace);
	int rc = docker_post(d, path, NULL, timeout, NULL, NULL);
	free(path);
	return rc;
}

int
container_start(struct docker *d, const char *id)
{
	char *path = xasprintf("/containers/%s/start", id);
	int rc = docker_post(d, path, NULL, START_TIME, NULL, NULL);
	free(path);
	return rc;
}
