/* See bucket.h. A ring of slots, each with the calls that ended in it and the smallest share that held during it. */
#include "bucket.h"

#include <assert.h>
#include <string.h>

static void advance(struct bucket *bucket, int64_t now_ms)
{
    int64_t to = now_ms / BUCKET_SLOT_MS;
    int32_t share = bucket->share_milli > 0 ? bucket->share_milli : 0;
    if (to - bucket->slot > 2 * BUCKET_SLOTS)
        bucket->slot = to - 2 * BUCKET_SLOTS; /* twice around is enough to forget all */
    while (bucket->slot < to) {
        bucket->share_sum += bucket->share[bucket->slot % BUCKET_SLOTS];
        bucket->slot++;
        int64_t at = bucket->slot % BUCKET_SLOTS;
        bucket->share_sum -= bucket->share[at];
        bucket->ended_sum -= bucket->ended[at];
        bucket->share[at] = share;
        bucket->ended[at] = 0;
    }
}

void bucket_init(struct bucket *bucket, int64_t now_ms)
{
    memset(bucket, 0, sizeof *bucket);
    bucket->slot = now_ms / BUCKET_SLOT_MS;
    bucket->since_ms = now_ms;
}

void bucket_set(struct bucket *bucket, int32_t share_milli, int64_t now_ms)
{
    advance(bucket, now_ms);
    int32_t share = share_milli > 0 ? share_milli : 0;
    int32_t *current = &bucket->share[bucket->slot % BUCKET_SLOTS];
    if (bucket->share_milli == BUCKET_UNLIMITED && share_milli != BUCKET_UNLIMITED) {
        for (int i = 0; i < BUCKET_SLOTS; i++)
            bucket->share[i] = share;
        bucket->share_sum = (int64_t)share * (BUCKET_SLOTS - 1);
    } else if (share < *current) {
        *current = share;
    }
    if (bucket->share_milli == 0)
        bucket->since_ms = now_ms;
    bucket->share_milli = share_milli;
}

bool bucket_allows(struct bucket *bucket, int64_t now_ms)
{
    advance(bucket, now_ms);
    if (bucket->share_milli == BUCKET_UNLIMITED)
        return true;
    int64_t counted = bucket->ended_sum + bucket->in_flight;
    int64_t allowance = bucket->share_sum / ((BUCKET_SLOTS - 1) * INT64_C(1000));
    if (allowance > 0 || bucket->share_milli >= 1000)
        return counted < allowance;
    return bucket->share_milli > 0 && counted == 0 &&
           (now_ms - bucket->since_ms) * bucket->share_milli >= BUCKET_WINDOW_MS * 1000;
}

int64_t bucket_retry_ms(const struct bucket *bucket)
{
    return (bucket->slot + 1) * BUCKET_SLOT_MS;
}

void bucket_begin(struct bucket *bucket, int64_t now_ms)
{
    advance(bucket, now_ms);
    bucket->in_flight++;
}

void bucket_end(struct bucket *bucket, int64_t now_ms)
{
    assert(bucket->in_flight > 0);
    advance(bucket, now_ms);
    bucket->in_flight--;
    bucket->ended[bucket->slot % BUCKET_SLOTS]++;
    bucket->ended_sum++;
    bucket->since_ms = now_ms;
}
