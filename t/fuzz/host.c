/* host - libFuzzer entry for docker_host of lib/docker.c: a host that is accepted makes a URL of one line, without a path. */
#include <stdlib.h>
#include <string.h>

#include "docker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docker d = {0};
	char *host = xcalloc(size + 1, 1);
	memcpy(host, data, size);
	if (docker_host(&d, host) == 0) {
		const char *name = strstr(d.base, "://");
		if (!name || !name[3] || strchr(name + 3, '/') || !*d.where || (d.socket && !*d.socket))
			abort();
		for (const char *s = d.base; *s; s++)
			if ((unsigned char)*s <= ' ')
				abort();
	}
	docker_close(&d);
	free(host);
	return 0;
}
