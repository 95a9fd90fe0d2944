/*
 * Shares of the API quota: the account's calls a minute, divided by the live fetchers. Pure. The sum of what fetchers
 * may be using never exceeds the total: a share is lowered first, and what it frees is given away only when the fetcher
 * has acknowledged the lower one. A fetcher that fell silent may go on with its last share, so that is kept back for a
 * minute and the others divide the rest. One that comes back later than that finds its share given away and gets it
 * back as soon as the others have acknowledged less.
 */
#ifndef COORDINATOR_QUOTA_H
#define COORDINATOR_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTA_UNLIMITED  (-1)
#define QUOTA_RECLAIM_MS 60000

struct quota_share {
    bool live;          /* is given a share; false: it is only kept back */
    bool draining;      /* live, and is to call no more */
    int64_t heard_ms;   /* monotonic, when it was last heard */
    int32_t sent_milli; /* calls a minute, 1/1000, of the last target; QUOTA_UNLIMITED */
    int32_t may_milli;  /* the most it may be using: any share sent since the last acknowledged one */
};

/*
 * Decides `sent_milli` of every live share for a total of `total_milli`, or QUOTA_UNLIMITED. Returns true when any
 * changed. Call again when acknowledgements come and as time passes.
 */
bool quota_divide(struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms);
/* The fetcher says what it uses; `current`: it has seen the last target. */
void quota_report(struct quota_share *share, int32_t in_force_milli, bool current);
/* The most that all may be using now, in 1/1000 calls a minute; an unlimited one counts as `total_milli`. */
int64_t quota_in_use(const struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms);

#endif
