/* bd.h - what the bd-* programs share. One section per module of lib/.
 *
 * Functions of the library report what went wrong on stderr with warn(3)
 * (`program: thing: reason`) and return -1; only the programs exit. */
#ifndef BD_H
#define BD_H

#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Exit statuses, the same in every program; see baudolo(7). */
enum {
	BD_DONE = 0,
	BD_FAILED = 1, /* finished, but something failed or the answer is no */
	BD_USAGE = 2,  /* wrong usage or malformed input; nothing was done */
	BD_FATAL = 3,  /* could not go on */
	BD_LOCKED = 4, /* another run holds the lock */
};

/* start.c - first and last acts of a program */
void bd_start(void);           /* default INT and QUIT (dash ignores them for `&`), all descriptors the limit allows */
int bd_each(char *const operand[], int (*act)(const char *operand)); /* the highest of what act returns */
int bd_finish(int status);     /* checks stdout; returns status, or BD_FATAL when stdout could not be written */
void bd_catch(void (*handler)(int)); /* HUP, INT and TERM, but what is ignored, as by nohup, stays so; no SA_RESTART: what
                                        waits is to end. PIPE is ignored, CHLD is not. */
_Noreturn void bd_version(void);
_Noreturn void bd_usage(const char *synopsis);
/* bd_start for a program whose only option is -V: its operands, min to max (-1: any number); exits BD_USAGE otherwise.
 * options is "V", or "+V" where an operand may begin with '-'. */
char **bd_operands(int argc, char *argv[], const char *options, int min, int max, const char *synopsis);
long bd_processors(long max); /* how many there are, but not more than max */
long bd_number(const char *text, long min, long max, const char *what); /* exits BD_USAGE on anything else */

/* mem.c - allocation that exits BD_FATAL instead of returning NULL */
void *xrealloc(void *p, size_t count, size_t size);
void *xcalloc(size_t count, size_t size);
void *xshared(size_t count, size_t size); /* zeroed, and shared with the children */
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* name.c - names that become a component of a path */
bool is_component(const char *s); /* not empty, not "." or "..", without a slash; NULL is none */
void check_name(const char *s, const char *what); /* exits BD_USAGE */

/* folder.c - opening folders, and the names in them */
int folder_open(const char *path); /* exits BD_FATAL */
int folder_at(int dir, const char *name); /* where it is no symlink; -1 (errno) */
int folder_of(const char *path, const char **name); /* what a file lies in, and its name there, a part of path; -1 (errno) */
bool is_missing(int why); /* the errno of an open: nothing of that name, or another thing, is there */
int close_after(int fd, int rc); /* closes it, if there is one, and leaves errno alone; rc */
bool same_inode(const struct stat *a, const struct stat *b);
int folder_still(int dir, const char *name, int fd); /* 1: name is what fd has open, 0: it is not, or is gone; -1 (errno) */
ssize_t folder_names(int fd, char ***names); /* sorted as bytes; their number, or -1 (errno), and names is NULL */
void folder_names_free(char **names, size_t n);

/* tsv.c - records: fields escaped as jq's @tsv does, absent is "-" */
struct tsv {
	FILE *in;
	const char *name; /* for messages: "stdin", or the file's name */
	size_t line;
	char *buf;
	size_t cap;
	char **field; /* unescaped, NUL-terminated; NULL where absent */
	size_t fields, room;
};
void tsv_begin(struct tsv *t, FILE *in, const char *name);
int tsv_read(struct tsv *t, size_t columns); /* 1 a record, 0 end of input, -1 malformed or unreadable (said) */
int tsv_bad(const struct tsv *t, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* says NAME:LINE: why; -1 */
void tsv_end(struct tsv *t);
int tsv_write(FILE *out, const char *const field[], size_t fields); /* NULL is absent; -1 on "" or "-" (said) */
#define TSV_WRITE(out, ...) \
	tsv_write((out), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
struct tsv_num {
	char text[24];
};
struct tsv_num tsv_num(uintmax_t n); /* for .text, to print a number as a field */
struct tsv_num tsv_seconds(uintmax_t ms);
bool field_is(const char *field, const char *text);  /* NULL is nothing */
bool field_in(const char *field, const char *words); /* is one of the words, which blanks separate; NULL is none, and has none */
char *tsv_escape(const char *s);     /* as it would stand in a record; to be freed */
char *tsv_show(const char *s);       /* for a message: no line or terminal is upset by a name; to be freed */

/* child.c - children that die with us, and knowing when the last of them is gone */
struct child {
	pid_t pid;
	int alive; /* read end of a pipe that reads EOF once the child and all its descendants are gone */
};
int child_fork(struct child *c); /* as fork(2): 0 in the child, which gets SIGKILL when we die; -1 said */
int child_spawn(struct child *c, const char *const argv[], int in, int out); /* in, out: -1 inherits; out 2 is stderr */
int child_wait(struct child *c); /* waits for the whole family; exit status, 128+n for signal n, -1 said */
void child_exec(const char *const argv[]); /* resets SIGPIPE and the mask, execs; says why not and exits 126 or 127 */
char *shell_quote(const char *const argv[]); /* the command as a user would type it; to be freed */

/* hash.c - SHA-256 of libcrypto */
#define HASH_HEX 65
struct hash {
	void *ctx;
};
int hash_begin(struct hash *h);
int hash_add(struct hash *h, const void *data, size_t len);
int hash_end(struct hash *h, char hex[HASH_HEX]);
void hash_drop(struct hash *h); /* instead of hash_end */
int hash_fd(int fd, const char *name, char hex[HASH_HEX]); /* of what is left to read; -1 said (errno) */

/* save.c - a file appears complete or not at all */
struct save {
	int dir;
	char *name, *tmp;
	FILE *out;
	bool durable; /* fsync before and after the rename */
};
int save_begin(struct save *s, int dir, const char *name, mode_t mode, bool durable);
int save_commit(struct save *s);
void save_abort(struct save *s);

#endif
