/*
 * The city catalogue as the leader serves it to fetchers: the packed City records of each shard, read from Redis when their
 * version changes, and sent in parts of at most 512 KiB.
 */
#ifndef COORDINATOR_CATALOGUE_H
#define COORDINATOR_CATALOGUE_H

#include "channel.h"
#include "store.h"

#include <stdint.h>

struct catalogue;

struct catalogue *catalogue_new(struct store *store, const char *prefix) __attribute__((returns_nonnull, warn_unused_result));
/* After the store. NULL allowed. */
void catalogue_free(struct catalogue *catalogue);
/* Says that Redis has `version` of `partitions` shards: reads it when it is another one. */
void catalogue_want(struct catalogue *catalogue, int64_t version, int32_t partitions);
/* The version that is complete in memory; 0: none. */
int64_t catalogue_version(const struct catalogue *catalogue);
/* Sends all parts of `shard` to the member. Nothing when no version is complete. */
void catalogue_send(const struct catalogue *catalogue, struct channel *channel, const char *member, int64_t incarnation, int32_t shard);
/* Forgets what was read, for a new term. */
void catalogue_clear(struct catalogue *catalogue);

#endif
