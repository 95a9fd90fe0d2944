/* See quota.h. */
#include "quota.h"

/* What a share may be using now; a silent fetcher's is kept back for a while. */
static int64_t in_use(const struct quota_share *share, int64_t now_ms)
{
    if (!share->live && now_ms - share->heard_ms > QUOTA_RECLAIM_MS)
        return 0;
    return share->may_milli > 0 ? share->may_milli : 0;
}

void quota_acknowledge(struct quota_share *share)
{
    share->acknowledged = true;
    share->may_milli = share->sent_milli;
}

static bool set(struct quota_share *share, int32_t milli)
{
    if (share->sent_milli == milli)
        return false;
    share->sent_milli = milli;
    share->acknowledged = false;
    if (milli > share->may_milli || milli == QUOTA_UNLIMITED)
        share->may_milli = milli;
    return true;
}

bool quota_divide(struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms)
{
    bool changed = false;
    int64_t live = 0, used = 0;
    for (size_t i = 0; i < count; i++) {
        live += shares[i].live;
        used += in_use(&shares[i], now_ms);
    }
    for (size_t i = 0; i < count && live > 0; i++) {
        struct quota_share *share = &shares[i];
        if (!share->live)
            continue;
        if (total_milli == QUOTA_UNLIMITED) {
            changed |= set(share, QUOTA_UNLIMITED);
            continue;
        }
        int64_t fair = total_milli / live, mine = in_use(share, now_ms), room = total_milli - (used - mine);
        int64_t next = fair < room ? fair : room;
        next = next < 0 ? 0 : next;
        changed |= set(share, (int32_t)next);
        used += in_use(share, now_ms) - mine;
    }
    return changed;
}
