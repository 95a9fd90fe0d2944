/*
 * Shares of the API quota: the account's calls a minute, divided by the live fetchers. Pure. The sum of what fetchers may be
 * using never exceeds the total: a share is lowered first, and what it frees is given away only when the fetcher has
 * acknowledged the lower one; a fetcher that fell silent may go on with its last share, so that is kept back for a minute.
 */
#ifndef COORDINATOR_QUOTA_H
#define COORDINATOR_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTA_UNLIMITED  (-1)
#define QUOTA_RECLAIM_MS 60000

struct quota_share {
    bool live;
    int64_t heard_ms;   /* monotonic, when it was last heard */
    int32_t sent_milli; /* calls a minute, 1/1000, of the last target */
    bool acknowledged;  /* the last target */
    int32_t may_milli;  /* what it may be using: the larger of the acknowledged and the sent share */
};

/*
 * Decides `sent_milli` of every live share (acknowledged becomes false where it changes) for a total of `total_milli`, or
 * QUOTA_UNLIMITED. Returns true when any changed. Call again when acknowledgements come.
 */
bool quota_divide(struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms);
/* The fetcher has seen its last target. */
void quota_acknowledge(struct quota_share *share);

#endif
