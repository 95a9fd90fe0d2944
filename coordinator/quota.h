/*
 * Shares of the API quota: the account's calls a minute (or a second), divided by the live fetchers in whole calls, so
 * that nothing is lost to fractions; when there are more fetchers than calls the last ones get none. Pure. The sum of
 * what fetchers may be using never exceeds the total: a share is lowered first, and what it frees is given away only
 * when the fetcher has acknowledged the lower one. A fetcher that fell silent may go on with its last share, so that is
 * kept back for a minute and the others divide the rest. One that comes back later than that finds its share given away
 * and gets it back as soon as the others have acknowledged less.
 *
 * A new leader keeps back what its predecessor noted in Redis, for fetchers that it does not hear. So a share is raised
 * only when it is noted there: otherwise a leader that dies within the second between two notes, or while Redis is
 * away, leaves a fetcher with a share that nobody else knows of.
 */
#ifndef COORDINATOR_QUOTA_H
#define COORDINATOR_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTA_UNLIMITED  (-1)
#define QUOTA_RECLAIM_MS 60000
#define QUOTA_CALL_MILLI 1000 /* shares are whole calls: a part of one is of no use to anybody */

struct quota_share {
    bool live;          /* is given a share; false: it is only kept back */
    bool draining;      /* live, and is to call no more */
    int64_t heard_ms;   /* monotonic, when it was last heard */
    int32_t due_milli;  /* its part once nothing is kept back for others; 0: there are not enough for all */
    int32_t sent_milli; /* calls a minute, 1/1000, of the last target; QUOTA_UNLIMITED */
    int32_t may_milli;  /* the most it may be using: any share sent since the last acknowledged one */
    /* What Redis has of may_milli, the smallest of all notes that may be there now, and the note on its way. */
    int32_t noted_milli, noting_milli;
    bool noting, reported; /* a note is on its way; it has said what it uses */
};

/*
 * Decides `sent_milli` of every live share for a total of `total_milli`, or QUOTA_UNLIMITED. Returns true when any
 * changed. Call again when acknowledgements come and as time passes.
 */
bool quota_divide(struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms);
/* The share that the fetcher may be told now: what was decided, but not more than is noted. */
int32_t quota_told(const struct quota_share *share);
/* A note of may_milli is sent to Redis; quota_noted: it is there, and no later one is on its way. */
void quota_note(struct quota_share *share);
void quota_noted(struct quota_share *share);
/*
 * The fetcher says what it uses; `current`: it has seen the last target. What it used before its first report is in
 * force whatever we note, so that it counts as noted.
 */
void quota_report(struct quota_share *share, int32_t in_force_milli, bool current);
/* The most that all may be using now, in 1/1000 calls a minute; an unlimited one counts as `total_milli`. */
int64_t quota_in_use(const struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms);

#endif
