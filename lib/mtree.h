/* mtree.h - contents.mtree: what a volume of a generation holds, in the flat form of mtree(5)
 * that NetBSD's mtree(8) and libarchive read.
 *
 *	#mtree
 *	. type=dir
 *	./contents.mtree type=file optional
 *	./PATH type=dir uid=N gid=N mode=0OCTAL time=SEC.NSEC
 *	./PATH type=file uid=N gid=N mode=0OCTAL size=N time=SEC.NSEC sha256=HEX
 *	./PATH type=link uid=N gid=N mode=0OCTAL time=SEC.NSEC link=TARGET
 *
 * Paths are full, each once, in byte order; the line of contents.mtree itself, which could not hold its own digest,
 * stands where the order has it. All bytes but a few harmless ones are written \ooo. NSEC counts upwards, so that
 * -1.250000000 is three quarters of a second before 1970.
 *
 * Names with one of * ? [ are a trap: the mtree(8) of NetBSD takes them for patterns however they are written, and the
 * first that matches a file serves; libarchive takes names as they are. So such a path stands there twice. In its place,
 * with a backslash before each of these characters and backslashes, as for fnmatch(3), behind the line
 *	# \
 * which to libarchive, but not to mtree(8), makes the next line a comment. And once more at the end of the file, as it is,
 * where mtree(8) finds it only if nothing else matches, with the keyword `optional`, so that it does not miss it. */
#ifndef BD_MTREE_H
#define BD_MTREE_H

#include <time.h>

#include "bd.h"

#define MTREE_NAME "contents.mtree"

struct mtree_entry {
	char *path;          /* below the volume, unescaped */
	mode_t mode;         /* with the type: S_IFDIR, S_IFREG or S_IFLNK */
	uid_t uid;
	gid_t gid;
	off_t size;          /* of a file */
	struct timespec time;
	char *link;          /* of a link, unescaped; else NULL */
	char sha256[HASH_HEX]; /* of a file; else "" */
};

/* Writing. Errors show in the stream. Entries in byte order; what is not of one of the three types is a mistake of the caller. */
struct mtree_out {
	FILE *to;
	FILE *again; /* what is to be said once more, NULL if there is nothing */
	bool self;   /* the line of contents.mtree is written */
	char *buf;
	size_t cap;
};
void mtree_begin(struct mtree_out *m, FILE *to);
void mtree_put(struct mtree_out *m, const struct mtree_entry *e);
int mtree_end(struct mtree_out *m); /* does not close the stream; -1 said */
struct mtree_entry mtree_of(const char *path, const struct stat *st); /* path is not copied; no link, no digest yet */

/* Reading, a line at a time: only what is written exactly as above is taken. */
struct mtree_in {
	FILE *in;
	const char *name;     /* for messages */
	struct mtree_entry e; /* the entry at hand, ours until the next mtree_read */
	size_t line;
	bool self, any, ended;
	struct hash expected; /* of what must stand at the end, once more */
	char *buf, *last, *again; /* the line, the path before, the line as we would write it */
	size_t cap, last_cap, again_cap;
};
void mtree_open(struct mtree_in *m, FILE *in, const char *name);
int mtree_at(struct mtree_in *m, int dir, const char *path, const char *name); /* opens the file, too; -1 (errno) */
int mtree_read(struct mtree_in *m); /* 1 an entry, 0 the end, -1 malformed or unreadable (said) */
/* Instead of mtree_read, in byte order: the entry of the path, NULL: there is none, or what there is cannot be read up to it. */
const struct mtree_entry *mtree_find(struct mtree_in *m, const char *path);
bool mtree_is(const struct mtree_entry *e, const struct stat *st); /* link and digest apart */
void mtree_close(struct mtree_in *m); /* does not close the stream */

#endif
