/* Jitter from a small generator (entropy.h). Apart from the ids, so that a simulator can make those itself. */
#include "entropy.h"

void jitter_init(struct jitter *jitter, uint64_t seed)
{
    jitter->state = seed ? seed : (uint64_t)entropy_i63();
}

static uint64_t jitter_next(struct jitter *jitter)
{
    uint64_t z = jitter->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t jitter_below(struct jitter *jitter, int64_t bound)
{
    if (bound <= 0)
        return 0;
    return (int64_t)(((unsigned __int128)jitter_next(jitter) * (uint64_t)bound) >> 64);
}

int64_t jitter_backoff_ms(struct jitter *jitter, int attempt, int64_t base_ms, int64_t cap_ms)
{
    int64_t limit = base_ms < cap_ms ? base_ms : cap_ms;
    for (int i = 0; i < attempt && limit > 0 && limit < cap_ms; i++)
        limit = limit > cap_ms / 2 ? cap_ms : limit * 2;
    return jitter_below(jitter, limit < INT64_MAX ? limit + 1 : limit);
}
