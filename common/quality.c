/*
 * The tests of quality.h. Each is a function of its own; quality_judge puts them in order: RANGE and the source's word
 * decide which values are looked at any further, JUMP which of them PERSISTENCE and CONSISTENCY see. Differences are
 * taken in 64 bits, since without limits any 32-bit value is possible.
 */
#include "quality.h"

#include "wind.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define V(value)     ISOBAR__V1__VALUE__##value
#define G(group)     ISOBAR__V1__QUALITY_GROUP__GROUP_##group
#define T(test)      ISOBAR__V1__QUALITY_TEST__##test
#define BIT(value)   (UINT64_C(1) << V(value))
#define GROUPS       ((INT64_C(1) << QUALITY_GROUPS) - 1)
#define HOUR_MS      INT64_C(3600000)
#define CUSTOM_BITS  (UINT64_C(0xffff) << 32)
#define DEGREES_360  36000
#define PERCENT_100  10000
#define SOURCE_FLAGS (GROUPS << T(SOURCE_SUSPECT) * QUALITY_GROUPS | GROUPS << T(SOURCE_FAIL) * QUALITY_GROUPS)

/* Values of each group. The provider's feels-like, its spread and condition codes are in none. */
static const uint64_t values_of[QUALITY_GROUPS] = {
    [G(TEMPERATURE)] = BIT(TEMPERATURE),
    [G(DEW_POINT)] = BIT(DEW_POINT),
    [G(HUMIDITY)] = BIT(HUMIDITY),
    [G(PRESSURE_SEA_LEVEL)] = BIT(PRESSURE_SEA_LEVEL),
    [G(PRESSURE_STATION)] = BIT(PRESSURE_STATION),
    [G(WIND)] = BIT(WIND_SPEED) | BIT(WIND_DIRECTION) | BIT(WIND_GUST),
    [G(PRECIPITATION)] = BIT(RAIN) | BIT(SNOW),
    [G(OTHER)] = BIT(CLOUD) | BIT(VISIBILITY) | BIT(AIR_QUALITY_INDEX) | BIT(PM2_5) | BIT(PM10) | BIT(NO2) | BIT(O3) |
                 BIT(SO2) | BIT(CO) | BIT(NH3) | CUSTOM_BITS,
};

/* ---- limits ---- */

static const struct {
    int value;
    int32_t minimum, maximum;
} default_ranges[] = {
    {V(TEMPERATURE), -8000, 6000},
    {V(DEW_POINT), -8000, 3500},
    {V(HUMIDITY), 0, PERCENT_100},
    {V(PRESSURE_SEA_LEVEL), 50000, 110000},
    {V(PRESSURE_STATION), 50000, 110000},
    {V(WIND_SPEED), 0, 7500},
    {V(WIND_GUST), 0, 7500},
    {V(WIND_DIRECTION), 0, DEGREES_360 - 1},
    {V(RAIN), 0, 500000},
    {V(SNOW), 0, 500000},
    {V(CLOUD), 0, PERCENT_100},
    {V(VISIBILITY), 0, INT32_MAX},
    {V(AIR_QUALITY_INDEX), 0, INT32_MAX},
    {V(PM2_5), 0, INT32_MAX},
    {V(PM10), 0, INT32_MAX},
    {V(NO2), 0, INT32_MAX},
    {V(O3), 0, INT32_MAX},
    {V(SO2), 0, INT32_MAX},
    {V(CO), 0, INT32_MAX},
    {V(NH3), 0, INT32_MAX},
};

/* Everything but the ranges, which have a table of their own. */
static const struct quality_limits defaults = {
    .step = {[G(TEMPERATURE)] = {400, 700, 900, 1500, 2500},
             [G(DEW_POINT)] = {400, 600, 800, 1200, 2000},
             [G(PRESSURE_SEA_LEVEL)] = {300, 600, 900, 1800, 3600},
             [G(PRESSURE_STATION)] = {300, 600, 900, 1800, 3600}},
    .jump = {[G(TEMPERATURE)] = 1940,
             [G(HUMIDITY)] = 5000,
             [G(PRESSURE_SEA_LEVEL)] = 1000,
             [G(PRESSURE_STATION)] = 1000},
    .stillness = {.limit = {[G(TEMPERATURE)] = 10,
                            [G(HUMIDITY)] = 100,
                            [G(PRESSURE_SEA_LEVEL)] = 10,
                            [G(PRESSURE_STATION)] = 10,
                            [G(WIND)] = 50},
                  .turn_centi_deg = 1000,
                  .least_ms = 6 * HOUR_MS,
                  .least_count = 12},
    .consistency = 1u << G(TEMPERATURE) | 1u << G(DEW_POINT) | 1u << G(WIND) | 1u << G(PRECIPITATION),
    .dew_point_excess_centi_c = 50,
    .snow_centi_c = 700,
};

void quality_set_range(struct quality_limits *limits, int value, int32_t minimum, int32_t maximum)
{
    assert(value >= 0 && value < QUALITY_VALUES);
    limits->ranged |= UINT64_C(1) << value;
    limits->minimum[value] = minimum;
    limits->maximum[value] = maximum;
}

void quality_defaults(struct quality_limits *limits)
{
    *limits = defaults;
    for (size_t i = 0; i < sizeof default_ranges / sizeof *default_ranges; i++)
        quality_set_range(limits, default_ranges[i].value, default_ranges[i].minimum, default_ranges[i].maximum);
}

/* ---- flags ---- */

void quality_intake(struct observation *row)
{
    if (observation_has(row, V(WIND_DIRECTION)) && row->value[V(WIND_DIRECTION)] == DEGREES_360)
        row->value[V(WIND_DIRECTION)] = 0;
    row->quality &= SOURCE_FLAGS;
}

static uint32_t groups_of(int64_t flags, int test)
{
    return (uint32_t)(flags >> test * QUALITY_GROUPS & GROUPS);
}

static int64_t flags_of(uint32_t groups, int test)
{
    return (int64_t)groups << test * QUALITY_GROUPS;
}

int quality_group_of(int value)
{
    for (int group = 0; group < QUALITY_GROUPS; group++) {
        if (values_of[group] >> value & 1)
            return group;
    }
    return -1;
}

bool quality_failed(int64_t flags, int group)
{
    uint32_t groups = groups_of(flags, T(RANGE)) | groups_of(flags, T(JUMP)) | groups_of(flags, T(SOURCE_FAIL));
    return groups >> group & 1;
}

bool quality_failed_value(int64_t flags, int value)
{
    int group = quality_group_of(value);
    return group >= 0 && quality_failed(flags, group);
}

/* Values of all these groups. */
static uint64_t values_in(uint32_t groups)
{
    uint64_t values = 0;
    for (; groups; groups &= groups - 1)
        values |= values_of[__builtin_ctz(groups)];
    return values;
}

/* Groups that these values belong to. */
static uint32_t groups_with(uint64_t values)
{
    uint32_t groups = 0;
    for (int group = 0; group < QUALITY_GROUPS; group++)
        groups |= (uint32_t)((values & values_of[group]) != 0) << group;
    return groups;
}

static void clear(struct observation *row, uint64_t values)
{
    values &= row->present;
    row->present &= ~values;
    for (; values; values &= values - 1)
        row->value[__builtin_ctzll(values)] = 0;
}

void quality_clear_failed(const struct quality_limits *limits, struct observation *row)
{
    uint32_t whole = groups_of(row->quality, T(JUMP)) | groups_of(row->quality, T(SOURCE_FAIL));
    clear(row, values_in(whole) | quality_range(limits, row));
}

/* ---- the tests ---- */

/* What a column cannot mean: proto/observation.proto. */
static bool possible(int value, int32_t number)
{
    switch (value) {
    case V(HUMIDITY):
    case V(CLOUD):
        return number >= 0 && number <= PERCENT_100;
    case V(WIND_DIRECTION):
        return number >= 0 && number < DEGREES_360;
    case V(WIND_SPEED):
    case V(WIND_GUST):
    case V(RAIN):
    case V(SNOW):
    case V(VISIBILITY):
        return number >= 0;
    default:
        return true;
    }
}

uint64_t quality_range(const struct quality_limits *limits, const struct observation *row)
{
    uint64_t outside = 0;
    for (uint64_t rest = row->present; rest; rest &= rest - 1) {
        int value = __builtin_ctzll(rest);
        int32_t number = row->value[value];
        bool limited = limits->ranged >> value & 1;
        if (!possible(value, number) ||
            (limited && (number < limits->minimum[value] || number > limits->maximum[value])))
            outside |= UINT64_C(1) << value;
    }
    return outside;
}

static int64_t distance(int32_t a, int32_t b)
{
    int64_t difference = (int64_t)a - b;
    return difference < 0 ? -difference : difference;
}

bool quality_step(const struct quality_limits *limits, int group, int32_t value, int32_t earlier, int64_t apart_ms)
{
    static const int64_t intervals[QUALITY_STEPS] = {HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS};
    int i = 0;
    while (i < QUALITY_STEPS && intervals[i] < apart_ms)
        i++;
    return i < QUALITY_STEPS && limits->step[group][i] != 0 && distance(value, earlier) > limits->step[group][i];
}

bool quality_jump(const struct quality_limits *limits, int group, int32_t value, int32_t earlier, int64_t apart_ms)
{
    return apart_ms <= HOUR_MS && limits->jump[group] != 0 && distance(value, earlier) > limits->jump[group];
}

bool quality_persistence(const struct quality_limits *limits, const struct quality_run *run)
{
    return run->last_ms - run->start_ms >= limits->stillness.least_ms && run->count >= limits->stillness.least_count;
}

uint32_t quality_consistency(const struct quality_limits *limits, const struct observation *row)
{
    const int32_t *v = row->value;
    uint64_t known = row->present;
    uint32_t wrong = 0;
    bool temperature = known & BIT(TEMPERATURE);
    if (temperature && (((known & BIT(TEMPERATURE_MIN)) && v[V(TEMPERATURE)] < v[V(TEMPERATURE_MIN)]) ||
                        ((known & BIT(TEMPERATURE_MAX)) && v[V(TEMPERATURE)] > v[V(TEMPERATURE_MAX)])))
        wrong |= 1u << G(TEMPERATURE);
    if (temperature && (known & BIT(DEW_POINT)) &&
        (int64_t)v[V(DEW_POINT)] - v[V(TEMPERATURE)] > limits->dew_point_excess_centi_c)
        wrong |= 1u << G(DEW_POINT);
    if ((known & BIT(WIND_GUST)) && (known & BIT(WIND_SPEED)) && v[V(WIND_GUST)] < v[V(WIND_SPEED)])
        wrong |= 1u << G(WIND);
    bool rain = (known & BIT(RAIN)) && v[V(RAIN)] > 0, snow = (known & BIT(SNOW)) && v[V(SNOW)] > 0;
    if ((rain && (known & BIT(CLOUD)) && v[V(CLOUD)] == 0) ||
        (snow && temperature && v[V(TEMPERATURE)] > limits->snow_centi_c))
        wrong |= 1u << G(PRECIPITATION);
    return wrong & limits->consistency;
}

/* ---- the verdict ---- */

/* STEP and JUMP of the row against one earlier reading; readings of the same time, later or too long ago tell nothing.
 */
static int64_t compare(const struct quality_limits *limits, const struct quality_past *row,
                       const struct quality_past *earlier)
{
    int64_t apart = row->observed_at_ms - earlier->observed_at_ms, flags = 0;
    if (apart <= 0 || apart > QUALITY_PAST_MS)
        return 0;
    for (uint32_t rest = row->present & earlier->present; rest; rest &= rest - 1) {
        int group = __builtin_ctz(rest);
        int32_t now = row->value[group], before = earlier->value[group];
        if (quality_step(limits, group, now, before, apart))
            flags |= QUALITY_BIT(T(STEP), group);
        if (quality_jump(limits, group, now, before, apart))
            flags |= QUALITY_BIT(T(JUMP), group);
    }
    return flags;
}

/* The latest reading without the groups that failed. */
static void past_of_latest(const struct latest *latest, struct quality_past *past)
{
    *past = (struct quality_past){.observed_at_ms = latest->observed_at_ms};
    for (int group = 0; group < QUALITY_PAST_GROUPS; group++) {
        if (!quality_failed(latest->quality, group) &&
            latest_value(latest, quality_past_value[group], &past->value[group]))
            past->present |= 1u << group;
    }
}

static int64_t judge_change(const struct quality_limits *limits, const struct quality_history *history,
                            const struct latest *latest, const struct observation *row)
{
    struct quality_past now, earlier;
    struct quality_cursor cursor;
    int64_t flags = 0;
    quality_past_of(row, &now);
    for (quality_past_first(history, &cursor); quality_past_next(&cursor);)
        flags |= compare(limits, &now, &cursor.past);
    if (latest) {
        past_of_latest(latest, &earlier);
        flags |= compare(limits, &now, &earlier);
    }
    return flags;
}

static int64_t judge_stillness(const struct quality_limits *limits, const struct quality_history *history,
                               const struct observation *row)
{
    struct quality_run run;
    int64_t flags = 0;
    for (int group = 0; group < QUALITY_RUN_GROUPS; group++) {
        if (quality_run_after(history, &limits->stillness, group, row, &run) == QUALITY_RUN_GREW &&
            quality_persistence(limits, &run))
            flags |= QUALITY_BIT(T(PERSISTENCE), group);
    }
    return flags;
}

int64_t quality_judge(const struct quality_limits *limits, const struct quality_history *history,
                      const struct latest *latest, const struct observation *row)
{
    struct observation rest = *row; /* what is still to be looked at */
    uint64_t outside = quality_range(limits, row);
    int64_t flags = (row->quality & SOURCE_FLAGS) | flags_of(groups_with(outside), T(RANGE));
    clear(&rest, outside | values_in(groups_of(flags, T(SOURCE_FAIL))));
    flags |= judge_change(limits, history, latest, &rest);
    clear(&rest, values_in(groups_of(flags, T(JUMP))));
    flags |= judge_stillness(limits, history, &rest);
    return flags | flags_of(quality_consistency(limits, &rest), T(CONSISTENCY));
}

/* ---- names ---- */

static const char *const test_names[QUALITY_TESTS] = {
    [T(RANGE)] = "range",
    [T(STEP)] = "step",
    [T(JUMP)] = "jump",
    [T(PERSISTENCE)] = "persistence",
    [T(CONSISTENCY)] = "consistency",
    [T(SOURCE_SUSPECT)] = "source_suspect",
    [T(SOURCE_FAIL)] = "source_fail",
};

static const char *const group_names[QUALITY_GROUPS] = {
    [G(TEMPERATURE)] = "temperature",
    [G(DEW_POINT)] = "dew_point",
    [G(HUMIDITY)] = "humidity",
    [G(PRESSURE_SEA_LEVEL)] = "pressure_sea_level",
    [G(PRESSURE_STATION)] = "pressure_station",
    [G(WIND)] = "wind",
    [G(PRECIPITATION)] = "precipitation",
    [G(OTHER)] = "other",
};

const char *quality_test_name(int test)
{
    assert(test >= 0 && test < QUALITY_TESTS);
    return test_names[test];
}

const char *quality_group_name(int group)
{
    assert(group >= 0 && group < QUALITY_GROUPS);
    return group_names[group];
}

const char *quality_name(int bit, char *out)
{
    snprintf(out, QUALITY_NAME_BYTES, "%s_%s", quality_test_name(bit / QUALITY_GROUPS),
             quality_group_name(bit % QUALITY_GROUPS));
    return out;
}

int quality_parse_name(const char *name)
{
    char own[QUALITY_NAME_BYTES];
    for (int bit = 0; bit < QUALITY_FLAGS; bit++) {
        if (strcmp(quality_name(bit, own), name) == 0)
            return bit;
    }
    return -1;
}
