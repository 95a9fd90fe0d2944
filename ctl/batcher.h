/*
 * Rows that wait for others of their shard, so that a record holds many: in the order in which they came within each
 * shard. Memory is bounded: with many shards a batch is smaller. Pure: time is a parameter.
 */
#ifndef CTL_BATCHER_H
#define CTL_BATCHER_H

#include "observation.h"

#include <stddef.h>
#include <stdint.h>

/* Takes the rows of a shard, which are gone afterwards. */
typedef void batcher_send_fn(void *arg, int32_t shard, const struct observation *rows, size_t count);

struct batcher_shard;

struct batcher {
    struct batcher_shard *list; /* owned */
    int32_t shards;
    size_t most; /* rows of a batch */
    int64_t held;
    batcher_send_fn *send;
    void *arg;
};

/* Starts empty. */
void batcher_init(struct batcher *batcher, int32_t shards, batcher_send_fn *send, void *arg);
/* Frees what waits. */
void batcher_release(struct batcher *batcher);
/* Adds a row, and sends those of its shard when they fill a batch. */
void batcher_add(struct batcher *batcher, int32_t shard, const struct observation *row, int64_t now_ms);
/* Sends what has waited since `since_ms` or longer. */
void batcher_flush(struct batcher *batcher, int64_t since_ms);

#endif
