/* See quota.h. */
#include "quota.h"

static int32_t larger(int32_t a, int32_t b)
{
    if (a == QUOTA_UNLIMITED || b == QUOTA_UNLIMITED)
        return QUOTA_UNLIMITED;
    return a > b ? a : b;
}

static int32_t smaller(int32_t a, int32_t b)
{
    if (a == QUOTA_UNLIMITED || b == QUOTA_UNLIMITED)
        return a == QUOTA_UNLIMITED ? b : a;
    return a < b ? a : b;
}

/* What a share may be using now; a silent fetcher's is kept back for a while. */
static int64_t in_use(const struct quota_share *share, int32_t total_milli, int64_t now_ms)
{
    if (!share->live && now_ms - share->heard_ms > QUOTA_RECLAIM_MS)
        return 0;
    return share->may_milli == QUOTA_UNLIMITED ? total_milli : share->may_milli;
}

int64_t quota_in_use(const struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms)
{
    int64_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += in_use(&shares[i], total_milli, now_ms);
    return used;
}

void quota_report(struct quota_share *share, int32_t in_force_milli, bool current)
{
    int32_t in_force = in_force_milli < 0 ? QUOTA_UNLIMITED : in_force_milli;
    share->noted_milli = share->reported ? share->noted_milli : in_force;
    share->reported = true;
    share->may_milli = current ? share->sent_milli : larger(share->may_milli, in_force);
}

int32_t quota_told(const struct quota_share *share)
{
    return smaller(share->sent_milli, share->noted_milli);
}

void quota_note(struct quota_share *share)
{
    share->noting = true;
    share->noting_milli = share->may_milli;
    share->noted_milli = smaller(share->noted_milli, share->may_milli);
}

void quota_noted(struct quota_share *share)
{
    if (share->noting)
        share->noted_milli = share->noting_milli;
    share->noting = false;
}

static bool set(struct quota_share *share, int32_t milli)
{
    bool changed = share->sent_milli != milli;
    share->sent_milli = milli;
    share->may_milli = larger(share->may_milli, milli);
    return changed;
}

/* What each of those that are to call gets when everything is acknowledged. */
static int64_t fair_share(const struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms)
{
    int64_t callers = 0, left = total_milli;
    for (size_t i = 0; i < count; i++) {
        if (shares[i].live && !shares[i].draining)
            callers++;
        else
            left -= in_use(&shares[i], total_milli, now_ms);
    }
    return callers == 0 || left < 0 ? 0 : left / callers;
}

bool quota_divide(struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms)
{
    bool changed = false, unlimited = total_milli == QUOTA_UNLIMITED;
    int64_t used = unlimited ? 0 : quota_in_use(shares, count, total_milli, now_ms);
    int64_t fair = unlimited ? 0 : fair_share(shares, count, total_milli, now_ms);
    for (size_t i = 0; i < count; i++) {
        struct quota_share *share = &shares[i];
        if (!share->live)
            continue;
        if (unlimited || share->draining) {
            changed |= set(share, unlimited ? QUOTA_UNLIMITED : 0);
            continue;
        }
        int64_t mine = in_use(share, total_milli, now_ms), room = total_milli - (used - mine);
        int64_t next = fair < room ? fair : room;
        changed |= set(share, (int32_t)(next < 0 ? 0 : next));
        used += in_use(share, total_milli, now_ms) - mine;
    }
    return changed;
}
