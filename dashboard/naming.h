/*
 * What the operator calls his own metrics: read from the newest rules (hash `config`) whenever their version changes. A
 * text that cannot be read leaves the names as they were, and so does one that is not there; that one may still come
 * (a restored Redis, a hash that was lost), so it is asked for again. Either is said once per version.
 */
#ifndef DASHBOARD_NAMING_H
#define DASHBOARD_NAMING_H

#include "custom.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

struct naming {
    struct store *store;    /* borrowed */
    const char *prefix;     /* borrowed */
    struct custom_set *set; /* borrowed: where the names go */
    int64_t version;        /* of the rules that were read; 0: none */
    int64_t asked;          /* of those that are being read; 0: none */
    int64_t told;           /* of the last that could not be read, which was said; 0: none */
};

/* Names that are not known yet. */
void naming_init(struct naming *naming, struct store *store, const char *prefix, struct custom_set *set);
/* The newest version of the rules, as meta tells; 0: not said. Reads them when they are others. Call it now and then.
 */
void naming_update(struct naming *naming, int64_t version);
/* Has the rules read again at the next naming_update, of the same version, too: another installation may be there. */
void naming_expire(struct naming *naming);

#endif
