/* manifest.c - what the manifests and stamps of many generations say.
 *
 * One jq for all of them: each generation is a line, in which a manifest that is no
 * JSON spoils nothing but itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest.h"

enum { TOO_LARGE = 64 << 20 };

/* Ours is told from one of the original's by its key `failed`: the original builds a generation where it is
 * seen, manifest first, so that only the stamp shows that it came to an end. */
static const char filter[] =
    "def yes: if . == true then \"yes\" elif . == false then \"no\" else \"-\" end;"
    "def text: if type == \"string\" and . != \"\" then . else \"-\" end;"
    "def plain: index(\"\\u0000\") == null;" /* contains is fooled by it */
    "def good: type == \"object\" and .schema == 1 and (.volumes | type == \"object\" and"
    "  all(to_entries[]; (.value | type == \"object\") and (.key | . != \"\" and . != \"-\" and . != \".\" and . != \"..\""
    "  and (contains(\"/\") | not) and plain) and (.value.engine | text | plain))) and (.failed | . == null or type == \"array\");"
    "def parsed: if . == \"\" then null else (try fromjson catch false) end;"
    "def stamped: type == \"object\" and (.hash | type == \"string\" and test(\"^[0-9a-f]{64}$\"));"
    "split(\"\\t\") as [$of, $manifest, $stamp] | ($manifest | parsed) as $m | ($stamp | parsed) as $s |"
    "[$of, \"state\","
    "  if $manifest == \"\" then \"none\" elif $m | good | not then \"bad\" elif $m.failed == null then \"theirs\" else \"ours\" end,"
    "  if $stamp == \"\" then \"none\" elif $s | stamped then \"good\" else \"bad\" end,"
    "  if $s | stamped then $s.hash else \"-\" end, \"-\", \"-\"],"
    "(select($m | good) | ($m.failed // []) as $failed | $m.volumes | to_entries[] |"
    "  [$of, \"volume\", .key, (.value.database | yes), (.value.dumped | yes), (.value.engine | text),"
    "   (.key as $k | $failed | any(. == $k) | yes)])"
    "| @tsv";

int
manifests_begin(struct manifests *m)
{
	if ((m->lines = tmpfile()))
		return 0;
	warn("temporary file");
	return -1;
}

/* The file's text as part of a line: outside of strings white space is all one, inside there are no such bytes. */
static int
add_file(struct manifests *m, int generation, const char *name)
{
	int fd = openat(generation, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > TOO_LARGE) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	char buf[8192];
	ssize_t got;
	while ((got = read(fd, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < got; i++)
			putc(!buf[i] ? 1 : strchr("\t\n\r", buf[i]) ? ' ' : buf[i], m->lines); /* no JSON has a NUL, nor a 1 */
	int why = errno;
	close(fd);
	errno = why;
	if (st.st_size == 0) /* there, but empty: not to be taken for one that is missing */
		putc(' ', m->lines);
	return got < 0 ? -1 : 0;
}

int
manifests_add(struct manifests *m, size_t of, int generation, const char *label)
{
	static const char *const names[] = {"manifest.json", "directory_stemp.json"};
	off_t begin = ftello(m->lines);
	fprintf(m->lines, "%zu", of);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		putc('\t', m->lines);
		if (add_file(m, generation, names[i]) < 0) {
			warn("%s: %s", label, names[i]);
			if (fseeko(m->lines, begin, SEEK_SET) < 0 || ftruncate(fileno(m->lines), begin) < 0)
				err(BD_FATAL, "temporary file");
			return -1;
		}
	}
	putc('\n', m->lines);
	return 0;
}

int
manifests_end(struct manifests *m, struct table *t)
{
	const char *const jq[] = {"jq", "-Rr", filter, NULL};
	struct child c;
	FILE *out = tmpfile();
	t->columns = MANIFEST_COLUMNS;
	if (!out || fflush(m->lines) != 0 || ferror(m->lines) || lseek(fileno(m->lines), 0, SEEK_SET) < 0) {
		warn("temporary file");
		return -1;
	}
	int status = child_spawn(&c, jq, fileno(m->lines), fileno(out)) < 0 ? -1 : child_wait(&c);
	fclose(m->lines);
	if (status)
		warnx("manifest.json: jq ended with status %d", status);
	rewind(out);
	int rc = status || table_read(t, out, "manifests") ? -1 : 0;
	fclose(out);
	return rc;
}
