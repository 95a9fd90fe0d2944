/* See pace.h. */
#include "pace.h"

#define BURST_US 100000

int64_t pace_reserve(struct pace *pace, int64_t now_ms)
{
    int64_t now_us = now_ms * 1000, at_us;
    if (pace->per_second <= 0)
        return now_ms;
    if (pace->next_us < now_us - BURST_US)
        pace->next_us = now_us - BURST_US;
    at_us = pace->next_us;
    pace->next_us += 1000000 / pace->per_second;
    return at_us <= now_us ? now_ms : (at_us + 999) / 1000;
}
