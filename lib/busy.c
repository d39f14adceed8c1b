/* busy.c - who else uses the volumes of those that are stopped.
 *
 * The list of all that run costs one request, but may lag behind; only an inspection tells. */
#include <string.h>

#include "busy.h"

void
busy_report(struct stop *s, const char *name, const char *volume)
{
	s->busy = true;
	if (report_add(s->report, "busy", name, volume, NULL, NULL, NULL))
		warnx("%s: runs%s%s", name, volume ? " and uses volume " : " again already", volume ? volume : "");
}

void
busy_unknown(struct stop *s)
{
	s->busy = true;
	warnx("it cannot be told who uses the volumes");
	for (size_t i = 0; i < s->volumes; i++)
		report_add(s->report, "busy", NULL, s->volume[i], NULL, NULL, NULL);
}

static bool
is_wanted(const struct stop *s, const char *volume)
{
	for (size_t i = 0; i < s->volumes; i++)
		if (!strcmp(s->volume[i], volume))
			return true;
	return false;
}

/* Of all that run, id and volume. -1 said. */
static int
list_users(struct docker *d, struct table *t)
{
	static const char filter[] = ".[] | .Id as $id | .Mounts // [] | .[]"
		"| select(.Type == \"volume\" and (.Name // \"\") != \"\") | [$id, .Name] | @tsv";
	static const char path[] = "/containers/json";
	FILE *in;
	*t = (struct table){.columns = 2};
	int rc = docker_get(d, path, filter, &in);
	if (rc == DOCKER_NONE)
		warnx("%s", d->message);
	if (rc)
		return -1;
	rc = table_read(t, in, path) ? -1 : 0;
	fclose(in);
	return rc;
}

/* The container id, which the list has as running, uses one of the volumes; the list may lag behind. Whether it
 * joins those that are to be stopped. */
static bool
meet(struct stop *s, struct docker *d, const char *id, const char *volume, bool join)
{
	struct container c;
	int rc = container_inspect(d, id, &c);
	if (rc < 0) {
		busy_unknown(s);
		if (join)
			s->status = BD_FATAL;
	}
	if (rc)
		return false;
	if (c.kind == CONTAINER_DOWN) {
		container_free(&c);
		return false;
	}
	if (join && c.kind == CONTAINER_STOPPABLE) {
		if (stop_find(s, id) < s->count) { /* somebody else had stopped it */
			container_free(&c);
			journal_mark(s->journal, stop_find(s, id), JOURNAL_RUNNING);
			return true;
		}
		warnx("%s: uses volume %s and is stopped, too", c.name, volume);
		stop_add(s, &c);
		return true;
	}
	busy_report(s, c.name, volume);
	container_free(&c);
	return false;
}

bool
busy_look(struct stop *s, struct docker *d, bool join)
{
	struct table t;
	bool joined = false;
	if (!s->volumes)
		return false;
	if (list_users(d, &t) < 0) {
		busy_unknown(s);
		if (join)
			s->status = BD_FATAL;
	} else
		for (size_t i = 0; i < t.rows; i++) {
			char **row = table_row(&t, i);
			if (!row[0] || !row[1] || !is_wanted(s, row[1]))
				continue;
			size_t known = stop_find(s, row[0]);
			if (join && known < s->count && (known >= s->journal->count || s->journal->entry[known].state != JOURNAL_LEFT))
				continue;
			joined |= meet(s, d, row[0], row[1], join);
		}
	table_free(&t);
	return joined;
}
