/* See failover.h. */
#include "failover.h"

/* Not good any more, or not yet. */
static void spoil(struct failover_source *source)
{
    source->good_ms = 0;
    source->goods = 0;
}

void failover_answered(struct failover *failover, const struct failover_rules *rules, int32_t source, int64_t age_ms,
                       int64_t now_ms)
{
    struct failover_source *of = &failover->of[source];
    if (of->stale_at_ms <= now_ms)
        spoil(of); /* it was too old before this answer, or there was none */
    of->failures = 0;
    if (age_ms >= 0)
        of->stale_at_ms = now_ms + rules->stale_ms[source] - age_ms;
    if (of->stale_at_ms <= now_ms) {
        spoil(of);
        return;
    }
    of->good_ms = of->good_ms ? of->good_ms : now_ms;
    if (of->goods < FAILOVER_GOODS)
        of->goods++;
}

void failover_failed(struct failover *failover, int32_t source)
{
    struct failover_source *of = &failover->of[source];
    spoil(of);
    if (of->failures < FAILOVER_FAILURES)
        of->failures++;
}

void failover_unknown(struct failover *failover, int32_t source)
{
    spoil(&failover->of[source]);
    failover->of[source].failures = FAILOVER_FAILURES;
}

bool failover_bad(const struct failover *failover, const struct failover_rules *rules, int32_t source, int64_t now_ms)
{
    const struct failover_source *of = &failover->of[source];
    return of->failures >= FAILOVER_FAILURES || (of->stale_at_ms && of->stale_at_ms <= now_ms) ||
           rules->open_ms[source] == FAILOVER_SHUT;
}

/* Good for long enough to go back to. */
static bool proven(const struct failover *failover, const struct failover_rules *rules, int32_t source, int64_t now_ms)
{
    const struct failover_source *of = &failover->of[source];
    int64_t since_ms = of->good_ms > rules->open_ms[source] ? of->good_ms : rules->open_ms[source];
    return !failover_bad(failover, rules, source, now_ms) && of->goods >= FAILOVER_GOODS &&
           now_ms - since_ms >= rules->back_ms;
}

static int32_t choose(const struct failover *failover, const struct failover_rules *rules, int64_t now_ms)
{
    int32_t in_use = failover->in_use;
    for (int32_t i = 0; i < in_use; i++) {
        if (proven(failover, rules, i, now_ms))
            return i;
    }
    if (!failover_bad(failover, rules, in_use, now_ms))
        return in_use;
    for (int32_t i = 0; i < rules->sources; i++) {
        if (!failover_bad(failover, rules, i, now_ms))
            return i;
    }
    return in_use;
}

bool failover_decide(struct failover *failover, const struct failover_rules *rules, int64_t now_ms)
{
    int32_t chosen = choose(failover, rules, now_ms);
    if (chosen == failover->in_use)
        return false;
    failover->in_use = chosen;
    failover->since_ms = now_ms;
    for (int32_t i = chosen + 1; i < rules->sources; i++)
        failover->of[i] = (struct failover_source){0};
    return true;
}

bool failover_polls(const struct failover *failover, int32_t source)
{
    return source <= failover->in_use;
}
