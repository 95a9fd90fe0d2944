/*
 * See quality_rules.h. Ranges have the number of their isobar.v1.Value, all other keys follow in the order of one
 * table. Decimals are taken and printed exactly: what a column cannot store is refused, not rounded.
 */
#include "quality_rules.h"

#include "duration.h"
#include "error.h"
#include "quantity.h"
#include "scaled.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define G(group)       ISOBAR__V1__QUALITY_GROUP__GROUP_##group
#define NONE           "none"
#define KEY_BYTES      48
#define CENTI          100
#define STILLNESS_LOW  DURATION_MINUTE
#define STILLNESS_HIGH (365 * DURATION_DAY)
#define COUNT_LOW      2
#define COUNT_HIGH     1000000
#define LIMIT(member)  offsetof(struct quality_limits, member)
#define STEP(name, group)                                                                                              \
    {                                                                                                                  \
        "step_" name, STEPS, LIMIT(step[group])                                                                        \
    }
#define JUMP(name, group)                                                                                              \
    {                                                                                                                  \
        "jump_" name, MOST, LIMIT(jump[group])                                                                         \
    }
#define STILL(name, group)                                                                                             \
    {                                                                                                                  \
        "persistence_" name, MOST, LIMIT(stillness.limit[group])                                                       \
    }

enum kind { STEPS, MOST, LEVEL, TIME, COUNT, SWITCH };

static const struct {
    const char *name;
    enum kind kind;
    size_t at; /* of the limit; of a SWITCH the group */
} keys[] = {
    STEP("temperature", G(TEMPERATURE)),
    STEP("dew_point", G(DEW_POINT)),
    STEP("humidity", G(HUMIDITY)),
    STEP("pressure_sea_level", G(PRESSURE_SEA_LEVEL)),
    STEP("pressure_station", G(PRESSURE_STATION)),
    JUMP("temperature", G(TEMPERATURE)),
    JUMP("dew_point", G(DEW_POINT)),
    JUMP("humidity", G(HUMIDITY)),
    JUMP("pressure_sea_level", G(PRESSURE_SEA_LEVEL)),
    JUMP("pressure_station", G(PRESSURE_STATION)),
    STILL("temperature", G(TEMPERATURE)),
    STILL("dew_point", G(DEW_POINT)),
    STILL("humidity", G(HUMIDITY)),
    STILL("pressure_sea_level", G(PRESSURE_SEA_LEVEL)),
    STILL("pressure_station", G(PRESSURE_STATION)),
    STILL("wind", G(WIND)),
    {"persistence_direction", MOST, LIMIT(stillness.turn_centi_deg)},
    {"persistence_time", TIME, LIMIT(stillness.least_ms)},
    {"persistence_count", COUNT, LIMIT(stillness.least_count)},
    {"consistency_temperature", SWITCH, G(TEMPERATURE)},
    {"consistency_dew_point", SWITCH, G(DEW_POINT)},
    {"consistency_wind", SWITCH, G(WIND)},
    {"consistency_precipitation", SWITCH, G(PRECIPITATION)},
    {"dew_point_excess", LEVEL, LIMIT(dew_point_excess_centi_c)},
    {"snow_temperature", LEVEL, LIMIT(snow_centi_c)},
};
#define KEYS (sizeof keys / sizeof *keys)
_Static_assert(QUALITY_VALUES + KEYS <= QUALITY_KEYS, "room for the table");

/* ---- names ---- */

/* "range_temperature"; false when the value is none that quality control knows, or the operator's own, whose range
 * stands where it is defined. */
static bool range_name(int value, char out[KEY_BYTES])
{
    const char *name = value_kind_get(value)->name;
    return value < OBSERVATION_CUSTOM && quality_group_of(value) >= 0 && name &&
           snprintf(out, KEY_BYTES, "range_%s", name) > 0;
}

int quality_rules_find(const char *name)
{
    char own[KEY_BYTES];
    for (int value = 0; value < QUALITY_VALUES; value++) {
        if (range_name(value, own) && strcmp(own, name) == 0)
            return value;
    }
    for (int i = 0; i < (int)KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return QUALITY_VALUES + i;
    }
    return -1;
}

/* ---- values ---- */

/* "-80..60", an end left out: no limit there. */
static bool parse_range(const char *text, int32_t scale, int32_t *minimum, int32_t *maximum)
{
    const char *dots = strstr(text, "..");
    *minimum = INT32_MIN;
    *maximum = INT32_MAX;
    if (!dots || strlen(text) == 2)
        return false;
    size_t before = (size_t)(dots - text), after = strlen(dots + 2);
    return (before == 0 || scaled_parse(text, before, scale, minimum)) &&
           (after == 0 || scaled_parse(dots + 2, after, scale, maximum)) && *minimum <= *maximum;
}

static int set_range(struct quality_limits *limits, int value, const char *text, struct buf *error)
{
    int32_t minimum, maximum;
    if (strcmp(text, NONE) == 0) {
        limits->ranged &= ~(UINT64_C(1) << value);
        limits->minimum[value] = limits->maximum[value] = 0;
        return 0;
    }
    if (!parse_range(text, value_kind_get(value)->scale, &minimum, &maximum)) {
        buf_printf(error, "\"%.64s\" is no range: least..most wanted, or " NONE, text);
        return ERR_INVALID;
    }
    quality_set_range(limits, value, minimum, maximum);
    return 0;
}

/* Five numbers with '/' between them, 0: not tested. */
static bool parse_steps(const char *text, int32_t steps[QUALITY_STEPS])
{
    for (int i = 0; i < QUALITY_STEPS; i++) {
        size_t size = strcspn(text, "/");
        if (!scaled_parse(text, size, CENTI, &steps[i]) || steps[i] < 0 ||
            (text[size] == '/') != (i < QUALITY_STEPS - 1))
            return false;
        text += size + 1;
    }
    return true;
}

static bool set_steps(struct quality_limits *limits, size_t at, const char *text)
{
    int32_t steps[QUALITY_STEPS] = {0};
    if (strcmp(text, NONE) != 0 && !parse_steps(text, steps))
        return false;
    memcpy((char *)limits + at, steps, sizeof steps);
    return true;
}

static bool set_most(struct quality_limits *limits, size_t at, const char *text)
{
    int32_t number = 0;
    if (strcmp(text, NONE) != 0 && (!scaled_parse(text, strlen(text), CENTI, &number) || number <= 0))
        return false;
    memcpy((char *)limits + at, &number, sizeof number);
    return true;
}

static bool set_level(struct quality_limits *limits, size_t at, const char *text, int32_t scale, int32_t low,
                      int32_t high)
{
    int32_t number;
    if (!scaled_parse(text, strlen(text), scale, &number) || number < low || number > high)
        return false;
    memcpy((char *)limits + at, &number, sizeof number);
    return true;
}

static bool set_time(struct quality_limits *limits, const char *text)
{
    return duration_parse(text, strlen(text), STILLNESS_LOW, STILLNESS_HIGH, &limits->stillness.least_ms);
}

static bool set_switch(struct quality_limits *limits, size_t group, const char *text)
{
    uint32_t bit = 1u << group;
    bool on = strcmp(text, "on") == 0;
    if (!on && strcmp(text, "off") != 0)
        return false;
    limits->consistency = on ? limits->consistency | bit : limits->consistency & ~bit;
    return true;
}

int quality_rules_set(struct quality_limits *limits, int key, const char *value, struct buf *error)
{
    static const char *const wanted[] = {[STEPS] =
                                             "five numbers for 1, 2, 3, 6 and 12 h, such as 4/7/9/15/25, or " NONE,
                                         [MOST] = "a number above 0, or " NONE,
                                         [LEVEL] = "a number",
                                         [TIME] = "a time from 1m to 365d",
                                         [COUNT] = "a number from 2 to 1000000",
                                         [SWITCH] = "on or off"};
    if (key < QUALITY_VALUES)
        return set_range(limits, key, value, error);
    size_t at = keys[key - QUALITY_VALUES].at;
    enum kind kind = keys[key - QUALITY_VALUES].kind;
    bool good = kind == STEPS   ? set_steps(limits, at, value)
                : kind == MOST  ? set_most(limits, at, value)
                : kind == LEVEL ? set_level(limits, at, value, CENTI, INT32_MIN, INT32_MAX)
                : kind == TIME  ? set_time(limits, value)
                : kind == COUNT ? set_level(limits, at, value, 1, COUNT_LOW, COUNT_HIGH)
                                : set_switch(limits, at, value);
    if (!good)
        buf_printf(error, "%s is \"%.64s\": %s wanted", keys[key - QUALITY_VALUES].name, value, wanted[kind]);
    return good ? 0 : ERR_INVALID;
}

/* ---- printing ---- */

static void print_range(const struct quality_limits *limits, int value, struct buf *out)
{
    char name[KEY_BYTES];
    bool set = limits->ranged >> value & 1;
    if (!range_name(value, name))
        return;
    buf_printf(out, "%s = ", name);
    if (set) {
        int32_t scale = value_kind_get(value)->scale, minimum = limits->minimum[value],
                maximum = limits->maximum[value];
        if (minimum != INT32_MIN)
            scaled_trimmed(out, minimum, scale);
        buf_text(out, "..");
        if (maximum != INT32_MAX || minimum == INT32_MIN)
            scaled_trimmed(out, maximum, scale);
    }
    buf_text(out, set ? "\n" : NONE "\n");
}

static void print_steps(const int32_t steps[QUALITY_STEPS], struct buf *out)
{
    static const int32_t none[QUALITY_STEPS];
    if (memcmp(steps, none, sizeof none) == 0)
        buf_text(out, NONE);
    for (int i = 0; i < QUALITY_STEPS && memcmp(steps, none, sizeof none) != 0; i++) {
        buf_text(out, i ? "/" : "");
        scaled_trimmed(out, steps[i], CENTI);
    }
}

static void print_key(const struct quality_limits *limits, size_t i, struct buf *out)
{
    const char *place = (const char *)limits + keys[i].at;
    int32_t steps[QUALITY_STEPS], number = 0;
    buf_printf(out, "%s = ", keys[i].name);
    if (keys[i].kind != SWITCH && keys[i].kind != TIME)
        memcpy(&number, place, sizeof number);
    switch (keys[i].kind) {
    case STEPS:
        memcpy(steps, place, sizeof steps);
        print_steps(steps, out);
        break;
    case TIME:
        duration_print(limits->stillness.least_ms, out);
        break;
    case SWITCH:
        buf_text(out, limits->consistency >> keys[i].at & 1 ? "on" : "off");
        break;
    case MOST:
        if (number == 0)
            buf_text(out, NONE);
        else
            scaled_trimmed(out, number, CENTI);
        break;
    case LEVEL:
    case COUNT:
        scaled_trimmed(out, number, keys[i].kind == LEVEL ? CENTI : 1);
        break;
    }
    buf_byte(out, '\n');
}

void quality_rules_print(const struct quality_limits *limits, struct buf *out)
{
    for (int value = 0; value < QUALITY_VALUES; value++)
        print_range(limits, value, out);
    for (size_t i = 0; i < KEYS; i++)
        print_key(limits, i, out);
}
