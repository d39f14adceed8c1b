/* self.c - which container a process runs in; whether we do.
 *
 * No single trace is always there: the cgroup says nothing in a cgroup namespace of our own,
 * the host name may have been chosen, and is another's in another's network, and only overlay2
 * tells the layer. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bd.h"
#include "self.h"

/* Whether a line of file holds both texts. */
static bool
in_file(const char *file, const char *a, const char *b)
{
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t cap = 0;
	bool found = false;
	while (f && !found && getline(&line, &cap, f) >= 0)
		found = strstr(line, a) && strstr(line, b);
	free(line);
	if (f)
		fclose(f);
	return found;
}

enum { ID = 64, SHORT_ID = 12 }; /* digits of an id, and of its start, by which Docker names a container's host */

static bool
is_host_name(const char *id)
{
	char host[256] = "";
	return gethostname(host, sizeof host - 1) == 0 && strlen(host) == SHORT_ID && !strncmp(id, host, SHORT_ID);
}

/* self: its folder below /proc */
static bool
is_root(const char *self, const char *layer)
{
	char *option = xasprintf(",upperdir=%s,", layer), *mounts = xasprintf("/proc/%s/mountinfo", self);
	bool found = in_file(mounts, " / / ", option);
	free(option);
	free(mounts);
	return found;
}

bool
process_is_in(pid_t pid, const char *id, const char *layer)
{
	if (strlen(id) != ID)
		return false;
	struct tsv_num self = tsv_num((uintmax_t)pid);
	char *cgroup = xasprintf("/proc/%s/cgroup", self.text);
	bool found = in_file(cgroup, "", id) || (layer && is_root(self.text, layer));
	free(cgroup);
	return found;
}

bool
self_is(const char *id, const char *layer)
{
	if (strlen(id) != ID) /* a shorter text may stand in these files for many reasons */
		return false;
	/* Docker mounts /etc/hostname from a folder named by the id; elsewhere in the mounts of a host stand those of all */
	return in_file("/proc/self/cgroup", "", id) || in_file("/proc/self/mountinfo", " /etc/hostname ", id) ||
	       is_host_name(id) || (layer && is_root("self", layer));
}
