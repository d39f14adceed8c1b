/* image.c - compares image references as Docker does, with globs.
 *
 * A wrong match leaves a database running under its copy, or a volume without a
 * backup; a missed one costs a restart. So name, tag and digest are compared one by
 * one, `*` stays within its part, and what is doubtful does not match. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "bd.h"
#include "image.h"

struct ref {
	char *name;         /* with registry and namespace: docker.io/library/postgres */
	char *tag, *digest; /* NULL if there is none */
	char *text;         /* what tag and digest point into */
};

/* A first part is a registry if it looks like a host, else it is a namespace of Docker Hub. */
static char *
full_name(const char *name)
{
	const char *slash = strchr(name, '/');
	size_t host = slash ? (size_t)(slash - name) : 0, special = strcspn(name, ".:");
	if (!slash || (special >= host && strncmp(name, "localhost/", 10)))
		return xasprintf("docker.io/%s%s", slash ? "" : "library/", name);
	if (strncmp(name, "docker.io/", 10) && strncmp(name, "index.docker.io/", 16))
		return xstrdup(name);
	const char *rest = slash + 1;
	return xasprintf("docker.io/%s%s", strchr(rest, '/') ? "" : "library/", rest);
}

static struct ref
parse(const char *s)
{
	struct ref r = {.text = xstrdup(s)};
	if ((r.digest = strchr(r.text, '@')))
		*r.digest++ = '\0';
	char *last = strrchr(r.text, '/');
	if ((r.tag = strchr(last ? last : r.text, ':'))) /* the first: a glob may go on with [[:digit:]] */
		*r.tag++ = '\0';
	r.name = strncmp(r.text, "*/", 2) ? full_name(r.text) : xstrdup(r.text);
	return r;
}

static bool
is_id(const char *s)
{
	size_t len = strlen(s);
	return !strncmp(s, "sha256:", 7) || (len >= 12 && len <= 64 && strspn(s, "0123456789abcdef") == len);
}

static bool
glob(const char *pattern, const char *s)
{
	return s && fnmatch(pattern, s, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

static bool
name_match(const char *pattern, const char *name)
{
	if (strncmp(pattern, "*/", 2))
		return glob(pattern, name);
	for (const char *at = strchr(name, '/'); at; at = strchr(at + 1, '/'))
		if (glob(pattern + 2, at + 1))
			return true;
	return false;
}

bool
image_match(const char *pattern, const char *reference)
{
	if (!pattern || !*pattern || !reference || !*reference || is_id(reference))
		return false;
	struct ref p = parse(pattern), r = parse(reference);
	const char *tag = r.tag || r.digest ? r.tag : "latest";
	bool match = name_match(p.name, r.name) && (!p.tag || glob(p.tag, tag)) && (!p.digest || glob(p.digest, r.digest));
	free(p.name);
	free(p.text);
	free(r.name);
	free(r.text);
	return match;
}
