/*
 * What the operator calls his own metrics: read from the newest rules (hash `config`) whenever their version changes. A
 * text that cannot be read leaves the names as they were, and is said once.
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
};

/* Names that are not known yet. */
void naming_init(struct naming *naming, struct store *store, const char *prefix, struct custom_set *set);
/* The newest version of the rules, as meta tells; 0: not said. Reads them when they are others. */
void naming_update(struct naming *naming, int64_t version);

#endif
