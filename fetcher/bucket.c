/* See bucket.h. A ring of slots, each with the calls that ended in it and the smallest share that held during it. */
#include "bucket.h"

#include <assert.h>
#include <string.h>

#define SECOND_SLOT_MS 10

static void put_effective(struct bucket *bucket, int32_t milli)
{
    if (milli != bucket->effective_milli)
        bucket->changed_slot = bucket->slot;
    bucket->effective_milli = milli;
}

/* All slots have the same share, or none counts: those that come can be left as they are. */
static bool steady(const struct bucket *bucket)
{
    return bucket->share_milli == BUCKET_UNLIMITED ||
           (bucket->effective_milli == bucket->share_milli && bucket->slot - bucket->changed_slot > bucket->slots);
}

/* Forgets the calls that ended in the slots [from, to) of the ring. */
static void forget(struct bucket *bucket, int64_t from, int64_t to)
{
    for (int64_t at = from; at < to;) {
        uint64_t word = bucket->filled[at / 64] >> (at % 64);
        at = word == 0 ? (at / 64 + 1) * 64 : at + __builtin_ctzll(word);
        if (word == 0 || at >= to)
            continue;
        bucket->ended_sum -= bucket->ended[at];
        bucket->ended[at] = 0;
        bucket->filled[at / 64] &= ~(UINT64_C(1) << (at % 64));
    }
}

/* Goes on to the slot `to`, at most once around: what ended in the slots on the way is a span ago. */
static void skip(struct bucket *bucket, int64_t to)
{
    int64_t from = (bucket->slot + 1) % bucket->slots, end = from + to - bucket->slot;
    forget(bucket, from, end < bucket->slots ? end : bucket->slots);
    if (end > bucket->slots)
        forget(bucket, 0, end - bucket->slots);
    bucket->slot = to;
}

static void step(struct bucket *bucket)
{
    bucket->share_sum += bucket->share[bucket->slot % bucket->slots];
    skip(bucket, bucket->slot + 1);
    if (bucket->slot * bucket->slot_ms >= bucket->raised_ms && bucket->share_milli >= 0)
        put_effective(bucket, bucket->share_milli);
    int64_t at = bucket->slot % bucket->slots;
    bucket->share_sum -= bucket->share[at];
    bucket->share[at] = bucket->effective_milli;
}

static void advance(struct bucket *bucket, int64_t now_ms)
{
    int64_t to = now_ms / bucket->slot_ms;
    int64_t rounds = (to - bucket->slot) / bucket->slots - 2; /* two around are enough to forget all */
    if (rounds > 0) {
        bucket->slot += rounds * bucket->slots;
        bucket->changed_slot += rounds * bucket->slots;
    }
    while (bucket->slot < to && !steady(bucket))
        step(bucket);
    while (bucket->slot < to)
        skip(bucket, to - bucket->slot < bucket->slots ? to : bucket->slot + bucket->slots);
}

void bucket_init(struct bucket *bucket, int64_t window_ms, int64_t now_ms)
{
    memset(bucket, 0, sizeof *bucket);
    bucket->window_ms = window_ms;
    bucket->slot_ms = window_ms == BUCKET_SECOND_MS ? SECOND_SLOT_MS : BUCKET_SLOT_MS;
    bucket->slots = window_ms / bucket->slot_ms + 1;
    assert(bucket->slots <= BUCKET_SLOTS);
    bucket->slot = now_ms / bucket->slot_ms;
    bucket->paced_us = now_ms * 1000;
}

static void fill(struct bucket *bucket, int32_t share_milli)
{
    for (int i = 0; i < BUCKET_SLOTS; i++)
        bucket->share[i] = share_milli;
    bucket->share_sum = (int64_t)share_milli * (bucket->slots - 1);
    put_effective(bucket, share_milli);
}

void bucket_set(struct bucket *bucket, int32_t share_milli, int64_t now_ms)
{
    advance(bucket, now_ms);
    bool was_unlimited = bucket->share_milli == BUCKET_UNLIMITED;
    bool news = share_milli > bucket->share_milli; /* else it was raised to that before, and the time runs */
    int32_t *current = &bucket->share[bucket->slot % bucket->slots];
    if (bucket->share_milli == 0) {
        bucket->paced_us = now_ms * 1000;
        bucket->paced_milli = 0;
    }
    bucket->share_milli = share_milli;
    if (share_milli == BUCKET_UNLIMITED)
        return;
    if (was_unlimited) {
        fill(bucket, share_milli);
    } else if (share_milli > bucket->effective_milli) {
        bucket->raised_ms = news ? now_ms + BUCKET_LAG_MS : bucket->raised_ms;
    } else {
        put_effective(bucket, share_milli);
        *current = *current < share_milli ? *current : share_milli;
    }
}

/* When the next call should start; the share is above 0. */
static int64_t next_us(const struct bucket *bucket)
{
    return bucket->paced_us + bucket->paced_milli * bucket->window_ms * 1000 / bucket->effective_milli;
}

int64_t bucket_room(struct bucket *bucket, int64_t now_ms)
{
    advance(bucket, now_ms);
    if (bucket->share_milli == BUCKET_UNLIMITED)
        return INT64_MAX;
    if (bucket->effective_milli <= 0 || now_ms * 1000 < next_us(bucket))
        return 0;
    int64_t room = bucket->share_sum / (bucket->slots - 1) - bucket->ended_sum - bucket->in_flight_milli;
    return room > 0 ? room : 0;
}

int64_t bucket_retry_ms(const struct bucket *bucket, int64_t milli, int64_t now_ms)
{
    int64_t next_slot = (bucket->slot + 1) * bucket->slot_ms;
    if (bucket->share_milli >= 0 && bucket->share_milli < milli)
        return INT64_MAX;
    if (bucket->effective_milli <= 0)
        return next_slot; /* it is being raised */
    int64_t next = (next_us(bucket) + 999) / 1000;
    return next > now_ms ? next : next_slot;
}

void bucket_begin(struct bucket *bucket, int64_t milli, int64_t now_ms)
{
    advance(bucket, now_ms);
    int64_t latest = (now_ms - bucket->slot_ms) * 1000;
    if (bucket->effective_milli > 0)
        bucket->paced_us = next_us(bucket);
    if (bucket->paced_us < latest)
        bucket->paced_us = latest; /* time that was not used is lost */
    bucket->paced_milli = milli;
    bucket->in_flight_milli += milli;
}

void bucket_end(struct bucket *bucket, int64_t milli, int64_t now_ms)
{
    assert(bucket->in_flight_milli >= milli);
    advance(bucket, now_ms);
    bucket->in_flight_milli -= milli;
    int64_t at = bucket->slot % bucket->slots;
    bucket->ended[at] += (int32_t)milli;
    bucket->filled[at / 64] |= UINT64_C(1) << (at % 64);
    bucket->ended_sum += milli;
}
