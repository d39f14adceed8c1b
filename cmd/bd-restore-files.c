/* bd-restore-files - makes a volume equal to a tree of files.
 *
 * All that can be refused is refused before anything changes, and rsync removes nothing
 * before it has transferred everything. Both trees are opened once; what rsync sees is
 * what was opened, and it follows no link, so that containers that write to the volume
 * meanwhile cannot lead it out. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "signals.h"
#include "tell.h"
#include "tree.h"
#include "twins.h"
#include "volume.h"

/* Checksums, for equal size and time prove nothing. */
static const char *const options[] = {"--checksum", "--delete-after", NULL};

static bool dry, live, verbose;

static const char synopsis[] = "bd-restore-files [-lnvV] VOLUME FILES";

static _Noreturn void __attribute__((format(printf, 2, 3)))
die(int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell("ERROR: ", fmt, ap);
	va_end(ap);
	exit(status);
}

/* The last component is no symlink: with a slash behind it one would be followed. */
static int
open_folder(const char *path)
{
	char *p = xstrdup(path);
	for (size_t n = strlen(p); n > 1 && p[n - 1] == '/'; n--)
		p[n - 1] = '\0';
	int fd = open(p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int why = errno;
	free(p);
	errno = why;
	return fd;
}

static int
open_files(const char *path)
{
	int fd = open_folder(path);
	if (fd >= 0)
		return fd;
	if (is_missing(errno))
		die(BD_USAGE, "backup files dir not found: %s", path);
	die(BD_FATAL, "backup files dir cannot be read: %s: %s", path, strerror(errno));
}

static int
ask(struct docker *d, const char *volume, struct table *t)
{
	int rc = volume_ask(d, volume, t);
	if (rc < 0)
		die(BD_FATAL, "volume %s: Docker failed; nothing was changed", volume);
	return rc;
}

/* Returns the volume's row, made if need be; NULL if it would be made. */
static char **
find_volume(struct docker *d, const char *volume, struct table *t)
{
	if (ask(d, volume, t) == 0) {
		printf("Volume %s already exists.\n", volume);
		return table_row(t, 0);
	}
	printf("Volume %s does not exist. Creating...\n", volume);
	if (dry)
		return NULL;
	if (volume_make(d, volume) < 0 || ask(d, volume, t))
		die(BD_FATAL, "volume %s could not be created", volume);
	return table_row(t, 0);
}

static _Noreturn void
refuse_backing(const char *volume)
{
	die(BD_USAGE, "volume %s has a backing store of its own, and nothing has it mounted: "
	    "what is restored would lie beneath it; nothing was changed", volume);
}

/* Refuses what must not be restored into. */
static void
check_volume(struct docker *d, char *row[])
{
	const char *volume = row[VOLUME_NAME];
	if (volume_settle(row) < 0)
		die(BD_FATAL, "volume %s: its mountpoint cannot be looked at; nothing was changed", volume);
	char *users = volume_users(d, volume);
	if (!users)
		die(BD_FATAL, "volume %s: its users cannot be told; nothing was changed", volume);
	const char *backing = row[VOLUME_BACKING];
	if (!strcmp(backing, "unmounted") || (!strcmp(backing, "foreign") && !*users))
		refuse_backing(volume);
	if (!row[VOLUME_MOUNTPOINT])
		die(BD_FATAL, "volume %s has no mountpoint", volume);
	if (*users && !live)
		die(BD_FAILED, "volume %s is in use by running containers: %s; nothing was changed. "
		    "--stop stops and starts them around the restore, --live restores under them", volume, users);
	if (*users)
		fprintf(stderr, "WARNING: restoring volume %s under running containers: %s\n", volume, users);
	free(users);
}

static int
open_volume(char *row[])
{
	int fd = open_folder(row[VOLUME_MOUNTPOINT]);
	if (fd < 0)
		die(BD_FATAL, "volume %s: %s: %s; nothing was changed", row[VOLUME_NAME], row[VOLUME_MOUNTPOINT], strerror(errno));
	if (!strcmp(row[VOLUME_BACKING], "mounted") && !volume_is_mount(fd)) /* unmounted since */
		refuse_backing(row[VOLUME_NAME]);
	return fd;
}

static void
check_apart(int src, int dest, const char *volume)
{
	int below = folder_within(src, dest), above = folder_within(dest, src);
	if (below < 0 || above < 0)
		err(BD_FATAL, "..");
	if (below || above)
		die(BD_USAGE, "volume %s and the backup lie within each other; nothing was changed", volume);
}

static void
show(FILE *out, const char *mark, const char *src, const char *dest)
{
	const char *argv[24];
	int n = rsync_command(argv, sizeof argv / sizeof *argv, options);
	char *from = xasprintf("%s/", src), *to = xasprintf("%s/", dest);
	argv[n - 2] = from;
	argv[n - 1] = to;
	char *line = shell_quote(argv);
	fprintf(out, "%s%s\n", mark, line);
	free(line);
	free(from);
	free(to);
}

static _Noreturn void
die_of(int sig, struct child *rsync, const char *volume)
{
	kill(rsync->pid, SIGTERM);
	child_wait(rsync);
	fflush(stdout);
	fprintf(stderr, "ERROR: ended by signal %d: volume %s is restored in part, nothing writes to it any more; "
	    "run the same again\n", sig, volume);
	signals_die(sig);
}

/* signals: of the end of a child, and those that end us. */
static void
copy(int src, int dest, const char *volume, const sigset_t *signals)
{
	struct child c;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || rsync_spawn(&c, src, dest, options, null) < 0)
		die(BD_FATAL, "volume %s: rsync could not be started", volume);
	close(null);
	for (siginfo_t info = {0}; waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid;) {
		int sig = sigwaitinfo(signals, NULL);
		if (sig > 0 && sig != SIGCHLD)
			die_of(sig, &c, volume);
	}
	int status = child_wait(&c);
	if (status == 126 || status == 127)
		die(BD_FATAL, "volume %s: rsync could not be run; no file in the volume was changed", volume);
	if (status)
		die(BD_FAILED, "volume %s is restored in part: rsync ended with status %d; "
		    "mend what it named and run the same again", volume, status);
}

/* Sockets, FIFOs and devices are in no backup: what rsync is about to remove should not go without a word. */
static int
name_special(void *volume, const struct walk_item *i)
{
	if (!S_ISREG(i->st.st_mode) && !S_ISDIR(i->st.st_mode) && !S_ISLNK(i->st.st_mode)) {
		char *shown = tsv_show(i->path);
		fprintf(stderr, "WARNING: volume %s: %s is a socket, FIFO or device, which no backup holds: it is removed.\n",
		    (const char *)volume, shown);
		free(shown);
	}
	return 0;
}

static void
restore(int src, int dest, const char *volume)
{
	static const struct walk_ops specials = {.entry = name_special};
	sigset_t signals;
	uintmax_t cut;
	if (flock(dest, LOCK_EX | LOCK_NB) < 0)
		die(BD_FAILED, "volume %s is being restored by another process; nothing was changed", volume);
	char *name = xstrdup(volume);
	walk(dest, volume, &specials, name);
	free(name);
	signals_hold(&signals);
	sigaddset(&signals, SIGCHLD);
	copy(src, dest, volume, &signals);
	if (twins_cut(src, dest, volume, &cut) < 0)
		die(BD_FAILED, "volume %s is restored, but its hard links could not be checked; run the same again", volume);
	if (cut)
		copy(src, dest, volume, &signals);
	if (syncfs(dest) < 0) /* tells of errors since dest was opened */
		die(BD_FAILED, "volume %s was restored, but not all of it could be written: %s", volume, strerror(errno));
}

int
main(int argc, char *argv[])
{
	struct docker d;
	struct table t = {.columns = VOLUME_COLUMNS};
	bd_start();
	for (int c; (c = getopt(argc, argv, "lnvV")) != -1;)
		switch (c) {
		case 'l': live = true; break;
		case 'n': dry = true; break;
		case 'v': verbose = true; break;
		case 'V': bd_version();
		default: bd_usage(synopsis);
		}
	if (argc - optind != 2)
		bd_usage(synopsis);
	const char *volume = argv[optind], *files = argv[optind + 1];
	if (!is_component(volume))
		die(BD_USAGE, "VOLUME must be a name, not a path: '%s'", volume);
	int src = open_files(files);
	if (docker_open(&d) < 0)
		die(BD_FATAL, "volume %s: Docker does not answer; nothing was changed", volume);
	char **row = find_volume(&d, volume, &t);
	if (row) {
		check_volume(&d, row);
		int dest = open_volume(row);
		check_apart(src, dest, volume);
		if (dry || verbose) {
			fflush(stdout);
			show(dry ? stdout : stderr, dry ? "" : "+ ", files, row[VOLUME_MOUNTPOINT]);
		}
		docker_close(&d);
		fflush(stdout);
		if (!dry)
			restore(src, dest, volume);
	} else
		show(stdout, "", files, "MOUNTPOINT");
	if (!dry)
		puts("File restore complete.");
	table_free(&t);
	return bd_finish(BD_DONE);
}
