/*
 * The catalogue in Redis: one hash of City records per shard, `{p}:cities`. It is replaced as a whole, and
 * its version in meta goes up only when a record changed.
 */
#ifndef CTL_CITY_STORE_H
#define CTL_CITY_STORE_H

#include "city_table.h"
#include "context.h"
#include "installation.h"

#include <stdint.h>

struct city_store_change {
    int32_t shards; /* that changed */
    int64_t version;
};

/*
 * Makes the catalogue what `table` says: new cities come, changed ones change, others go. That a city is
 * paused stays, since the table does not say. The caller holds the lock (provision.h). Returns the exit code.
 */
int city_store_replace(struct context *context, const struct installation *installation, const struct city_table *table,
                       struct city_store_change *change) __attribute__((warn_unused_result));

#endif
