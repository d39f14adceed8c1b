/* image.h - image patterns; bd-plan(1) documents them. */
#ifndef BD_IMAGE_H
#define BD_IMAGE_H

#include <stdbool.h>

/* Whether the image reference a container was created from is meant by pattern. NULL, "" and
 * ids are no references. */
bool image_match(const char *pattern, const char *reference);

#endif
