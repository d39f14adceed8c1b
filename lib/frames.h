/* frames.h - what a command writes, as Docker sends it: stdout and stderr in one stream of frames. */
#ifndef BD_FRAMES_H
#define BD_FRAMES_H

#include "bd.h"

struct frames {
	unsigned char head[8]; /* FRAME_STDOUT..., three zeros, the length as a big-endian number */
	size_t got;            /* bytes of head */
	uint32_t left;         /* bytes of the frame */
};

enum { FRAME_STDIN, FRAME_STDOUT, FRAME_STDERR, FRAME_DAEMON /* an error of the daemon's own */ };

/* From struct frames f = {0} on. put gets what is in the frames, in pieces; its -1 is the end. 0; -1 put's;
 * FRAMES_BAD malformed, not said. */
enum { FRAMES_BAD = -2 };
int frames_feed(struct frames *f, const void *data, size_t len,
    int (*put)(void *arg, int stream, const void *data, size_t len), void *arg);
bool frames_whole(const struct frames *f); /* it may end here */

#endif
