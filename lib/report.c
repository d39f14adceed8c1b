/* report.c - the result records of bd-stop: kind container volume seconds killed status.
 *
 * They are kept in memory: when the file is there, all of them are. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

int
report_open(struct report *r, const char *path)
{
	*r = (struct report){.path = path, .dir = -1};
	if (!(r->out = open_memstream(&r->text, &r->len)))
		err(BD_FATAL, "memory");
	if (!path)
		return 0;
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* which a rename would replace: /dev/null, say */
		warnx("%s: not a file", path);
		return -1;
	}
	const char *name;
	if ((r->dir = folder_of(path, &name)) < 0)
		warn("%s", path);
	return r->dir < 0 ? -1 : 0;
}

bool
report_add(struct report *r, const char *kind, const char *container, const char *volume, const char *seconds,
           const char *killed, const char *status)
{
	size_t before = r->len;
	if (TSV_WRITE(r->out, kind, container, volume, seconds, killed, status) < 0)
		return true;
	if (fflush(r->out) != 0)
		err(BD_FATAL, "memory");
	size_t len = r->len - before;
	for (size_t at = 0; at < before; at += strcspn(r->text + at, "\n") + 1)
		if (at + len <= before && !memcmp(r->text + at, r->text + before, len)) {
			fseek(r->out, (long)before, SEEK_SET);
			fflush(r->out);
			return false;
		}
	return true;
}

int
report_close(struct report *r)
{
	struct save s;
	int rc = 0;
	fclose(r->out);
	if (r->path) {
		const char *slash = strrchr(r->path, '/');
		rc = save_begin(&s, r->dir, slash ? slash + 1 : r->path, 0644, false);
		if (rc == 0) {
			fwrite(r->text, 1, r->len, s.out);
			rc = save_commit(&s);
		}
		close(r->dir);
	}
	free(r->text);
	*r = (struct report){.dir = -1};
	return rc;
}
