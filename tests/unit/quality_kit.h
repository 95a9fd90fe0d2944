/*
 * Readings for the tests of quality control: a moment to start with, short ways to make rows, and the limits and the
 * history that a test works with.
 */
#ifndef ISOBAR_TEST_QUALITY_KIT_H
#define ISOBAR_TEST_QUALITY_KIT_H

#include "quality.h"
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define START  (INT64_C(497222) * HOUR) /* a full hour */

#define V(value)          ISOBAR__V1__VALUE__##value
#define G(group)          ISOBAR__V1__QUALITY_GROUP__GROUP_##group
#define FLAG(test, group) QUALITY_BIT(ISOBAR__V1__QUALITY_TEST__##test, G(group))

/* A row of nothing. */
static inline struct observation at(int64_t observed_at_ms)
{
    return (struct observation){.city_id = 1, .observed_at_ms = observed_at_ms};
}

/* A row of one value. */
static inline struct observation one(int64_t observed_at_ms, int bit, int32_t value)
{
    struct observation row = at(observed_at_ms);
    observation_set(&row, bit, value);
    return row;
}

/* A row that is always the same. */
static inline struct observation full(int64_t observed_at_ms)
{
    struct observation row = one(observed_at_ms, V(TEMPERATURE), 1234);
    observation_set(&row, V(DEW_POINT), 800);
    observation_set(&row, V(HUMIDITY), 6000);
    observation_set(&row, V(PRESSURE_SEA_LEVEL), 101325);
    observation_set(&row, V(PRESSURE_STATION), 98765);
    observation_set(&row, V(WIND_SPEED), 300);
    observation_set(&row, V(WIND_DIRECTION), 35900);
    return row;
}

/* quality_judge, which must not depend on being asked once. */
static inline int64_t judge(const struct quality_limits *limits, const struct quality_history *history,
                            const struct latest *latest, const struct observation *row)
{
    int64_t flags = quality_judge(limits, history, latest, row);
    assert_int_equal(quality_judge(limits, history, latest, row), flags);
    return flags;
}

static struct quality_limits limits;
static struct quality_history history;

/* For each test the limits that hold without rules, and a history that is empty again behind it. */
static inline int begin(void **state)
{
    (void)state;
    quality_defaults(&limits);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    quality_history_release(&history);
    assert_null(history.past);
    return 0;
}

#endif
