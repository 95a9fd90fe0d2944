/*
 * The city catalogue as the leader serves it to fetchers: the City records of each shard, read from Redis when their
 * version changes, and sent in parts of at most 512 KiB. The version read last is served until the next one is
 * complete. Whoever changes cities in Redis writes them before the new version, or the change is seen only with the
 * version after it.
 *
 * Each shard has the version of the catalogue in which it changed last, as meta says (docs/contracts.md), so that for
 * one city one shard is read and sent; where meta does not say it, all are. Records are kept as Redis has them, and
 * unpacked for as long as they are sent: 100,000 cities are 11 MB.
 */
#ifndef COORDINATOR_CATALOGUE_H
#define COORDINATOR_CATALOGUE_H

#include "post.h"
#include "store.h"

#include <stdint.h>

struct catalogue;

/* An empty catalogue. The store is borrowed. */
struct catalogue *catalogue_new(struct store *store, const char *prefix)
    __attribute__((returns_nonnull, warn_unused_result));
/* After the store, whose answers refer to it. NULL allowed. */
void catalogue_free(struct catalogue *catalogue);
/*
 * Says that Redis has `version` (0: none) of `shards` shards: reads it when it is another one than that in memory and
 * no read is under way. Call it again from time to time: a read that failed is begun anew then.
 */
void catalogue_want(struct catalogue *catalogue, int64_t version, int32_t shards);
/* The version that is complete in memory; 0: none. */
int64_t catalogue_version(const struct catalogue *catalogue);
/* Cities in it, paused ones too. */
int64_t catalogue_cities(const struct catalogue *catalogue);
/* The version of the catalogue in which `shard` changed last; 0 while no version is complete, or it has no such shard.
 */
int64_t catalogue_shard_version(const struct catalogue *catalogue, int32_t shard);
/* Sends all parts of `shard` to the member, one without cities for an empty shard; nothing when no version is complete.
 */
void catalogue_send(const struct catalogue *catalogue, const struct post *post, const char *member, int64_t incarnation,
                    int32_t shard);

#endif
