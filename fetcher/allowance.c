/* See allowance.h. */
#include "allowance.h"

#include <assert.h>

static int64_t left(const struct allowance *allowance)
{
    return allowance->granted_milli - allowance->used_milli - allowance->forgone_milli;
}

static void lapse(struct allowance *allowance, int64_t now_ms)
{
    if (now_ms >= allowance->until_ms && left(allowance) > 0)
        allowance->forgone_milli += left(allowance);
}

void allowance_free(struct allowance *allowance)
{
    allowance->unlimited = true;
}

void allowance_grant(struct allowance *allowance, int64_t granted_milli, int64_t until_ms, int64_t now_ms)
{
    lapse(allowance, now_ms);
    allowance->unlimited = false;
    if (granted_milli > allowance->granted_milli)
        allowance->granted_milli = granted_milli;
    if (until_ms > allowance->until_ms)
        allowance->until_ms = until_ms;
    lapse(allowance, now_ms); /* it may have been long on its way */
}

int64_t allowance_room(struct allowance *allowance, int64_t now_ms)
{
    if (allowance->unlimited)
        return INT64_MAX;
    lapse(allowance, now_ms);
    return left(allowance) > 0 ? left(allowance) : 0;
}

void allowance_end(struct allowance *allowance, int64_t milli)
{
    allowance->ended_milli += milli;
    assert(allowance->ended_milli <= allowance->used_milli);
}

int64_t allowance_settled(const struct allowance *allowance)
{
    return allowance->ended_milli + allowance->forgone_milli;
}

void allowance_take(struct allowance *allowance, int64_t milli)
{
    assert(allowance->unlimited || left(allowance) >= milli);
    allowance->used_milli += milli;
    if (allowance->unlimited && left(allowance) < 0)
        allowance->granted_milli = allowance->used_milli + allowance->forgone_milli;
}
