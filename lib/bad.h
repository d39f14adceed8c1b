/* bad.h - what verification found wrong with a volume in its generations.
 *
 * A file for each volume, records `path inode birth generation what`; path is below the volume. It is no cache. */
#ifndef BD_BAD_H
#define BD_BAD_H

#include "bd.h"

struct bad_file { /* which file is meant, however many names it has: an inode number alone comes back; "": none, or not known */
	char ino[24], birth[48];
};

struct bad_thing {
	char *path, *generation, *what; /* path: "." or beginning with "./" */
	struct bad_file file;
};

struct bad {
	struct bad_thing *thing;
	size_t count;
	bool all; /* the file could not be read: everything may be bad */
};

void bad_open(struct bad *b, int dir, const char *volume); /* no such file: nothing is bad */
void bad_close(struct bad *b);
void bad_add(struct bad *b, const char *path, const char *generation, const char *what, const struct bad_file *file);
void bad_drop(struct bad *b, bool (*gone)(void *arg, struct bad_thing *t), void *arg);
int bad_save(struct bad *b, int dir, const char *volume); /* durably; -1 said */

struct bad_file bad_file_of(int dir, const char *path);

/* Whether the file that dir has under a name, which is that inode, was found wrong under any of its names. b as it was opened. */
bool bad_has(const struct bad *b, ino_t ino, int dir, const char *name);

bool bad_there(const struct bad_thing *t, int volume); /* whether the open folder has the wrong file at its path */

/* What of a volume of a generation, its open folder, is not as it should be: found in it, or in another that names the same file. */
enum { BAD_FILES = 1, BAD_DUMPS = 2 };
unsigned bad_parts(const struct bad *b, const char *generation, int volume);

#endif
