/*
 * Rows for tests: a seeded generator (SplitMix64), so that a failure repeats, and random observations that collide
 * often: few distinct times and values, so that ties are the rule.
 */
#ifndef ISOBAR_TEST_ROWS_H
#define ISOBAR_TEST_ROWS_H

#include "observation.h"

#include <assert.h>
#include <string.h>

struct dice {
    uint64_t state;
};

/* Uniform in [0, bound). */
static inline int64_t dice_below(struct dice *dice, int64_t bound)
{
    assert(bound > 0);
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (int64_t)((z ^ z >> 31) % (uint64_t)bound);
}

/* Uniform in [low, high]. */
static inline int32_t dice_between(struct dice *dice, int64_t low, int64_t high)
{
    return (int32_t)(low + dice_below(dice, high - low + 1));
}

/* A value that its column can have; half of the time one of three, to make ties. */
static inline int32_t row_value(struct dice *dice, int bit)
{
    int64_t low = -100000, high = 100000;
    if (bit == ISOBAR__V1__VALUE__WIND_DIRECTION)
        low = 0, high = 35999;
    else if (bit == ISOBAR__V1__VALUE__HUMIDITY || bit == ISOBAR__V1__VALUE__CLOUD)
        low = 0, high = 10000;
    else if (bit == ISOBAR__V1__VALUE__WIND_SPEED)
        low = 0, high = 3000;
    else if (bit == ISOBAR__V1__VALUE__WIND_GUST || bit == ISOBAR__V1__VALUE__RAIN || bit == ISOBAR__V1__VALUE__SNOW ||
             bit == ISOBAR__V1__VALUE__VISIBILITY)
        low = 0, high = INT32_MAX;
    else if (bit == ISOBAR__V1__VALUE__PRESSURE_STATION)
        low = INT32_MIN, high = INT32_MAX; /* the widest sums there are */
    return dice_below(dice, 2) ? dice_between(dice, low, high) : dice_between(dice, 1, 3);
}

/* A reading at one of `times` instants from start_ms on, `step_ms` apart, of one of three providers. */
static inline struct observation row_random(struct dice *dice, int64_t start_ms, int64_t times, int64_t step_ms)
{
    struct observation row;
    memset(&row, 0, sizeof row);
    row.city_id = 1 + dice_below(dice, INT64_C(1) << 41);
    row.observed_at_ms = start_ms + dice_below(dice, times) * step_ms;
    row.fetched_at_ms = row.observed_at_ms + dice_below(dice, 600000);
    row.provider = dice_between(dice, 0, 2);
    row.series = dice_between(dice, 0, 2);
    row.quality = dice_below(dice, 2) ? 0 : dice_below(dice, INT64_MAX);
    row.accumulation_s = 3600;
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        if (OBSERVATION_KNOWN >> bit & 1 && dice_below(dice, 3))
            observation_set(&row, bit, row_value(dice, bit));
    return row;
}

#endif
