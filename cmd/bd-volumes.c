/* bd-volumes - prints a record for each Docker volume: volume driver mountpoint backing created.
 *
 * Two requests, however many volumes there are. */
#include <stdlib.h>
#include <string.h>

#include "volume.h"

static int
ask_for(struct docker *d, char *const names[], struct table *t)
{
	int status = BD_DONE;
	for (; *names; names++) {
		int rc = volume_ask(d, *names, t);
		if (rc == DOCKER_NONE)
			warnx("%s: no such volume", *names);
		if (rc)
			status = BD_FAILED;
		if (rc < 0 && d->status < 300)
			return BD_FATAL;
	}
	return status;
}

static int
print(const struct table *t)
{
	int status = BD_DONE;
	const char *last = NULL;
	for (size_t i = 0; i < t->rows; i++) {
		char **row = table_row(t, i);
		if (!row[VOLUME_NAME]) {
			warnx("%s", row[VOLUME_CREATED] ? row[VOLUME_CREATED] : "Docker warns, and does not say of what");
			status = BD_FAILED;
			continue;
		}
		if (last && !strcmp(last, row[VOLUME_NAME])) /* named twice */
			continue;
		last = row[VOLUME_NAME];
		if (volume_settle(row) < 0)
			status = BD_FAILED;
		if (tsv_write(stdout, (const char *const *)row, VOLUME_COLUMNS) < 0)
			status = BD_FAILED;
	}
	return status;
}

int
main(int argc, char *argv[])
{
	char **names = bd_operands(argc, argv, "V", 0, -1, "bd-volumes [-V] [VOLUME...]");
	struct docker d;
	struct table t = {.columns = VOLUME_COLUMNS};
	if (docker_open(&d) < 0)
		return BD_FATAL;
	int status = BD_DONE;
	if (*names)
		status = ask_for(&d, names, &t);
	else if ((status = volume_list(&d, &t))) {
		if (status == DOCKER_NONE)
			warnx("%s", d.message);
		status = BD_FATAL;
	}
	docker_close(&d);
	if (status != BD_FATAL) {
		table_sort(&t);
		if (print(&t) != BD_DONE)
			status = BD_FAILED;
	}
	table_free(&t);
	return bd_finish(status);
}
