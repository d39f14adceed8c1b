/* hash.c - SHA-256, by libcrypto. */
#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "bd.h"

int
hash_begin(struct hash *h)
{
	h->ctx = EVP_MD_CTX_new();
	if (h->ctx && EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL))
		return 0;
	warnx("libcrypto does not give SHA-256");
	return -1;
}

int
hash_add(struct hash *h, const void *data, size_t len)
{
	if (EVP_DigestUpdate(h->ctx, data, len))
		return 0;
	warnx("libcrypto failed to hash");
	return -1;
}

int
hash_end(struct hash *h, char hex[HASH_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	int ok = EVP_DigestFinal_ex(h->ctx, digest, &len);
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
	if (!ok || len != (HASH_HEX - 1) / 2) {
		warnx("libcrypto failed to hash");
		return -1;
	}
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

void
hash_drop(struct hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

int
hash_fd(int fd, const char *name, char hex[HASH_HEX])
{
	static _Thread_local char buf[1 << 17];
	struct hash h;
	if (hash_begin(&h) < 0)
		return -1;
	ssize_t got;
	while ((got = read(fd, buf, sizeof buf)) > 0)
		if (hash_add(&h, buf, (size_t)got) < 0)
			break;
	int why = errno;
	if (got < 0)
		warn("%s", name);
	int rc = hash_end(&h, hex);
	errno = got < 0 ? why : EIO;
	return got ? -1 : rc;
}
