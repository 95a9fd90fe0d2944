/*
 * How many calls a fetcher may make: its share of the account's calls a minute. Pure; times are monotonic ms.
 *
 * Two rules, both at once:
 *  - calls that may have reached the API in the last 60 s are at most the mean of the share over these 60 s, rounded
 * down. A call counts from its start until 60 s after its end, since it is not known when in between it arrived;
 *  - calls start 1/share apart, at most BUCKET_SLOT_MS early to make up for a late one.
 * So the calls of several fetchers, whose shares never add up to more than the account's, do not exceed it together
 * either, whatever shares change to and whoever starts: a new fetcher earns its first calls while those of the one
 * whose share was lowered age. A raised share counts after BUCKET_LAG_MS, the time that calls of others may still be on
 * their way.
 *
 * A classical token bucket of the same rate would allow its whole burst on top, and that again at each change of share.
 * The price here is a start that takes a minute to earn a minute's calls, and the fraction of a share (at 7.5 calls,
 * 7). A share below one call a minute gives one call each 1/share minutes; many such shares may meet in one minute.
 */
#ifndef FETCHER_BUCKET_H
#define FETCHER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_WINDOW_MS INT64_C(60000)
#define BUCKET_SLOT_MS   INT64_C(100)
#define BUCKET_SLOTS     601 /* a minute and the slot under way */
#define BUCKET_LAG_MS    2000
#define BUCKET_UNLIMITED (-1)

struct bucket {
    int64_t slot;            /* number of the slot under way */
    int32_t share_milli;     /* calls a minute, 1/1000; BUCKET_UNLIMITED */
    int32_t effective_milli; /* what counts: share_milli, or less until raised_ms */
    int64_t raised_ms;
    int64_t paced_us; /* when the last call should have started, or when the first share came */
    int64_t in_flight;
    int64_t ended_sum;           /* of all slots */
    int64_t share_sum;           /* of all slots but the one under way */
    int32_t ended[BUCKET_SLOTS]; /* calls that ended in the slot, by its number modulo BUCKET_SLOTS */
    int32_t share[BUCKET_SLOTS]; /* smallest effective share in the slot */
};

/* A bucket with the share 0. */
void bucket_init(struct bucket *bucket, int64_t now_ms);
/* Changes the share (1/1000 call a minute, BUCKET_UNLIMITED). A limit after none holds for the past minute too. */
void bucket_set(struct bucket *bucket, int32_t share_milli, int64_t now_ms);
/* True when a call may start now. */
bool bucket_allows(struct bucket *bucket, int64_t now_ms);
/* How many calls may start now at once; 0 when bucket_allows says no, INT64_MAX without a limit. */
int64_t bucket_room(struct bucket *bucket, int64_t now_ms);
/* When to ask again after it said no, at the earliest; INT64_MAX while the share is 0. */
int64_t bucket_retry_ms(const struct bucket *bucket, int64_t now_ms);
/* A call starts (bucket_allows said yes). */
void bucket_begin(struct bucket *bucket, int64_t now_ms);
/* A call has ended, however. */
void bucket_end(struct bucket *bucket, int64_t now_ms);

#endif
