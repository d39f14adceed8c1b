/* frames.c - what a command writes, as Docker sends it: stdout and stderr in one stream of frames.
 *
 * The format is "Stream format" of POST /containers/{id}/attach in the Engine API. Nothing is held
 * back, so memory is constant whatever a frame says of its length. */
#include <string.h>

#include "frames.h"

static bool
is_head(const unsigned char *head)
{
	return head[0] <= FRAME_DAEMON && !head[1] && !head[2] && !head[3];
}

static uint32_t
length(const unsigned char *head)
{
	return (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
}

int
frames_feed(struct frames *f, const void *data, size_t len,
    int (*put)(void *arg, int stream, const void *data, size_t len), void *arg)
{
	for (const unsigned char *at = data, *end = at + len; at < end;) {
		size_t room = (size_t)(end - at), part;
		if (f->got < sizeof f->head) {
			part = sizeof f->head - f->got < room ? sizeof f->head - f->got : room;
			memcpy(f->head + f->got, at, part);
			f->got += part;
			if (f->got == sizeof f->head) {
				if (!is_head(f->head))
					return FRAMES_BAD;
				f->left = length(f->head);
			}
		} else {
			part = f->left < room ? f->left : room;
			if (put(arg, f->head[0], at, part) < 0)
				return -1;
			f->left -= (uint32_t)part;
		}
		at += part;
		if (f->got == sizeof f->head && !f->left)
			f->got = 0;
	}
	return 0;
}

bool
frames_whole(const struct frames *f)
{
	return !f->got;
}
