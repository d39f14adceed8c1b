/* docker.h - requests to the Docker Engine API.
 *
 * Which daemon: $DOCKER_HOST (unix://PATH or tcp://HOST:PORT; unix:///var/run/docker.sock
 * if unset or empty); tcp speaks TLS, and verifies the daemon, when $DOCKER_CERT_PATH or
 * $DOCKER_TLS_VERIFY is set: {ca,cert,key}.pem there or in ~/.docker. No proxies.
 *
 * Paths start with "/" and carry no version. Programs exit BD_FATAL when Docker fails. */
#ifndef BD_DOCKER_H
#define BD_DOCKER_H

#include <signal.h>

#include "bd.h"

struct docker {
	void *curl;    /* one handle, and with it one reused connection */
	char *where;   /* for messages: the socket's path, or HOST:PORT */
	char *socket;  /* NULL for tcp */
	char *certs;   /* folder of the TLS files; NULL without TLS */
	char *base;    /* URL up to the path */
	long status;   /* HTTP status of the last request; 0 when there was no answer */
	char *message; /* "GET /volumes/x: what the daemon said", after a status >= 400 */
};

enum { DOCKER_NONE = 1 }; /* 404 */

int docker_host(struct docker *d, const char *host); /* where, as $DOCKER_HOST says it; -1 said */
int docker_open(struct docker *d); /* asks /_ping and settles the version; -1 said */
void docker_close(struct docker *d);

/* The answer goes through `jq -r filter` into *out, which stands at its start and is the
 * caller's to close; with a NULL filter the answer is dropped. docker_post sends the text
 * json (NULL: no body) and gives up after timeout seconds.
 * 0 for any 2xx and for 304 (d->status tells); DOCKER_NONE, not said (d->message);
 * -1 said: the daemon refused if d->status >= 400, else it or jq failed. */
int docker_get(struct docker *d, const char *path, const char *filter, FILE **out);
int docker_post(struct docker *d, const char *path, const char *json, long timeout, const char *filter, FILE **out);

/* The same for many requests with one process: docker_collect appends the answer to *all (NULL: it is made), which
 * docker_sift closes; filter is asked for each in turn. */
int docker_collect(struct docker *d, const char *path, FILE **all);
int docker_sift(struct docker *d, FILE *all, const char *filter, FILE **out);

/* As docker_post without a limit of time, but what a 2xx answers goes to put, in pieces. With gave_up, -1 is not said. */
struct docker_sink {
	int (*put)(void *arg, const void *data, size_t len); /* 0, or -1 to give up */
	void *arg;
	const volatile sig_atomic_t *stop; /* NULL, or gives up once it is not 0 */
	bool gave_up;
};
int docker_stream(struct docker *d, const char *path, const char *json, struct docker_sink *sink);

/* For what is no plain exchange of HTTP. docker_connect gives a CURL of CURLOPT_CONNECT_ONLY, the caller's to clean
 * up, or NULL said. docker_refused takes an answer >= 300 that came there; it returns as docker_post. */
void *docker_connect(struct docker *d);
int docker_refused(struct docker *d, const char *path, long status, const void *body, size_t len);

char *docker_name(const char *name); /* as one component of a path; to be freed */
char *docker_json(const char *s);    /* as a JSON string, with its quotes; to be freed */

#endif
