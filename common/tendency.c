/* See tendency.h. */
#include "tendency.h"

#include "quality.h"

#define SPAN_MS INT64_C(10800000)
#define NEAR_MS INT64_C(1800000)

static bool pressure_of(const struct latest *latest, int group, int32_t *value)
{
    return !quality_failed(latest->quality, group) && latest_value(latest, quality_past_value[group], value);
}

bool tendency_of(const struct latest *latest, const struct quality_history *history, int64_t *pa)
{
    int group = ISOBAR__V1__QUALITY_GROUP__GROUP_PRESSURE_SEA_LEVEL;
    int64_t wanted = latest->observed_at_ms - SPAN_MS, nearest = NEAR_MS + 1;
    int32_t pressure = 0;
    struct quality_cursor cursor;
    if (!pressure_of(latest, group, &pressure)) {
        group = ISOBAR__V1__QUALITY_GROUP__GROUP_PRESSURE_STATION;
        if (!pressure_of(latest, group, &pressure))
            return false;
    }
    for (quality_past_first(history, &cursor); quality_past_next(&cursor);) {
        int64_t off = cursor.past.observed_at_ms - wanted;
        off = off < 0 ? -off : off;
        if (!(cursor.past.present >> group & 1) || off >= nearest)
            continue;
        nearest = off;
        *pa = (int64_t)pressure - cursor.past.value[group];
    }
    return nearest <= NEAR_MS;
}
