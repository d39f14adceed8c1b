/* http.h - an answer of HTTP/1 in memory, where libcurl cannot read it: its head, and its body. */
#ifndef BD_HTTP_H
#define BD_HTTP_H

#include "bd.h"

struct http_head {
	long status;
	bool chunked;
	long length; /* of the body; -1: up to the end */
};
ssize_t http_head(const char *text, size_t len, struct http_head *h); /* its length; 0: more is needed; -1: not HTTP/1 */
/* The whole body, without chunks, in its place: its length; -1: more is needed; -2: malformed. ended: no more comes. */
ssize_t http_body(char *text, size_t len, const struct http_head *h, bool ended);

#endif
