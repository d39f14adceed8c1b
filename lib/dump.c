/* dump.c - dumps of databases, plain SQL: which are complete, and what wrote them. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump.h"

/* As the tools write them: pg_backup_archiver.c, pg_dumpall.c, mysqldump.c. */
static const char *const marker[] = {
	[DUMP_POSTGRES] = "-- PostgreSQL database dump complete",
	[DUMP_CLUSTER] = "-- PostgreSQL database cluster dump complete",
	[DUMP_MARIADB] = "-- Dump completed",
};

void
dump_watch_begin(struct dump_watch *w, enum dump_kind kind)
{
	*w = (struct dump_watch){.kind = kind};
}

void
dump_watch_add(struct dump_watch *w, const void *data, size_t len)
{
	const char *from = data;
	if (len >= sizeof w->tail) {
		from += len - sizeof w->tail;
		len = sizeof w->tail;
	}
	size_t keep = w->len < sizeof w->tail - len ? w->len : sizeof w->tail - len;
	memmove(w->tail, w->tail + w->len - keep, keep);
	memcpy(w->tail + keep, from, len);
	w->len = keep + len;
}

/* The last line of the first *end bytes that is not blank, *len long; *end becomes its start. NULL: no line begins there. */
static const char *
last_line(const struct dump_watch *w, size_t *end, size_t *len)
{
	size_t to = *end;
	while (to && (w->tail[to - 1] == '\n' || w->tail[to - 1] == ' '))
		to--;
	size_t from = to;
	while (from && w->tail[from - 1] != '\n')
		from--;
	/* at the start of the window it may be the rest of a longer line */
	if (from == to || (from == 0 && w->len == sizeof w->tail))
		return NULL;
	*end = from;
	*len = to - from;
	return w->tail + from;
}

static bool
begins(const char *line, size_t len, const char *text)
{
	return len >= strlen(text) && !memcmp(line, text, strlen(text));
}

/* Moves *end to before the last line if that begins with text, and is no more than that unless it may. */
static bool
take(const struct dump_watch *w, size_t *end, const char *text, bool more)
{
	size_t start = *end, len;
	const char *line = last_line(w, &start, &len);
	if (!line || !begins(line, len, text) || (len > strlen(text) && !more))
		return false;
	*end = start;
	return true;
}

bool
dump_watch_complete(const struct dump_watch *w)
{
	size_t end = w->len;
	if (w->kind == DUMP_MARIADB) /* the date may follow */
		return take(w, &end, marker[w->kind], false) || take(w, &end, "-- Dump completed on ", true);
	if (w->kind == DUMP_POSTGRES)
		take(w, &end, "\\unrestrict ", true);
	return take(w, &end, "--", false) && take(w, &end, marker[w->kind], false) && take(w, &end, "--", false);
}

/* Up to len bytes at an offset; fewer only at the end of the file. -1 said. */
static ssize_t
read_at(int fd, const char *name, char *buf, size_t len, off_t at)
{
	size_t have = 0;
	while (have < len) {
		ssize_t got = pread(fd, buf + have, len - have, at + (off_t)have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			warn("%s", name);
			return -1;
		}
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

/* Why a file that lacks the marker is no dump of that kind. */
static const char *
flaw(const char *head, size_t len, enum dump_kind kind)
{
	static const struct {
		const char *start, *what;
	} foreign[] = {
		{"PGDMP", "it is an archive of pg_dump, not plain SQL"},
		{"\x1f\x8b", "it is compressed with gzip"},
		{"BZh", "it is compressed with bzip2"},
		{"\xfd" "7zXZ", "it is compressed with xz"},
		{"\x28\xb5\x2f\xfd", "it is compressed with zstd"},
	};
	static const struct {
		enum dump_kind kind;
		const char *title, *what;
	} other[] = {
		{DUMP_CLUSTER, "-- PostgreSQL database cluster dump\n", "it is a dump of a PostgreSQL cluster"},
		{DUMP_POSTGRES, "-- PostgreSQL database dump\n", "it is a dump of a single PostgreSQL database"},
		{DUMP_MARIADB, "-- MariaDB dump ", "it is a dump of MariaDB"},
		{DUMP_MARIADB, "-- MySQL dump ", "it is a dump of MySQL"},
	};
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (begins(head, len, foreign[i].start))
			return foreign[i].what;
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		if (kind != other[i].kind && memmem(head, len, other[i].title, strlen(other[i].title)))
			return other[i].what;
	return "it is cut off, or was never finished: its end marker is missing";
}

int
dump_check(int fd, const char *name, enum dump_kind kind)
{
	struct dump_watch w;
	struct stat st;
	char head[512], tail[sizeof w.tail];
	if (fstat(fd, &st) < 0) {
		warn("%s", name);
		return BD_FATAL;
	}
	off_t at = st.st_size > (off_t)sizeof tail ? st.st_size - (off_t)sizeof tail : 0;
	ssize_t first = read_at(fd, name, head, sizeof head, 0), last = first < 0 ? -1 : read_at(fd, name, tail, sizeof tail, at);
	if (last < 0)
		return BD_FATAL;
	dump_watch_begin(&w, kind);
	dump_watch_add(&w, tail, (size_t)last);
	if (dump_watch_complete(&w))
		return BD_DONE;
	warnx("%s: not a complete dump: %s", name, last ? flaw(head, (size_t)first, kind) : "it is empty");
	return BD_FAILED;
}

static const char *const from_line[] = {
	[DUMP_POSTGRES] = "-- Dumped from database version ",
	[DUMP_CLUSTER] = "-- Dumped from database version ",
	[DUMP_MARIADB] = "-- Server version\t",
};
enum { HEAD_SIZE = 1 << 16 }; /* where it stands in a dump that is not of a cluster: within its first lines */

bool
dump_version_parse(const char *text, enum dump_kind kind, struct dump_version *v)
{
	static const char digits[] = "0123456789.", letters[] = "0123456789.abcdefghijklmnopqrstuvwxyz";
	*v = (struct dump_version){.product = DUMP_FROM_POSTGRES};
	if (kind == DUMP_MARIADB)
		v->product = strstr(text, "MariaDB") ? DUMP_FROM_MARIADB : DUMP_FROM_MYSQL;
	/* what MariaDB before 11 says to clients that know no version above 5 */
	if (v->product == DUMP_FROM_MARIADB && !strncmp(text, "5.5.5-", 6) && isdigit((unsigned char)text[6]))
		text += 6;
	size_t len = strspn(text, kind == DUMP_MARIADB ? digits : letters);
	if (!isdigit((unsigned char)*text) || len >= sizeof v->text)
		return false;
	memcpy(v->text, text, len);
	if (sscanf(v->text, "%4d.%4d", &v->series[0], &v->series[1]) < (kind == DUMP_MARIADB ? 2 : 1))
		return false;
	if (kind != DUMP_MARIADB && v->series[0] >= 10)
		v->series[1] = 0; /* a patch level */
	return true;
}

int
dump_version_compare(const struct dump_version *a, const struct dump_version *b)
{
	return a->series[0] != b->series[0] ? a->series[0] - b->series[0] : a->series[1] - b->series[1];
}

const char *
dump_product(enum dump_product p)
{
	static const char *const name[] = {
		[DUMP_FROM_POSTGRES] = "PostgreSQL", [DUMP_FROM_MARIADB] = "MariaDB", [DUMP_FROM_MYSQL] = "MySQL"};
	return name[p];
}

int
dump_version(int fd, const char *name, enum dump_kind kind, struct dump_version *v)
{
	const size_t prefix = strlen(from_line[kind]);
	char buf[8192], line[128];
	size_t len = 0;
	ssize_t got;
	for (off_t at = 0; (got = read_at(fd, name, buf, sizeof buf, at)) > 0; at += got) {
		if (kind != DUMP_CLUSTER && at >= HEAD_SIZE)
			break;
		for (ssize_t i = 0; i < got; i++) {
			if (buf[i] != '\n') {
				line[len] = buf[i];
				len += len + 1 < sizeof line; /* of a longer one the rest does not matter */
				continue;
			}
			line[len] = '\0';
			if (begins(line, len, from_line[kind]) && dump_version_parse(line + prefix, kind, v))
				return BD_DONE;
			len = 0;
		}
	}
	return got < 0 ? BD_FATAL : BD_FAILED;
}
