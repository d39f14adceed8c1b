/* manifest.h - what the manifests and stamps of many generations say, by one jq. */
#ifndef BD_MANIFEST_H
#define BD_MANIFEST_H

#include "table.h"

/* Rows of a table: of each generation first one MANIFEST_STATE, then one MANIFEST_VOLUME for each entry.
 * OF is the number manifest_add was given, in ascending order. */
enum { MANIFEST_OF, MANIFEST_KIND, MANIFEST_NAME, MANIFEST_DATABASE, MANIFEST_DUMPED, MANIFEST_ENGINE, MANIFEST_FAILED,
	MANIFEST_COLUMNS };
#define MANIFEST_STATE "state"   /* NAME: the manifest is none, bad, theirs or ours; DATABASE: the stamp is none, bad or good; DUMPED: its hash */
#define MANIFEST_VOLUME "volume" /* the others: yes, no, or absent */

struct manifests {
	FILE *lines;
};
int manifests_begin(struct manifests *m);
/* Takes in the files of the open folder; -1: not readable (said, with label). */
int manifests_add(struct manifests *m, size_t of, int generation, const char *label);
int manifests_end(struct manifests *m, struct table *t); /* -1 said */

#endif
