/* utf8.c - is a text UTF-8? */
#include <stddef.h>

#include "utf8.h"

/* The end of the UTF-8 sequence at s, or NULL; after RFC 3629, section 4. */
static const unsigned char *
utf8_end(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	int more;
	if (s[0] < 0x80)
		return s + 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		more = 1;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		more = 2;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		more = 3;
	else
		return NULL;
	switch (s[0]) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	default: break;
	}
	if (s[1] < low || s[1] > high)
		return NULL;
	for (int i = 2; i <= more; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return NULL;
	return s + more + 1;
}

bool
is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	while (s && *s)
		s = utf8_end(s);
	return s != NULL;
}
