/*
 * Whether a partition gets on, and whether that is its owner's fault: pure, time is a parameter (monotonic ms).
 *
 * A partition is behind when it has lag, or is not read yet, and its offset stands still. That may be an outage which
 * hits everybody, and then nobody is better; so what counts is the time that it was behind while another worker got on:
 * it begins when that other one commits something at least PROGRESS_SKEW_MS after the stand-still began, and starts
 * anew when no other has done so for a while. After an outage everybody has the whole limit again.
 *
 * A partition that was moved is not moved again before twice the limit has passed, then four times, and so on up to
 * PROGRESS_PAUSE_MS: when the cause is the partition itself, no owner is better.
 */
#ifndef COORDINATOR_PROGRESS_H
#define COORDINATOR_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_SKEW_MS 2000 /* heartbeats tell of commits half a second late, and time-outs differ */
#define PROGRESS_PAUSE_MS                                                                                              \
    600000 /* longest pause between two moves; when it got on for so long, moves are forgotten                         \
            */

struct progress {
    uint32_t owner;        /* whose reports these are; 0: nobody's yet */
    int64_t offset;        /* last reported */
    int64_t advanced_ms;   /* when the owner last raised it; 0: never */
    int64_t standing_ms;   /* since when it is behind; 0: it is not */
    int64_t alone_ms;      /* since when it is behind while another gets on; 0: it is not */
    int64_t not_before_ms; /* of the next move */
    int64_t moved_ms;
    int moves; /* in a row */
};

/*
 * The owner reports the offset of its partition: `behind` when it has lag or is not read yet, and that its progress is
 * `age_ms` old. What another owner reported before is forgotten.
 */
void progress_report(struct progress *progress, uint32_t owner, int64_t offset, bool behind, int64_t age_ms,
                     int64_t now_ms);
/* The owner said that it can do nothing about it (STOPPED), or it has none: not judged until the next report. */
void progress_rest(struct progress *progress);
/*
 * Judges `list[at]`: true when it was behind for `limit_ms` while an owner other than its own got on, and its pause is
 * over.
 */
bool progress_stalled(struct progress *list, size_t count, size_t at, int64_t limit_ms, int64_t now_ms);
/* True when the owner of `list[at]` gets on with nothing else either: no offset raised since that one stands still, or
 * none lately. */
bool progress_owner_stalled(const struct progress *list, size_t count, size_t at, int64_t limit_ms, int64_t now_ms);
/* It is given to another; the next pause begins. */
void progress_moved(struct progress *progress, int64_t limit_ms, int64_t now_ms);

#endif
