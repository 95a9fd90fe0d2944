/* See bucket.h. A ring of slots, each with the calls that ended in it and the smallest share that held during it. */
#include "bucket.h"

#include <assert.h>
#include <string.h>

static void advance(struct bucket *bucket, int64_t now_ms)
{
    int64_t to = now_ms / BUCKET_SLOT_MS;
    if (to - bucket->slot > 2 * BUCKET_SLOTS)
        bucket->slot = to - 2 * BUCKET_SLOTS; /* twice around is enough to forget all */
    while (bucket->slot < to) {
        bucket->share_sum += bucket->share[bucket->slot % BUCKET_SLOTS];
        bucket->slot++;
        if (bucket->slot * BUCKET_SLOT_MS >= bucket->raised_ms && bucket->share_milli >= 0)
            bucket->effective_milli = bucket->share_milli;
        int64_t at = bucket->slot % BUCKET_SLOTS;
        bucket->share_sum -= bucket->share[at];
        bucket->ended_sum -= bucket->ended[at];
        bucket->share[at] = bucket->effective_milli;
        bucket->ended[at] = 0;
    }
}

void bucket_init(struct bucket *bucket, int64_t now_ms)
{
    memset(bucket, 0, sizeof *bucket);
    bucket->slot = now_ms / BUCKET_SLOT_MS;
    bucket->paced_us = now_ms * 1000;
}

static void fill(struct bucket *bucket, int32_t share_milli)
{
    for (int i = 0; i < BUCKET_SLOTS; i++)
        bucket->share[i] = share_milli;
    bucket->share_sum = (int64_t)share_milli * (BUCKET_SLOTS - 1);
    bucket->effective_milli = share_milli;
}

void bucket_set(struct bucket *bucket, int32_t share_milli, int64_t now_ms)
{
    advance(bucket, now_ms);
    bool was_unlimited = bucket->share_milli == BUCKET_UNLIMITED;
    int32_t *current = &bucket->share[bucket->slot % BUCKET_SLOTS];
    if (bucket->share_milli == 0)
        bucket->paced_us = now_ms * 1000;
    bucket->share_milli = share_milli;
    if (share_milli == BUCKET_UNLIMITED)
        return;
    if (was_unlimited) {
        fill(bucket, share_milli);
    } else if (share_milli > bucket->effective_milli) {
        bucket->raised_ms = now_ms + BUCKET_LAG_MS;
    } else {
        bucket->effective_milli = share_milli;
        *current = *current < share_milli ? *current : share_milli;
    }
}

/* When the next call should start; the share is above 0. */
static int64_t paced_us(const struct bucket *bucket)
{
    return bucket->paced_us + BUCKET_WINDOW_MS * 1000000 / bucket->effective_milli;
}

int64_t bucket_room(struct bucket *bucket, int64_t now_ms)
{
    advance(bucket, now_ms);
    if (bucket->share_milli == BUCKET_UNLIMITED)
        return INT64_MAX;
    if (bucket->effective_milli <= 0 || now_ms * 1000 < paced_us(bucket))
        return 0;
    int64_t counted = bucket->ended_sum + bucket->in_flight;
    int64_t allowance = bucket->share_sum / ((BUCKET_SLOTS - 1) * INT64_C(1000));
    if (bucket->effective_milli < 1000)
        return counted == 0;
    return counted < allowance ? allowance - counted : 0;
}

bool bucket_allows(struct bucket *bucket, int64_t now_ms)
{
    return bucket_room(bucket, now_ms) > 0;
}

int64_t bucket_retry_ms(const struct bucket *bucket, int64_t now_ms)
{
    int64_t next_slot = (bucket->slot + 1) * BUCKET_SLOT_MS;
    if (bucket->share_milli == 0)
        return INT64_MAX;
    if (bucket->effective_milli <= 0)
        return next_slot; /* it is being raised */
    int64_t paced = (paced_us(bucket) + 999) / 1000;
    return paced > now_ms ? paced : next_slot;
}

void bucket_begin(struct bucket *bucket, int64_t now_ms)
{
    advance(bucket, now_ms);
    int64_t latest = (now_ms - BUCKET_SLOT_MS) * 1000;
    if (bucket->effective_milli > 0)
        bucket->paced_us = paced_us(bucket);
    if (bucket->paced_us < latest)
        bucket->paced_us = latest; /* time that was not used is lost */
    bucket->in_flight++;
}

void bucket_end(struct bucket *bucket, int64_t now_ms)
{
    assert(bucket->in_flight > 0);
    advance(bucket, now_ms);
    bucket->in_flight--;
    bucket->ended[bucket->slot % BUCKET_SLOTS]++;
    bucket->ended_sum++;
}
