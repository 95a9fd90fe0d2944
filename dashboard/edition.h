/*
 * Which version of the catalogue the mirror has of each shard, so that only those are read again that changed (meta's
 * `catalogue_of_<p>`, docs/contracts.md).
 */
#ifndef DASHBOARD_EDITION_H
#define DASHBOARD_EDITION_H

#include "store.h"

#include <stdbool.h>
#include <stdint.h>

struct edition {
    int64_t version; /* of the catalogue, when it was asked for last; 0: never */
    int64_t *shards; /* by shard; 0: not known */
    int32_t count;
};

/* Nothing is known of so many shards. */
void edition_init(struct edition *edition, int32_t count);
/* Frees it. */
void edition_release(struct edition *edition);
/* Forgets all versions: everything is to be read again. */
void edition_forget(struct edition *edition);
/* Asks Redis for the versions; `fn` hands the answer to edition_take. */
void edition_ask(const struct edition *edition, struct store *store, const char *prefix, store_reply_fn *fn, void *arg);
/*
 * Takes the answer and fills `changed`, by shard. True when meta says it of each shard; else all have changed, and
 * nothing is known of them. `edition->version` is the answer's, unless that has none.
 */
bool edition_take(struct edition *edition, const struct store_reply *reply, bool *changed);

#endif
