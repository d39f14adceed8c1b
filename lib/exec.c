/* exec.c - a command in a container, over the Docker Engine API.
 *
 * Created, noted in the journal, started, and asked about until it has ended: the end of what it
 * writes is not its end, and says nothing of how it ended. Whatever goes wrong between the start
 * and that, the command is ended. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "container.h"
#include "ending.h"
#include "exec.h"
#include "execs.h"
#include "frames.h"
#include "upgrade.h"
#include "utf8.h"

enum { CREATE_SECONDS = 300 };
enum { FIRST_LOOK = 2, LAST_LOOK = 500, BREAK_TIME = 2000 }; /* ms: between two questions whether it has ended; for the end
                                                              * of what seems to have broken the connection by that */
enum { KILLED = 128 + SIGKILL };
enum { STILL = -3 };

struct run {
	struct docker *d;
	const struct exec *e;
	char *id;
	struct frames frames;
	bool bad; /* what came were no frames, or not all of one */
};

/* Docker's reader of JSON would silently put something else there. */
static int
check_text(const char *container, const char *text, const char *what, int len)
{
	if (is_utf8(text))
		return 0;
	warnx("%s: %s%.*s is not UTF-8, which is all that Docker's API can carry", container, what, len, text);
	return -1;
}

static int
check(const struct exec *e)
{
	for (size_t i = 0; e->argv[i]; i++)
		if (check_text(e->container, e->argv[i], "an argument of the command", 0) < 0)
			return -1;
	for (size_t i = 0; e->env && e->env[i]; i++)
		if (check_text(e->container, e->env[i], "the variable ", (int)strcspn(e->env[i], "=")) < 0)
			return -1;
	return e->user ? check_text(e->container, e->user, "the user", 0) : 0;
}

static void
put_list(FILE *out, const char *key, const char *const list[])
{
	fprintf(out, ",\"%s\":[", key);
	for (size_t i = 0; list && list[i]; i++) {
		char *text = docker_json(list[i]);
		fprintf(out, "%s%s", i ? "," : "", text);
		explicit_bzero(text, strlen(text));
		free(text);
	}
	putc(']', out);
}

static char *
body(const struct exec *e)
{
	char *text, *user = docker_json(e->user ? e->user : "");
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		err(BD_FATAL, "memory");
	fprintf(out, "{\"AttachStdin\":%s,\"AttachStdout\":true,\"AttachStderr\":true,\"User\":%s", e->in ? "true" : "false", user);
	put_list(out, "Cmd", e->argv);
	put_list(out, "Env", e->env);
	putc('}', out);
	free(user);
	if (fclose(out) != 0)
		err(BD_FATAL, "memory");
	return text;
}

/* The one line of in, to be freed; NULL said. */
static char *
read_id(FILE *in, const char *path)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len = getline(&line, &cap, in);
	if (len > 1 && line[len - 1] == '\n') {
		line[len - 1] = '\0';
		return line;
	}
	warnx("%s: the answer makes no sense", path);
	free(line);
	return NULL;
}

/* Sets r->id. 0, EXEC_FAILED, EXEC_NONE. */
static int
create(struct run *r)
{
	const struct exec *e = r->e;
	FILE *in;
	if (!*e->container)
		return EXEC_NONE;
	if (check(e) < 0)
		return EXEC_FAILED;
	char *name = docker_name(e->container), *path = xasprintf("/containers/%s/exec", name), *json = body(e);
	int rc = docker_post(r->d, path, json, CREATE_SECONDS, ".Id // empty", &in);
	if (rc == 0) {
		r->id = read_id(in, path);
		fclose(in);
	}
	explicit_bzero(json, strlen(json));
	free(json);
	free(path);
	free(name);
	return rc == DOCKER_NONE ? EXEC_NONE : rc < 0 || !r->id ? EXEC_FAILED : 0;
}

static int
note(struct run *r)
{
	struct exec_state s;
	if (r->e->journal < 0)
		return 0;
	if (exec_inspect(r->d, r->id, &s) != 0) {
		warnx("%s: what was to be started in it is gone", r->e->container);
		return -1;
	}
	int rc = execs_note(r->e->journal, r->id, s.container);
	exec_state_free(&s);
	return rc;
}

static int
on_frame(void *arg, int stream, const void *data, size_t len)
{
	const struct exec *e = arg;
	bool out = stream == FRAME_STDIN || stream == FRAME_STDOUT;
	int (*put)(void *, const void *, size_t) = out ? e->out : e->err;
	struct lines *lines = out ? e->out_lines : e->err_lines;
	if (lines)
		lines_feed(lines, data, len);
	return put ? put(e->arg, data, len) : 0;
}

static int
on_data(void *arg, const void *data, size_t len)
{
	struct run *r = arg;
	union {
		const struct exec *in;
		void *out;
	} e = {.in = r->e};
	int rc = frames_feed(&r->frames, data, len, on_frame, e.out);
	r->bad = rc == FRAMES_BAD;
	return rc ? -1 : 0;
}

static ssize_t
on_input(void *arg, void *buf, size_t len)
{
	struct run *r = arg;
	return r->e->in(r->e->arg, buf, len);
}

/* 0: all that it writes has come; else not, or it did not start, which is said unless somebody gave up; *curl is as
 * upgrade_run leaves it. */
static int
start(struct run *r, void **curl)
{
	static const char json[] = "{\"Detach\":false,\"Tty\":false}";
	const struct exec *e = r->e;
	char *name = docker_name(r->id), *path = xasprintf("/exec/%s/start", name);
	int rc;
	if (e->in)
		rc = upgrade_run(r->d, &(struct upgrade){.what = e->container, .path = path, .json = json, .in = on_input, .put = on_data,
			.arg = r, .ready = e->ready, .stop = e->stop}, curl);
	else {
		struct docker_sink sink = {.put = on_data, .arg = r, .stop = e->stop};
		rc = docker_stream(r->d, path, json, &sink);
		if (sink.gave_up)
			rc = UPGRADE_GAVE_UP;
	}
	if (rc == DOCKER_NONE)
		warnx("%s", r->d->message);
	free(name);
	free(path);
	return rc;
}

/* What docker_stream and upgrade_run do not say. */
static void
say_why(const struct run *r, int rc)
{
	if (r->bad || rc == UPGRADE_BROKE)
		warnx("%s: what came from %s is not all that it wrote", r->e->container, r->e->argv[0]);
	else if (r->e->stop && *r->e->stop)
		warnx("%s: %s is ended", r->e->container, r->e->argv[0]);
	else if (rc == -1 || rc == DOCKER_NONE)
		warnx("%s: %s was not run, or not to its end", r->e->container, r->e->argv[0]);
}

static void
sleep_for(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Whether the container, too, was killed, which Docker may learn a little later. */
static bool
is_down(struct run *r)
{
	struct container c;
	for (long ms = FIRST_LOOK; ms < LAST_LOOK; ms *= 2) {
		int rc = container_inspect(r->d, r->e->container, &c);
		if (rc)
			return rc == DOCKER_NONE;
		bool down = c.kind == CONTAINER_DOWN || !strcmp(container_get(&c, "state"), "restarting");
		container_free(&c);
		if (down)
			return true;
		sleep_for(ms);
	}
	return false;
}

/* Whether it runs on: 1, 0, -1 said; *code is its status then. */
static int
look(struct run *r, int *code)
{
	struct exec_state s;
	const char *name = r->e->container, *command = r->e->argv[0];
	int rc = exec_inspect(r->d, r->id, &s);
	if (rc == 0) {
		*code = s.code;
		exec_state_free(&s);
		if (s.running)
			return 1;
	}
	if (rc < 0)
		warnx("%s: how %s ended is not known", name, command);
	else if (rc == DOCKER_NONE || (s.code == KILLED && is_down(r)))
		warnx("%s: ended, or was killed, while %s ran in it", name, command);
	else if (s.code < 0)
		warnx("%s: how %s ended is not known to Docker", name, command);
	else
		return 0;
	return -1;
}

/* Its exit status, EXEC_FAILED said, or STILL: it runs after that many ms (-1: for ever), or is to be stopped. */
static int
wait_for_end(struct run *r, long patience)
{
	int code = 0, rc;
	long ms = FIRST_LOOK, waited = 0;
	while ((rc = look(r, &code)) > 0) {
		if ((r->e->stop && *r->e->stop) || (patience >= 0 && waited >= patience))
			return STILL;
		sleep_for(ms);
		waited += ms;
		ms = 2 * ms < LAST_LOOK ? 2 * ms : LAST_LOOK;
	}
	return rc < 0 ? EXEC_FAILED : code;
}

/* Its exit status, or EXEC_FAILED; rc is what start gave. */
static int
conclude(struct run *r, int rc)
{
	int status = STILL;
	if (rc == 0 && frames_whole(&r->frames))
		status = wait_for_end(r, -1);
	else if (rc == 0)
		r->bad = true;
	else if (rc == UPGRADE_BROKE && (status = wait_for_end(r, BREAK_TIME)) == 0)
		status = STILL; /* there must be a failure, or nobody would know that something is missing */
	if (status == STILL)
		say_why(r, rc);
	if (rc || status < 0)
		exec_end(r->d, r->id, r->e->container);
	return status < 0 ? EXEC_FAILED : status;
}

int
exec_run(struct docker *d, const struct exec *e)
{
	struct run r = {.d = d, .e = e};
	void *curl = NULL;
	int status = create(&r);
	if (status == 0)
		status = note(&r) < 0 ? EXEC_FAILED : conclude(&r, start(&r, &curl));
	curl_easy_cleanup(curl); /* not before the command has ended */
	free(r.id);
	return status;
}
