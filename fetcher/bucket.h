/*
 * How much a fetcher may ask of an API in a span of a second or a minute: its share of the account's limit. In
 * thousandths of a unit, since calls weigh differently. Pure; times are monotonic ms.
 *
 * Two rules, both at once:
 *  - calls that may have reached the API in the last span weigh at most the mean of the share over that span. A call
 * counts from its start until a span after its end, since it is not known when in between it arrived;
 *  - calls start as far apart as their weight needs at that share, at most a slot early to make up for a late one.
 * So the calls of several fetchers, whose shares never add up to more than the account's, do not exceed it together
 * either, whatever shares change to and whoever starts: a new fetcher earns its first calls while those of the one
 * whose share was lowered age. A raised share counts after BUCKET_LAG_MS, the time that calls of others may still be on
 * their way.
 *
 * A classical token bucket of the same rate would allow its whole burst on top, and that again at each change of share.
 * The price here is a start that takes a span to earn a span's calls. A share that is smaller than a call gives none.
 */
#ifndef FETCHER_BUCKET_H
#define FETCHER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_SECOND_MS INT64_C(1000) /* the two spans */
#define BUCKET_MINUTE_MS INT64_C(60000)
#define BUCKET_SLOT_MS   INT64_C(100) /* of a minute */
#define BUCKET_SLOTS     601          /* a span and the slot under way, at most */
#define BUCKET_LAG_MS    2000
#define BUCKET_UNLIMITED (-1)

struct bucket {
    int64_t window_ms, slot_ms, slots;
    int64_t slot;            /* number of the slot under way */
    int32_t share_milli;     /* a span, 1/1000; BUCKET_UNLIMITED */
    int32_t effective_milli; /* what counts: share_milli, or less until raised_ms */
    int64_t raised_ms;
    int64_t changed_slot; /* when that changed last */
    int64_t paced_us;     /* when the last call should have started, or when the first share came */
    int64_t paced_milli;  /* its weight */
    int64_t in_flight_milli;
    int64_t ended_sum;                      /* of all slots */
    int64_t share_sum;                      /* of all slots but the one under way */
    int32_t ended[BUCKET_SLOTS];            /* weight of calls that ended in the slot, by its number modulo `slots` */
    int32_t share[BUCKET_SLOTS];            /* smallest effective share in the slot */
    uint64_t filled[BUCKET_SLOTS / 64 + 1]; /* a bit per slot in which calls ended */
};

/* A bucket of one of the two spans with the share 0. */
void bucket_init(struct bucket *bucket, int64_t window_ms, int64_t now_ms);
/* Changes the share (1/1000 a span, BUCKET_UNLIMITED). A limit after none holds for the past span too. */
void bucket_set(struct bucket *bucket, int32_t share_milli, int64_t now_ms);
/* What one call that starts now may weigh, 1/1000; 0: none may start. INT64_MAX without a limit. */
int64_t bucket_room(struct bucket *bucket, int64_t now_ms);
/* When to ask again after there was too little room for that weight; INT64_MAX when only another share helps. */
int64_t bucket_retry_ms(const struct bucket *bucket, int64_t milli, int64_t now_ms);
/* A call of that weight starts (there was room). */
void bucket_begin(struct bucket *bucket, int64_t milli, int64_t now_ms);
/* A call of that weight has ended, however. */
void bucket_end(struct bucket *bucket, int64_t milli, int64_t now_ms);

#endif
