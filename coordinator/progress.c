/* See progress.h. */
#include "progress.h"

#define DOUBLINGS 20

void progress_report(struct progress *progress, uint32_t owner, int64_t offset, bool behind, int64_t age_ms,
                     int64_t now_ms)
{
    bool same = progress->owner == owner;
    if (!same || offset < progress->offset || progress->offset < 0) {
        /* Another process, a rollback, or the offset that an acquire found: nothing that was achieved. */
        progress->advanced_ms = same ? progress->advanced_ms : 0;
        progress->standing_ms = progress->alone_ms = 0;
    } else if (offset > progress->offset) {
        progress->advanced_ms = now_ms;
    }
    progress->owner = owner;
    progress->offset = offset;
    if (!behind || age_ms <= 0) {
        progress->standing_ms = progress->alone_ms = 0;
    } else {
        int64_t since_ms = now_ms - age_ms;
        /* A little later than known so far is the jitter of reports; much later means that it got on meanwhile. */
        if (progress->standing_ms == 0 || since_ms > progress->standing_ms + PROGRESS_SKEW_MS) {
            progress->standing_ms = since_ms;
            progress->alone_ms = 0;
        }
    }
    if (progress->moves > 0 && progress->standing_ms == 0 && now_ms - progress->moved_ms > PROGRESS_PAUSE_MS)
        progress->moves = 0;
}

void progress_rest(struct progress *progress)
{
    progress->standing_ms = progress->alone_ms = 0;
}

/* Late enough to be now: partitions without readings have ticks, by default every 10 s. */
static bool is_late(int64_t at_ms, int64_t limit_ms, int64_t now_ms)
{
    return now_ms - at_ms <= limit_ms + limit_ms / 2;
}

bool progress_stalled(struct progress *list, size_t count, size_t at, int64_t limit_ms, int64_t now_ms)
{
    struct progress *progress = &list[at];
    int64_t best_ms = 0;
    if (progress->standing_ms == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (list[i].owner != progress->owner && list[i].owner != 0 && list[i].advanced_ms > best_ms)
            best_ms = list[i].advanced_ms;
    }
    bool others = best_ms > progress->standing_ms + PROGRESS_SKEW_MS && is_late(best_ms, limit_ms, now_ms);
    if (!others)
        progress->alone_ms = 0;
    else if (progress->alone_ms == 0)
        progress->alone_ms = now_ms;
    return others && now_ms - progress->alone_ms >= limit_ms && now_ms >= progress->not_before_ms;
}

bool progress_owner_stalled(const struct progress *list, size_t count, size_t at, int64_t limit_ms, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].owner == list[at].owner && list[i].advanced_ms > list[at].standing_ms + PROGRESS_SKEW_MS &&
            is_late(list[i].advanced_ms, limit_ms, now_ms))
            return false;
    }
    return true;
}

void progress_moved(struct progress *progress, int64_t limit_ms, int64_t now_ms)
{
    int64_t pause_ms = limit_ms;
    progress->moves += progress->moves < DOUBLINGS;
    for (int i = 0; i < progress->moves && pause_ms < PROGRESS_PAUSE_MS; i++)
        pause_ms *= 2;
    progress->moved_ms = now_ms;
    progress->not_before_ms = now_ms + (pause_ms < PROGRESS_PAUSE_MS ? pause_ms : PROGRESS_PAUSE_MS);
    progress->owner = 0;
    progress_rest(progress);
}
