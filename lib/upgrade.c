/* upgrade.c - a POST whose connection becomes a stream both ways, as Docker does for a command with input.
 *
 * libcurl connects, encrypts and moves bytes; what is said over it is written here. One loop
 * feeds and drains at once: a command that is not drained stops reading, and one that is fed
 * a piece more than it reads must not keep us from draining it. */
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http.h"
#include "upgrade.h"

enum { HEAD_LIMIT = 65536, PIECE = 65536 };
enum { ANSWER_SECONDS = 300, WAKE = 500 /* ms after which *stop is looked at again */ };

/* The connection and what is on its way. */
struct link {
	const struct upgrade *u;
	CURL *curl;
	curl_socket_t fd;
	char *piece; /* of input, of which put bytes are gone */
	size_t have, put;
	bool fed;    /* the input is at its end, or nobody takes it */
	bool told;   /* and the other end knows */
	bool blocked; /* what is there to be sent has to wait */
};

static int
lost(const struct link *k)
{
	warnx("%s: the connection to Docker broke", k->u->what);
	return -1;
}

static bool
is_stopped(const struct link *k)
{
	return k->u->stop && *k->u->stop;
}

/* Waits until something can be moved; input: there may be a descriptor that it comes from, or -1. until: seconds of
 * CLOCK_MONOTONIC, or 0. */
static int
wait_for(const struct link *k, int input, time_t until)
{
	struct pollfd p[] = {{.fd = k->fd, .events = (short)(POLLIN | (k->blocked ? POLLOUT : 0))}, {.fd = input, .events = POLLIN}};
	struct timespec now;
	poll(p, 2, k->u->stop || until ? WAKE : -1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!until || now.tv_sec < until)
		return 0;
	warnx("%s: Docker does not answer", k->u->what);
	return -1;
}

/* 1: some bytes were sent; 0: none can be now; -1: nobody takes them, which is no error of ours. */
static int
send_some(struct link *k, const char *data, size_t len, size_t *sent)
{
	size_t n = 0;
	CURLcode rc = curl_easy_send(k->curl, data, len, &n);
	*sent += n;
	k->blocked = rc == CURLE_AGAIN;
	return k->blocked ? 0 : rc ? -1 : 1;
}

/* A Unix socket loses nothing: an error of it says that the other end has closed, leaving input unread, is given after
 * all that came, and once. */
static bool
is_unix(const struct link *k)
{
	int domain = 0;
	socklen_t len = sizeof domain;
	return getsockopt(k->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

/* 1: *got bytes came, 0 at the end; 0: none are there; -1: the connection broke. */
static int
receive(struct link *k, char *buf, size_t len, size_t *got)
{
	CURLcode rc = curl_easy_recv(k->curl, buf, len, got);
	if (rc && rc != CURLE_AGAIN && is_unix(k))
		rc = curl_easy_recv(k->curl, buf, len, got);
	return rc == CURLE_AGAIN ? 0 : rc ? -1 : 1;
}

static int
send_request(struct link *k, struct docker *d)
{
	const char *host = strstr(d->base, "://") + 3, *prefix = strchr(host, '/');
	char *text = xasprintf("POST %s%s HTTP/1.1\r\nHost: %.*s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n%s", prefix ? prefix : "", k->u->path,
		prefix ? (int)(prefix - host) : (int)strlen(host), host, strlen(k->u->json), k->u->json);
	size_t len = strlen(text), sent = 0;
	int rc = 1;
	while (sent < len && rc >= 0) {
		if (is_stopped(k)) {
			free(text);
			return UPGRADE_GAVE_UP;
		}
		if ((rc = send_some(k, text + sent, len - sent, &sent)) == 0)
			rc = wait_for(k, -1, 0);
	}
	free(text);
	return rc < 0 ? lost(k) : 0;
}

/* Reads more of an answer of which *have bytes are in text, which has room for HEAD_LIMIT. 1, 0 at the end, -1 said,
 * UPGRADE_GAVE_UP. */
static int
read_more(struct link *k, char *text, size_t *have, time_t until)
{
	size_t got = 0;
	for (;;) {
		if (*have == HEAD_LIMIT) {
			warnx("%s: Docker's answer has no end", k->u->what);
			return -1;
		}
		int rc = receive(k, text + *have, HEAD_LIMIT - *have, &got);
		if (rc) {
			*have += got;
			return rc < 0 ? lost(k) : got > 0;
		}
		if (is_stopped(k))
			return UPGRADE_GAVE_UP;
		if (wait_for(k, -1, until) < 0)
			return -1;
	}
}

static int
refusal(struct link *k, struct docker *d, const struct http_head *h, char *text, size_t have, time_t until)
{
	ssize_t len;
	bool ended = false;
	char *copy = xcalloc(HEAD_LIMIT, 1);
	while ((len = http_body(memcpy(copy, text, have), have, h, ended)) == -1 && !ended) {
		int rc = read_more(k, text, &have, until);
		if (rc < 0) {
			free(copy);
			return rc;
		}
		ended = rc == 0;
	}
	int rc = docker_refused(d, k->u->path, h->status, copy, len < 0 ? 0 : (size_t)len);
	free(copy);
	return rc;
}

/* Reads the answer's head, and gives what came behind it to put. 0, DOCKER_NONE, -1, UPGRADE_GAVE_UP. */
static int
read_answer(struct link *k, struct docker *d, char *text)
{
	struct http_head h;
	struct timespec now;
	size_t have = 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	for (time_t until = now.tv_sec + ANSWER_SECONDS;;) {
		ssize_t head = http_head(text, have, &h);
		if (head > 0) {
			have -= (size_t)head;
			memmove(text, text + head, have);
			if (h.status == 101)
				return !have || k->u->put(k->u->arg, text, have) == 0 ? 0 : UPGRADE_GAVE_UP;
			if (h.status >= 300)
				return refusal(k, d, &h, text, have, until);
			if (h.status >= 200) {
				warnx("%s: POST %s: HTTP status %ld instead of 101: what leads to Docker takes no input", k->u->what,
				    k->u->path, h.status);
				return -1;
			}
			continue;
		}
		int rc = head < 0 ? 0 : read_more(k, text, &have, until);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			warnx("%s: POST %s: the answer is no HTTP, or not all of it", k->u->what, k->u->path);
			return -1;
		}
	}
}

/* Tells the other end that no more comes. In TLS that is a word of its own, without which the end would look like a cut.
 * 1; 0: it cannot be sent now. */
static int
tell_end(struct link *k)
{
	struct curl_tlssessioninfo *tls = NULL;
	int rc = 0;
	curl_easy_getinfo(k->curl, CURLINFO_TLS_SSL_PTR, &tls);
	if (tls && tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals) {
		SSL *ssl = tls->internals;
		void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* as libcurl does around its own writes */
		if ((rc = SSL_shutdown(ssl)) < 0)
			k->blocked = SSL_get_error(ssl, rc) == SSL_ERROR_WANT_WRITE;
		signal(SIGPIPE, before);
	} else
		shutdown(k->fd, SHUT_WR);
	k->told = rc >= 0 || !k->blocked;
	return k->told;
}

static bool
is_ready(const struct link *k)
{
	struct pollfd p = {.events = POLLIN};
	if (!k->u->ready)
		return true;
	p.fd = *k->u->ready;
	return poll(&p, 1, 0) > 0;
}

/* 1: something was moved; 0: nothing could be; UPGRADE_GAVE_UP. */
static int
feed(struct link *k)
{
	if (k->told)
		return 0;
	if (k->put == k->have && !k->fed) {
		if (!is_ready(k))
			return 0;
		ssize_t n = k->u->in(k->u->arg, k->piece, PIECE);
		if (n < 0)
			return UPGRADE_GAVE_UP;
		k->have = (size_t)n;
		k->put = 0;
		k->fed = n == 0;
	}
	if (k->fed)
		return tell_end(k);
	int rc = send_some(k, k->piece + k->put, k->have - k->put, &k->put);
	if (rc < 0) /* what it still writes is to be read all the same */
		k->fed = k->told = true;
	return rc < 0 ? 1 : rc;
}

static int
exchange(struct link *k, char *buf)
{
	for (;;) {
		size_t got = 0;
		if (is_stopped(k))
			return UPGRADE_GAVE_UP;
		int came = receive(k, buf, PIECE, &got);
		if (came < 0)
			return UPGRADE_BROKE;
		if (came && !got)
			return 0;
		if (came && k->u->put(k->u->arg, buf, got) < 0)
			return UPGRADE_GAVE_UP;
		int went = feed(k);
		if (went < 0)
			return went;
		if (!came && !went)
			wait_for(k, k->u->ready && !k->told && k->put == k->have ? *k->u->ready : -1, 0);
	}
}

int
upgrade_run(struct docker *d, const struct upgrade *u, void **curl)
{
	struct link k = {.u = u, .curl = docker_connect(d)};
	*curl = k.curl;
	if (!k.curl)
		return -1;
	curl_easy_getinfo(k.curl, CURLINFO_ACTIVESOCKET, &k.fd);
	k.piece = xcalloc(PIECE, 1);
	char *buf = xcalloc(PIECE, 1);
	int rc = send_request(&k, d);
	if (rc == 0)
		rc = read_answer(&k, d, buf);
	if (rc == 0)
		rc = exchange(&k, buf);
	if (rc == 0) {
		curl_easy_cleanup(k.curl);
		*curl = NULL;
	}
	free(k.piece);
	free(buf);
	return rc;
}
