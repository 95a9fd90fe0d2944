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

/* A part of the whole calls that are left: parts differ by one at most, and those that come first have more. */
struct fair {
    int64_t least, more; /* whole calls, and how many of the callers get one more */
};

static bool calls(const struct quota_share *share)
{
    return share->live && !share->draining;
}

/* How `milli` is divided among all that are to call. */
static struct fair fair_parts(const struct quota_share *shares, size_t count, int64_t milli)
{
    int64_t callers = 0, whole = milli < 0 ? 0 : milli / QUOTA_CALL_MILLI;
    for (size_t i = 0; i < count; i++)
        callers += calls(&shares[i]);
    return callers == 0 ? (struct fair){0, 0} : (struct fair){whole / callers, whole % callers};
}

/* What is not kept back for others. */
static int64_t left_of(const struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms)
{
    int64_t left = total_milli;
    for (size_t i = 0; i < count; i++)
        left -= calls(&shares[i]) ? 0 : in_use(&shares[i], total_milli, now_ms);
    return left;
}

static int64_t next_part(struct fair *fair)
{
    return (fair->least + (fair->more-- > 0)) * QUOTA_CALL_MILLI;
}

bool quota_divide(struct quota_share *shares, size_t count, int32_t total_milli, int64_t now_ms)
{
    bool changed = false, unlimited = total_milli == QUOTA_UNLIMITED;
    int64_t used = unlimited ? 0 : quota_in_use(shares, count, total_milli, now_ms);
    struct fair due = fair_parts(shares, count, total_milli);
    struct fair fair = fair_parts(shares, count, unlimited ? 0 : left_of(shares, count, total_milli, now_ms));
    for (size_t i = 0; i < count; i++) {
        struct quota_share *share = &shares[i];
        if (!share->live)
            continue;
        if (unlimited || share->draining) {
            share->due_milli = unlimited ? QUOTA_UNLIMITED : 0;
            changed |= set(share, share->due_milli);
            continue;
        }
        share->due_milli = (int32_t)next_part(&due);
        int64_t mine = in_use(share, total_milli, now_ms), room = total_milli - (used - mine);
        int64_t part = next_part(&fair), next = part < room ? part : room / QUOTA_CALL_MILLI * QUOTA_CALL_MILLI;
        changed |= set(share, (int32_t)(next < 0 ? 0 : next));
        used += in_use(share, total_milli, now_ms) - mine;
    }
    return changed;
}
