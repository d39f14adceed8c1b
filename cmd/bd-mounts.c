/* bd-mounts - prints a record for each container and volume it mounts, and one for each container without:
 * volume container id state image destination access network created task.
 *
 * Two requests, however many volumes there are, and one for each container whose image the
 * list shows as an id, which it does once the tag has moved on to another image. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docker.h"
#include "table.h"

enum { VOLUME, CONTAINER, ID, STATE, IMAGE, DESTINATION, ACCESS, NETWORK, CREATED, TASK, LOOKUP, COLUMNS };

/* Of the names the one with a single slash is the container's own; /web/db is what a link calls it. */
static const char filter[] =
	"def text: if . == null or . == \"\" then \"-\" else tostring end;"
	"def is_id: (.Image // \"\") as $i | ($i | startswith(\"sha256:\")) or"
	"  (($i | test(\"^[0-9a-f]{12,64}$\")) and (.ImageID // \"\" | ltrimstr(\"sha256:\") | startswith($i)));"
	".[] | if (.Id // \"\") == \"\" then error(\"a container without an id\") else . end | . as $c"
	"| ([.Names // [] | .[] | select(test(\"^/[^/]+$\")) | ltrimstr(\"/\")][0] // .Id) as $name"
	"| ([.Mounts // [] | .[] | select(.Type == \"volume\")] | if . == [] then [{}] else . end)[]"
	"| [.Name, $name, $c.Id, $c.State, $c.Image, .Destination,"
	"   (if .Name == null then null elif .RW then \"rw\" else \"ro\" end), $c.HostConfig.NetworkMode, $c.Created,"
	"   ($c.Labels // {})[\"com.docker.swarm.task.id\"], (if ($c | is_id) then \"lookup\" else null end)]"
	"| map(text) | @tsv";

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bd-mounts [-V]\n");
	exit(BD_USAGE);
}

static int
list(struct docker *d, struct table *t)
{
	static const char path[] = "/containers/json?all=1";
	FILE *in;
	int rc = docker_get(d, path, filter, &in);
	if (rc) {
		if (rc == DOCKER_NONE)
			warnx("%s", d->message);
		return -1;
	}
	rc = table_read(t, in, path) ? -1 : 0;
	fclose(in);
	return rc;
}

/* Asks for the reference container id was created from; *image is to be freed, or NULL.
 * As docker_get. */
static int
ask_image(struct docker *d, const char *id, char **image)
{
	FILE *in;
	struct table t = {.columns = 1};
	*image = NULL;
	char *path = xasprintf("/containers/%s/json", id);
	int rc = docker_get(d, path, ".Config.Image | if . == null or . == \"\" then \"-\" else . end | [.] | @tsv", &in);
	if (rc == 0) {
		rc = table_read(&t, in, path) ? -1 : 0;
		fclose(in);
	}
	if (rc == 0 && t.rows == 1 && *table_row(&t, 0))
		*image = xstrdup(*table_row(&t, 0));
	table_free(&t);
	free(path);
	return rc;
}

/* Looks up the images shown as ids, and marks the containers that have vanished: they lose their name.
 * Rows of one container stand together. */
static int
look_up(struct docker *d, struct table *t)
{
	int status = BD_DONE, rc = 0;
	char *image = NULL;
	for (size_t i = 0; i < t->rows; i++) {
		char **row = table_row(t, i);
		if (!row[LOOKUP])
			continue;
		if (!i || strcmp(row[ID], table_row(t, i - 1)[ID])) {
			free(image);
			rc = ask_image(d, row[ID], &image);
		}
		if (rc < 0 && d->status < 300) {
			status = BD_FATAL;
			break;
		}
		if (rc < 0)
			status = BD_FAILED;
		if (rc == DOCKER_NONE) {
			free(row[CONTAINER]);
			row[CONTAINER] = NULL;
		} else if (image) {
			free(row[IMAGE]);
			row[IMAGE] = xstrdup(image);
		}
	}
	free(image);
	return status;
}

static int
print(struct table *t)
{
	int status = BD_DONE;
	table_sort(t);
	for (size_t i = 0; i < t->rows; i++) {
		char **row = table_row(t, i);
		const char *const *field = (const char *const *)row;
		if (row[CONTAINER] && tsv_write(stdout, field, LOOKUP) < 0)
			status = BD_FAILED;
	}
	return status;
}

int
main(int argc, char *argv[])
{
	bd_start();
	for (int c; (c = getopt(argc, argv, "V")) != -1;)
		switch (c) {
		case 'V': bd_version();
		default: usage();
		}
	if (optind != argc)
		usage();
	struct docker d;
	struct table t = {.columns = COLUMNS};
	if (docker_open(&d) < 0)
		return BD_FATAL;
	int status = list(&d, &t) < 0 ? BD_FATAL : look_up(&d, &t);
	docker_close(&d);
	if (status != BD_FATAL && print(&t) != BD_DONE)
		status = BD_FAILED;
	table_free(&t);
	return bd_finish(status);
}
