/* See batcher.h. */
#include "batcher.h"

#include "mem.h"
#include "shard.h"

#include <assert.h>
#include <stdlib.h>

#define ROWS_TOTAL 65536 /* in all batches: 16 MiB */
#define ROWS_LEAST 32    /* of a batch, however many shards there are */
#define ROWS_FIRST 16

struct batcher_shard {
    struct observation *rows; /* owned */
    size_t count, capacity;
    int64_t since_ms; /* when the first of them came */
};

void batcher_init(struct batcher *batcher, int32_t shards, batcher_send_fn *send, void *arg)
{
    assert(shards >= 1 && shards <= SHARD_MAX_PARTITIONS);
    size_t most = ROWS_TOTAL / (size_t)shards;
    *batcher = (struct batcher){.shards = shards, .send = send, .arg = arg};
    batcher->most = most > BATCH_MAX_ROWS ? BATCH_MAX_ROWS : most < ROWS_LEAST ? ROWS_LEAST : most;
    batcher->list = mem_calloc((size_t)shards, sizeof *batcher->list);
}

void batcher_release(struct batcher *batcher)
{
    for (int32_t shard = 0; shard < batcher->shards; shard++)
        free(batcher->list[shard].rows);
    free(batcher->list);
    *batcher = (struct batcher){0};
}

static void send(struct batcher *batcher, int32_t shard)
{
    struct batcher_shard *at = &batcher->list[shard];
    batcher->send(batcher->arg, shard, at->rows, at->count);
    batcher->held -= (int64_t)at->count;
    at->count = 0;
}

void batcher_add(struct batcher *batcher, int32_t shard, const struct observation *row, int64_t now_ms)
{
    struct batcher_shard *at = &batcher->list[shard];
    if (at->count == at->capacity) {
        at->capacity = at->capacity ? at->capacity * 2 : ROWS_FIRST;
        at->rows = mem_grow(at->rows, at->capacity, sizeof *at->rows);
    }
    if (at->count == 0)
        at->since_ms = now_ms;
    at->rows[at->count++] = *row;
    batcher->held++;
    if (at->count == batcher->most)
        send(batcher, shard);
}

void batcher_flush(struct batcher *batcher, int64_t since_ms)
{
    for (int32_t shard = 0; shard < batcher->shards && batcher->held > 0; shard++) {
        if (batcher->list[shard].count > 0 && batcher->list[shard].since_ms <= since_ms)
            send(batcher, shard);
    }
}
