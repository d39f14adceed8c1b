/* tree.h - walking, comparing, linking and copying the tree of a volume. */
#ifndef TREE_H
#define TREE_H

#include <time.h>

#include "bd.h"

/* walk.c - a tree in the byte order of full paths, never following a link.
 * The tree may change meanwhile: what vanishes is passed over. */
struct walk_item {
	const char *path; /* below the root, "" for the root itself */
	const char *name;
	int dir;          /* the folder it lies in (-1 for the root) */
	int fd;           /* a folder's own descriptor, -1 for anything else */
	struct stat st;
};
struct walk_ops {
	int (*entry)(void *arg, const struct walk_item *i); /* everything below the root, folders too */
	int (*enter)(void *arg, const struct walk_item *i); /* a folder's contents begin; the root's too */
	int (*leave)(void *arg, const struct walk_item *i); /* and have ended */
};
int walk(int root, const char *label, const struct walk_ops *ops, void *arg); /* -1: an error, said, or what a callback returned */

int walk_open(const struct walk_item *i); /* a file, for reading; -1 (errno; EAGAIN: the name is another one's by now) */
char *walk_target(const struct walk_item *i); /* of a symlink, to be freed; NULL (errno) */

/* The same step by step. */
enum { WALK_DONE, WALK_ENTRY, WALK_ENTER, WALK_LEAVE };
struct walker;
struct walker *walk_begin(int root, const char *label); /* root stays open, and the caller's; NULL said */
void walk_from(struct walker *w, const char *path); /* leaves out what comes before path, but for the folders path lies in */
int walk_next(struct walker *w, struct walk_item *i); /* -1: i->path cannot be read, said (errno); one may go on */
void walk_end(struct walker *w);

/* index.c - what the last copy saw of the source: path, device, inode, ctime.
 * A cache: it is believed only if it names the very folder it was made for, is whole,
 * and was made since the machine booted. */
struct index_in {
	struct tsv t;
	const char *path; /* the record at hand, NULL at the end */
	char root[48];    /* device and inode of the source's root */
};
struct index_out {
	struct save file;
	uintmax_t count;
};
void index_snapshot(dev_t of_snapshot, dev_t of_subject); /* what is read from the former counts as of the latter */
bool index_open(struct index_in *x, int dir, const char *name, int copy, bool across_boots);
bool index_same_root(const struct index_in *x, const struct stat *st);
bool index_find(struct index_in *x, const char *path, const struct stat *st); /* to be asked in walking order */
int index_forget(struct index_in *x, const char *path); /* on disk, what it says of path, if anything; in walking order; -1 (errno) */
void index_close(struct index_in *x);
int index_begin(struct index_out *x, int dir, const char *name, int copy);
int index_put(struct index_out *x, const char *path, const struct stat *st);
int index_commit(struct index_out *x);
void index_abort(struct index_out *x);

/* same.c - comparing two files by what is in them */
bool same_stat(const struct stat *a, const struct stat *b); /* type, mode, owner, size, mtime in ns */
int same_bytes(int a, int b, const char *name); /* what is left to read of each: 1 the same, 0 not, -1 said */
int same_content(int adir, int bdir, const char *name, const struct stat *st); /* content and xattrs: 1 yes, 0 no, -1 said */
bool same_xattrs(int adir, int bdir, const char *name); /* "." for the folders themselves */
int copy_xattrs(int from, int to, const char *label); /* of folders; what else `to` has goes */

/* link.c - makes the folders of DEST, hard-links what is provably the same in PREV,
 * and hands every other path to emit.
 * stay.c - the same where PREV is DEST: what is no longer true of it goes. */
struct devices {
	dev_t *dev;
	size_t count;
};
void device_add(struct devices *d, dev_t dev);
bool device_known(const struct devices *d, dev_t dev);

struct bad;
struct mtree_in;
struct link_job {
	const char *label;       /* for messages */
	int src, prev, dest;     /* prev: -1 where there is none */
	int aside;               /* stay_tree: a folder for what is taken out of DEST; its names do not count */
	struct index_in *known;  /* NULL: compare by content */
	struct mtree_in *list;   /* the contents.mtree of PREV: what it does not name is compared by content as well. NULL: none is needed */
	const struct bad *bad;   /* of PREV: not to be linked from; NULL: none */
	struct index_out *seen;  /* NULL: keep no index */
	struct stat built;       /* the generation being built: the source must not hold it; zero: not known */
	struct timespec t0;      /* taken before the source was synced and walked */
	const struct devices *synced; /* those the caller has synced since t0; NULL: none. Write-back write-protects
	                                 pages mapped shared, so that a later store moves ctime. */
	int (*emit)(void *arg, const char *path);
	void *arg;
	uintmax_t linked, copied; /* result: files (not folders) */
	uintmax_t bytes, shared;  /* result: those of the copied, and of the linked, each inode once */
	uintmax_t fresh, fresh_bytes; /* result: of the linked, what no generation before PREV has */
	uintmax_t gone;          /* result of stay_tree: names in aside */
	struct timespec root_mtime; /* result: to be given to DEST when rsync is done: listed as ".", the root would
	                               bring all that lies in it */
	char why[200];           /* result: the last thing said */
};
int link_tree(struct link_job *j);
int stay_tree(struct link_job *j); /* needs neither seen nor synced: what changed since the index was begun has a younger
                                      ctime than any in it, since the source was synced then */
#define LINK_DEPTH_MAX 1000 /* rsync 3.5 gives up (ENOMEM) at some 1,020 folders */
#define LINK_PATH_MAX 4080 /* rsync: "/d/" and a temporary name around it must stay below PATH_MAX */

/* rsync.c - rsync where it sees nothing but SRC, DEST and the system's programs */
int rsync_spawn(struct child *c, int src, int dest, const char *const more[], int in);
int rsync_tree(int dir, const char *path); /* a detached mount, read-only and without symlinks to follow, for src; -1 (errno) */
int rsync_command(const char *argv[], size_t room, const char *const more[]); /* for -n and -v */

/* copy.c - one volume from its mountpoint into a new folder `files`.
 *
 * A cold copy, made while nothing uses the volume, brings the hot one up to date where it
 * lies. Without an index of the hot one it is one more copy linked from it, whose place it
 * then takes. What is left as `files.gone` and `files.hot` is to be removed when there is
 * time. If it fails, no `files` is left. */
struct copy {
	const char *volume, *mountpoint;
	int source;            /* the volume's root, as held_find has it; HELD_NOT: open mountpoint */
	bool cold;
	const char *repo_path, *partial_path; /* for copy_show */
	int repo;              /* the repository's folder, -1 if there is none yet */
	char *const *generations; /* names in it, newest first, NULL at the end */
	int partial, index;    /* folders; index -1: none kept */
	int bad;               /* a folder with a list of damaged files for each volume; -1: none */
	bool checksum, across_boots, verbose;
	struct timespec t0;
	const struct devices *synced;
};
enum copy_status { COPY_FAILED, COPY_DONE, COPY_VANISHED };
struct copy_result {
	enum copy_status status;
	bool made; /* its folder `files` is ours */
	bool left; /* it failed, and what there is of it could not be removed */
	uintmax_t linked, copied, bytes, shared, ms;
	char base[16];    /* generation linked from, or "" */
	char reason[200]; /* of a failure */
};
void copy_volume(const struct copy *c, struct copy_result *r); /* r: in memory the caller may share and read after our death */
int remove_tree(int dir, const char *path); /* by rm -rf; -1 said */
int copy_discard(const struct copy *c, const char *volume); /* no VOLUME/files stays of a failed copy; -1 said */
void copy_show(const struct copy *c, FILE *out); /* what copy_volume would do, as a command line */

/* held.c - sources opened before their containers stopped, handed down in $BAUDOLO_HELD */
enum { HELD_NOT = -1, HELD_FAILED = -2 }; /* it was not asked for, it could not be opened */
int held_find(const char *volume); /* a detached mount, or one of these */
void held_add(const char *volume, int fd);

/* generation.c - names in a repository */
bool generation_name(const char *s); /* 14 digits */
int repository(const char *path, char ***generations); /* its folder, -1 if there is none yet; they are listed as below, NULL
                                                          if there is none; exits BD_FATAL */
int generation_list(int repo, char ***names); /* newest first, NULL at the end; -1 said */
char *generation_next(const char *newest, time_t now); /* local time, always above newest (NULL: none); NULL if there is none */
time_t generation_time(const char *name, struct tm *tm); /* and the local time, broken down, with day of week and year; -1: no date */

#endif
