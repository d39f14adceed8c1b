/* engine.c - the database engine in a container: what dumps it, and where its data lies.
 *
 * Not the image's name but the tools tell: an image called postgres may hold none, and a
 * registry may be called mariadb. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "exec.h"
#include "table.h"

static const struct {
	const char *tool, *word, *data; /* data: the directory of its data, if the environment does not tell */
} known[] = {
	{"pg_dumpall", "postgres", "/var/lib/postgresql/data"},
	{"mariadb-dump", "mariadb", "/var/lib/mysql"},
	{"mysqldump", "mariadb", "/var/lib/mysql"},
};

enum { KEY, VALUE, COLUMNS };
static const char places_filter[] =
	"([.Config.Env // [] | .[] | select(startswith(\"PGDATA=\")) | ltrimstr(\"PGDATA=\")] | last |"
	" if . == null or . == \"\" or . == \"-\" then empty else [\"PGDATA\", .] end),"
	"(.Mounts // [] | .[] | select(.Destination // \"\" | . != \"\") | [(if .Type == \"volume\" then \"volume\" else \"other\" end), .Destination]),"
	"(.HostConfig.Tmpfs // {} | keys[] | [\"other\", .])"
	"| @tsv";

struct said {
	char text[256];
	size_t len;
};

static int
keep(void *arg, const void *data, size_t len)
{
	struct said *s = arg;
	size_t room = sizeof s->text - 1 - s->len;
	if (len > room)
		len = room; /* the version stands in the first line */
	memcpy(s->text + s->len, data, len);
	s->len += len;
	return 0;
}

/* The number in what a tool says of itself:
 *	pg_dumpall (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)
 *	mariadb-dump  Ver 10.19 Distrib 10.11.14-MariaDB, for debian-linux-gnu (x86_64)
 *	mariadb-dump from 11.4.2-MariaDB, client 10.19 for debian-linux-gnu (x86_64)
 *	mysqldump  Ver 8.0.34 for Linux on x86_64 (MySQL Community Server - GPL) */
static char *
number(const char *text)
{
	static const char *const before[] = {"(PostgreSQL) ", "Distrib ", "from ", "Ver "};
	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		const char *at = strstr(text, before[i]);
		if (!at)
			continue;
		at += strlen(before[i]);
		/* 18beta1 is one too */
		size_t len = strspn(at, i ? "0123456789." : "0123456789.abcdefghijklmnopqrstuvwxyz");
		if (len)
			return xasprintf("%.*s", (int)len, at);
	}
	return NULL;
}

/* 1 it has the tool, 0 it has not, -1 said. */
static int
ask_tool(struct docker *d, const char *id, const char *name, const char *tool, const volatile sig_atomic_t *stop, char **version)
{
	struct said said = {.len = 0};
	const char *const argv[] = {tool, "--version", NULL};
	const struct exec e = {.container = id, .argv = argv, .journal = -1, .out = keep, .arg = &said, .stop = stop};
	int status = exec_run(d, &e);
	char *shown = tsv_show(name);
	if (status == EXEC_NONE)
		warnx("%s: it has vanished", shown);
	else if (status == EXEC_FAILED)
		warnx("%s: %s --version could not be run in it", shown, tool);
	else if (status && status != 126 && status != 127)
		warnx("%s: %s --version ended with status %d", shown, tool, status);
	else if (!status)
		*version = number(said.text);
	free(shown);
	return status == 126 || status == 127 ? 0 : status ? -1 : 1;
}

/* Without slashes that mean nothing; NULL: it cannot be told where it leads. */
static char *
plain_path(const char *path)
{
	char *out = xcalloc(strlen(path) + 2, 1), *to = out;
	if (*path != '/') {
		free(out);
		return NULL;
	}
	while (*path) {
		size_t slashes = strspn(path, "/"), len = strcspn(path + slashes, "/");
		const char *part = path + slashes;
		path = part + len;
		if (!len || (len == 1 && *part == '.'))
			continue;
		if (len == 2 && !memcmp(part, "..", 2)) {
			free(out);
			return NULL;
		}
		*to++ = '/';
		memcpy(to, part, len);
		to += len;
	}
	return out;
}

static bool
holds(const char *mount, const char *dir)
{
	size_t len = strlen(mount);
	return !strncmp(mount, dir, len) && (dir[len] == '/' || !dir[len]);
}

/* The destination, as Docker says it, of the mount that holds dir, if that is a volume; else NULL. */
static char *
holder(const struct table *places, const char *dir)
{
	const char *found = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < places->rows; i++) {
		char **row = table_row(places, i), *mount = NULL;
		if (row[KEY] && row[VALUE] && strcmp(row[KEY], "PGDATA"))
			mount = plain_path(row[VALUE]);
		if (mount && holds(mount, dir) && strlen(mount) >= longest) {
			longest = strlen(mount);
			found = strcmp(row[KEY], "volume") ? NULL : row[VALUE];
		}
		free(mount);
	}
	return found ? xstrdup(found) : NULL;
}

static char *
data_mount(const struct table *places, const char *word, const char *standard)
{
	const char *data = standard;
	for (size_t i = 0; i < places->rows; i++) {
		char **row = table_row(places, i);
		if (!strcmp(row[KEY], "PGDATA") && !strcmp(word, "postgres"))
			data = row[VALUE];
	}
	char *dir = plain_path(data), *mount = dir ? holder(places, dir) : NULL;
	free(dir);
	return mount;
}

/* As docker_get. */
static int
inspect(struct docker *d, const char *id, struct table *places)
{
	FILE *in;
	char *escaped = docker_name(id), *path = xasprintf("/containers/%s/json", escaped);
	int rc = docker_get(d, path, places_filter, &in);
	if (rc == 0) {
		rc = table_read(places, in, path) ? -1 : 0;
		fclose(in);
	}
	free(escaped);
	free(path);
	return rc;
}

int
engine_ask(struct docker *d, const char *id, const char *name, const volatile sig_atomic_t *stop, struct engine *e)
{
	size_t i = 0;
	int has = 0;
	*e = (struct engine){0};
	for (; i < sizeof known / sizeof *known; i++)
		if ((has = ask_tool(d, id, name, known[i].tool, stop, &e->version)))
			break;
	if (has <= 0)
		return has < 0 ? -1 : BD_FAILED;
	struct table places = {.columns = COLUMNS};
	int rc = inspect(d, id, &places);
	if (rc == 0) {
		e->word = known[i].word;
		e->tool = known[i].tool;
		e->mount = data_mount(&places, e->word, known[i].data);
	} else {
		char *shown = tsv_show(name);
		warnx("%s: %s", shown, rc == DOCKER_NONE ? "it has vanished" : "it cannot be inspected");
		free(shown);
		engine_free(e);
	}
	table_free(&places);
	return rc ? -1 : BD_DONE;
}

void
engine_free(struct engine *e)
{
	free(e->version);
	free(e->mount);
	*e = (struct engine){0};
}
