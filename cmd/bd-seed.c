/* bd-seed - adds or updates one row of databases.csv; the password comes from stdin.
 *
 * Writers wait for each other at a lock on the folder, which is there before the file is. The new file takes the
 * place of the old one when it is complete; whatever goes wrong before leaves the old one as it was. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "databases.h"
#include "utf8.h"

enum { PASSWORD_MAX = 16384 }; /* in quotes and doubled it still fits a row */

static int
failed(const char *what, const char *why)
{
	fprintf(stderr, "ERROR: %s: %s; nothing was changed.\n", what, why);
	return BD_FAILED;
}

/* All of stdin but one end of line. NULL: why not is said. */
static char *
read_password(void)
{
	char *text = xcalloc(PASSWORD_MAX + 3, 1);
	size_t len = fread(text, 1, PASSWORD_MAX + 2, stdin);
	if (ferror(stdin)) {
		failed("the password", strerror(errno));
		return NULL;
	}
	if (len && text[len - 1] == '\n')
		len -= len > 1 && text[len - 2] == '\r' ? 2 : 1;
	text[len] = '\0';
	if (len <= PASSWORD_MAX && strlen(text) == len)
		return text;
	failed("the password", len > PASSWORD_MAX ? "it is too long" : "it has a NUL byte");
	return NULL;
}

static char *
strip(const char *s)
{
	s += strspn(s, " \t");
	size_t len = strlen(s);
	while (len && strchr(" \t", s[len - 1]))
		len--;
	return xasprintf("%.*s", (int)len, s);
}

static int
check(const struct database *row)
{
	char *wrong = NULL;
	size_t len = 0;
	for (size_t c = 0; c < DB_COLUMNS && !wrong; c++) {
		len += strlen(row->text[c]);
		if (!is_utf8(row->text[c]))
			wrong = xstrdup("it is not UTF-8.");
	}
	if (!wrong && len > 2 * PASSWORD_MAX)
		wrong = xstrdup("it is too long.");
	if (!wrong)
		wrong = databases_wrong(row);
	if (!wrong)
		return BD_DONE;
	char *shown = tsv_show(row->text[DB_INSTANCE]);
	fprintf(stderr, "ERROR: Invalid databases.csv entry for instance '%s': %s\n", shown, wrong);
	free(shown);
	free(wrong);
	return BD_FAILED;
}

/* Makes the folders above the path. */
static int
make_parents(char *path)
{
	for (char *s = path + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		int rc = mkdir(path, 0755);
		*s = '/';
		if (rc < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

/* Opens the folder of file, and locks it; *name becomes the name of the file in it, all links followed. -1: errno. */
static int
open_folder(const char *file, char **name)
{
	char *path = realpath(file, NULL);
	struct stat st;
	size_t len = strlen(file);
	if (!path) {
		if (!len || file[len - 1] == '/' || errno != ENOENT || (lstat(file, &st) == 0 && (errno = ENOENT)))
			return -1;
		path = xstrdup(file);
		if (make_parents(path) < 0)
			return -1;
	}
	char *copy = xstrdup(path);
	*name = xstrdup(basename(copy));
	strcpy(copy, path);
	int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	free(copy);
	free(path);
	if (dir < 0)
		return -1;
	do
		rc = flock(dir, LOCK_EX);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -1 : dir;
}

static void
write_header(FILE *out)
{
	fprintf(out, "instance%cdatabase%cusername%cpassword\n", DB_SEPARATOR, DB_SEPARATOR, DB_SEPARATOR);
}

/* One row of as many fields as the header has: those of row where they are ours. old: the others, or NULL. */
static void
write_row(FILE *out, const struct databases *d, const struct database *row, char *const old[])
{
	for (size_t f = 0; f < d->columns; f++) {
		const char *text = old ? old[f] : "";
		for (size_t c = 0; row && c < DB_COLUMNS; c++)
			if (d->at[c] == f)
				text = row->text[c];
		if (f)
			putc(DB_SEPARATOR, out);
		csv_write(out, text, DB_SEPARATOR);
	}
	putc('\n', out);
}

/* Writes all of the old file with the new row. 1: it took the place of others, 0: it was added, -1: said. */
static int
merge(FILE *in, const char *file, const struct database *new, FILE *out)
{
	struct databases d;
	struct database row;
	int rc, found = 0;
	if (databases_begin(&d, in, file) < 0)
		return -1;
	if (d.columns)
		write_row(out, &d, NULL, d.csv.field);
	else {
		fprintf(stderr, "WARNING: databases.csv exists but is empty: %s. Creating header columns.\n", file);
		write_header(out);
		d.columns = DB_COLUMNS;
		for (size_t c = 0; c < DB_COLUMNS; c++)
			d.at[c] = c;
	}
	while ((rc = databases_next(&d, &row)) > 0) {
		bool same = !strcmp(row.text[DB_INSTANCE], new->text[DB_INSTANCE]) && !strcmp(row.text[DB_DATABASE], new->text[DB_DATABASE]);
		found = found || same;
		write_row(out, &d, same ? new : NULL, d.csv.field);
	}
	if (!rc && !found)
		write_row(out, &d, new, NULL);
	databases_end(&d);
	return rc ? -1 : found;
}

/* The old file, if there is one, or NULL with errno. */
static FILE *
open_old(int dir, const char *name, struct stat *st)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, st) == 0) {
		if (S_ISREG(st->st_mode))
			return fdopen(fd, "r");
		errno = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
	}
	int why = errno;
	close(fd);
	errno = why;
	return NULL;
}

/* As merge, of what lies in dir. */
static int
rewrite(int dir, const char *name, const char *file, const struct database *new)
{
	struct stat st;
	struct save s;
	int found = 0;
	FILE *in = open_old(dir, name, &st);
	if (!in && errno != ENOENT) {
		warn("%s", file);
		return -1;
	}
	if (save_begin(&s, dir, name, 0600, true) < 0)
		return -1;
	if (in) {
		found = merge(in, file, new, s.out);
		fclose(in);
	} else {
		struct databases d = {.columns = DB_COLUMNS, .at = {0, 1, 2, 3}};
		write_header(s.out);
		write_row(s.out, &d, new, NULL);
	}
	if (found >= 0 && in && (fchown(fileno(s.out), st.st_uid, st.st_gid) < 0 || fchmod(fileno(s.out), st.st_mode & 07777) < 0)) {
		warn("%s", file);
		found = -1;
	}
	if (found < 0) {
		save_abort(&s);
		return -1;
	}
	return save_commit(&s) < 0 ? -1 : found;
}

int
main(int argc, char *argv[])
{
	char **operand = bd_operands(argc, argv, "+V", 4, 4, "bd-seed [-V] FILE INSTANCE DATABASE USERNAME <PASSWORD");
	const char *file = operand[0];
	struct database new = {0};
	for (size_t c = 0; c < DB_PASSWORD; c++)
		new.text[c] = strip(operand[1 + c]);
	if (!(new.text[DB_PASSWORD] = read_password()) || check(&new) != BD_DONE)
		return BD_FAILED;
	char *name = NULL;
	int dir = open_folder(file, &name);
	if (dir < 0)
		return failed(file, strerror(errno));
	int found = rewrite(dir, name, file, &new);
	if (found < 0)
		return failed(file, "see above");
	puts(found ? "Updating existing entry." : "Adding new entry.");
	return bd_finish(BD_DONE);
}
