/* docker.c - requests to the Docker Engine API: libcurl talks, jq reads.
 *
 * Bodies are held in memfds, never in files: answers can hold what nobody else
 * should read, such as the environment of a container. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docker.h"
#include "jq.h"

/* The newest API version whose answers we know. Engines since 29 refuse anything
 * below 1.44 (their MinAPIVersion), older ones get their own version. */
enum { OUR_MAJOR = 1, OUR_MINOR = 44 };
enum { GET_SECONDS = 300 }; /* a daemon that hangs must not hang a run for ever */

/* libcurl's sockets must not reach the children. */
static int
on_socket(void *data, curl_socket_t fd, curlsocktype purpose)
{
	(void)data, (void)purpose;
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

static void
set_transport(const struct docker *d, CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* a volume named ".." is the daemon's to refuse */
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 65536L);
	if (d->socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, d->socket);
	else /* a host that is gone must not hang a stream for ever */
		curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	static const struct {
		CURLoption option;
		const char *file;
	} tls[] = {{CURLOPT_CAINFO, "ca.pem"}, {CURLOPT_SSLCERT, "cert.pem"}, {CURLOPT_SSLKEY, "key.pem"}};
	for (size_t i = 0; d->certs && i < sizeof tls / sizeof *tls; i++) {
		char *path = xasprintf("%s/%s", d->certs, tls[i].file);
		curl_easy_setopt(curl, tls[i].option, path);
		free(path);
	}
}

static void
say(const struct docker *d, CURL *curl, CURLcode rc, const char *what, const char *path, const char *why)
{
	long os = 0;
	if (rc == CURLE_COULDNT_CONNECT)
		curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os);
	if (os)
		warnx("%s: %s", d->where, strerror((int)os));
	else
		warnx("%s: %s %s: %s", d->where, what, path, *why ? why : curl_easy_strerror(rc));
}

/* One answer: where it goes. */
struct taker {
	CURL *curl;
	FILE *body;               /* all of it, or what the daemon says when it refuses */
	struct docker_sink *sink; /* or NULL */
};

static size_t
take(char *data, size_t one, size_t len, void *arg)
{
	struct taker *t = arg;
	long status = 0;
	(void)one; /* always 1 */
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (!t->sink || status >= 300)
		return fwrite(data, 1, len, t->body);
	t->sink->gave_up = t->sink->put(t->sink->arg, data, len) < 0;
	return t->sink->gave_up ? 0 : len;
}

/* libcurl asks about once a second. */
static int
is_stopped(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t e)
{
	struct docker_sink *sink = arg;
	(void)a, (void)b, (void)c, (void)e;
	if (sink->stop && *sink->stop)
		sink->gave_up = true;
	return sink->gave_up;
}

/* Sends one request and stores the answer, or gives it to the sink. */
static int
transfer(struct docker *d, const char *method, const char *path, const char *json, long timeout, struct taker *t)
{
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *header = NULL;
	curl_easy_reset(d->curl); /* keeps the connection */
	set_transport(d, d->curl);
	char *url = xasprintf("%s%s", d->base, path);
	curl_easy_setopt(d->curl, CURLOPT_URL, url);
	curl_easy_setopt(d->curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(d->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(d->curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(d->curl, CURLOPT_TIMEOUT, timeout);
	if (t->sink) {
		curl_easy_setopt(d->curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(d->curl, CURLOPT_XFERINFOFUNCTION, is_stopped);
		curl_easy_setopt(d->curl, CURLOPT_XFERINFODATA, t->sink);
	}
	if (!strcmp(method, "POST")) {
		header = curl_slist_append(header, "Content-Type: application/json");
		curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, header);
		curl_easy_setopt(d->curl, CURLOPT_POSTFIELDS, json ? json : "");
	}
	CURLcode rc = curl_easy_perform(d->curl);
	if (!rc)
		curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &d->status);
	else if (!t->sink || !t->sink->gave_up)
		say(d, d->curl, rc, method, path, why);
	curl_easy_setopt(d->curl, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(header);
	free(url);
	if (!rc && fflush(t->body) == 0)
		return 0;
	if (!rc)
		warn("memfd");
	return -1;
}

/* Sets d->message from an answer that is {"message": "..."}, or else plain text. */
static int
refused(struct docker *d, const char *method, const char *path, FILE *body)
{
	FILE *out;
	char *line = NULL;
	size_t cap = 0;
	if (jq_run(body, "-rRs", "(fromjson? | .message?) // .", &out) < 0)
		return -1;
	ssize_t len = getline(&line, &cap, out);
	if (len > 0)
		line[len - 1] = '\0';
	d->message = len > 1 ? xasprintf("%s %s: %s", method, path, line)
	                     : xasprintf("%s %s: HTTP status %ld", method, path, d->status);
	free(line);
	fclose(out);
	if (d->status == 404)
		return DOCKER_NONE;
	warnx("%s", d->message);
	return -1;
}

/* NULL said; else the caller's to close. */
static FILE *
begin(struct docker *d)
{
	free(d->message);
	d->message = NULL;
	d->status = 0;
	return jq_scratch("docker");
}

static int
request(struct docker *d, const char *method, const char *path, const char *json, long timeout, const char *filter,
        FILE **out)
{
	FILE *body = begin(d);
	if (!body)
		return -1;
	int rc = transfer(d, method, path, json, timeout, &(struct taker){.curl = d->curl, .body = body});
	if (rc < 0)
		;
	else if (d->status >= 300 && d->status != 304)
		rc = refused(d, method, path, body);
	else if (filter && lseek(fileno(body), 0, SEEK_END) == 0) {
		warnx("%s: %s %s: the answer is empty", d->where, method, path);
		rc = -1;
	} else if (filter && jq_run(body, "-r", filter, out) < 0) {
		warnx("%s: %s %s: the answer makes no sense", d->where, method, path);
		rc = -1;
	}
	fclose(body);
	return rc;
}

int
docker_get(struct docker *d, const char *path, const char *filter, FILE **out)
{
	return request(d, "GET", path, NULL, GET_SECONDS, filter, out);
}

static int
append(FILE *from, FILE *to)
{
	char buf[1 << 14];
	rewind(from);
	for (size_t n; (n = fread(buf, 1, sizeof buf, from)) > 0;)
		fwrite(buf, 1, n, to);
	putc('\n', to);
	if (!ferror(from) && fflush(to) == 0 && !ferror(to))
		return 0;
	warn("memfd");
	return -1;
}

int
docker_collect(struct docker *d, const char *path, FILE **all)
{
	FILE *body = begin(d);
	int rc = -1;
	if (!body)
		return -1;
	if ((*all || (*all = jq_scratch("docker"))) &&
	    (rc = transfer(d, "GET", path, NULL, GET_SECONDS, &(struct taker){.curl = d->curl, .body = body})) == 0)
		rc = d->status >= 300 ? refused(d, "GET", path, body) : append(body, *all);
	fclose(body);
	return rc;
}

int
docker_sift(struct docker *d, FILE *all, const char *filter, FILE **out)
{
	int rc = jq_run(all, "-r", filter, out);
	if (rc < 0)
		warnx("%s: the answers make no sense", d->where);
	fclose(all);
	return rc;
}

int
docker_post(struct docker *d, const char *path, const char *json, long timeout, const char *filter, FILE **out)
{
	return request(d, "POST", path, json, timeout, filter, out);
}

int
docker_stream(struct docker *d, const char *path, const char *json, struct docker_sink *sink)
{
	FILE *body = begin(d);
	if (!body)
		return -1;
	int rc = transfer(d, "POST", path, json, 0, &(struct taker){.curl = d->curl, .body = body, .sink = sink});
	if (rc == 0 && d->status >= 300)
		rc = refused(d, "POST", path, body);
	fclose(body);
	return rc;
}

void *
docker_connect(struct docker *d)
{
	char why[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	if (!curl) {
		warnx("libcurl does not start");
		return NULL;
	}
	set_transport(d, curl);
	curl_easy_setopt(curl, CURLOPT_URL, d->base);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	CURLcode rc = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	if (!rc)
		return curl;
	say(d, curl, rc, "connection to", d->base, why);
	curl_easy_cleanup(curl);
	return NULL;
}

int
docker_refused(struct docker *d, const char *path, long status, const void *body, size_t len)
{
	FILE *f = begin(d);
	if (!f)
		return -1;
	int rc = -1;
	d->status = status;
	if (fwrite(body, 1, len, f) != len || fflush(f) != 0)
		warn("memfd");
	else
		rc = refused(d, "POST", path, f);
	fclose(f);
	return rc;
}

/* Appends /v1.N to d->base, from the header that came with the last answer. */
static int
settle_version(struct docker *d)
{
	struct curl_header *h;
	int major, minor;
	if (curl_easy_header(d->curl, "Api-Version", 0, CURLH_HEADER, -1, &h) != CURLHE_OK ||
	    sscanf(h->value, "%d.%d", &major, &minor) != 2) {
		warnx("%s: does not speak the Docker Engine API (no Api-Version in its answer)", d->where);
		return -1;
	}
	bool older = major < OUR_MAJOR || (major == OUR_MAJOR && minor < OUR_MINOR);
	char *base = xasprintf("%s/v%d.%d", d->base, older ? major : OUR_MAJOR, older ? minor : OUR_MINOR);
	free(d->base);
	d->base = base;
	return 0;
}

int
docker_open(struct docker *d)
{
	*d = (struct docker){0};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(d->curl = curl_easy_init())) {
		warnx("libcurl does not start");
		return -1;
	}
	if (docker_host(d, getenv("DOCKER_HOST")) == 0) {
		int rc = docker_get(d, "/_ping", NULL, NULL);
		if (rc == DOCKER_NONE)
			warnx("%s: %s", d->where, d->message);
		if (rc == 0 && settle_version(d) == 0)
			return 0;
	}
	docker_close(d);
	return -1;
}

void
docker_close(struct docker *d)
{
	curl_easy_cleanup(d->curl);
	free(d->where);
	free(d->socket);
	free(d->certs);
	free(d->base);
	free(d->message);
	*d = (struct docker){0};
}

char *
docker_name(const char *name)
{
	char *escaped = curl_easy_escape(NULL, name, 0); /* 0: as long as it is */
	if (!escaped)
		errx(BD_FATAL, "memory");
	char *out = xstrdup(escaped);
	curl_free(escaped);
	return out;
}

char *
docker_json(const char *s)
{
	char *out = xcalloc(6 * strlen(s) + 3, 1), *to = out; /* at most \u00XX for each byte */
	*to++ = '"';
	for (; *s; s++)
		if ((unsigned char)*s < ' ')
			to += sprintf(to, "\\u%04x", (unsigned char)*s);
		else {
			if (*s == '"' || *s == '\\')
				*to++ = '\\';
			*to++ = *s;
		}
	*to = '"';
	return out;
}
