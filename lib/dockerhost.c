/* dockerhost.c - which daemon $DOCKER_HOST means. */
#include <stdlib.h>
#include <string.h>

#include "docker.h"

int
docker_host(struct docker *d, const char *host)
{
	const char *at;
	if (!host || !*host)
		host = "unix:///var/run/docker.sock";
	if (!strncmp(host, "unix://", 7) && host[7]) {
		d->socket = xstrdup(host + 7);
		d->where = xstrdup(d->socket);
		d->base = xstrdup("http://docker");
		return 0;
	}
	bool plain = true;
	for (at = host; *at; at++)
		plain = plain && (unsigned char)*at > ' ';
	if (!plain || strncmp(host, "tcp://", 6) || !host[6] || strpbrk(host + 6, "/?#@")) {
		char *shown = tsv_show(host);
		warnx("DOCKER_HOST must be unix://PATH or tcp://HOST:PORT, not '%s'", shown);
		free(shown);
		return -1;
	}
	const char *certs = getenv("DOCKER_CERT_PATH"), *verify = getenv("DOCKER_TLS_VERIFY"), *home = getenv("HOME");
	if (certs && *certs)
		d->certs = xstrdup(certs);
	else if (verify && *verify)
		d->certs = xasprintf("%s/.docker", home ? home : "");
	at = strrchr(host, ']'); /* an IPv6 address is full of colons */
	bool port = strchr(at ? at : host + 6, ':');
	/* the ports IANA assigned to Docker */
	d->where = xasprintf("%s%s", host + 6, port ? "" : d->certs ? ":2376" : ":2375");
	d->base = xasprintf("%s://%s", d->certs ? "https" : "http", d->where);
	return 0;
}
