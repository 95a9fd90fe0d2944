/*
 * Quality control of readings (docs/semantics.md, "Quality control"): pure tests whose verdict is a set of flags, bit
 * test * 8 + group (isobar.v1.QualityTest, QualityGroup). A fail takes values out of the row before anything is made of
 * them, a suspect stays in. RANGE also fails what a column's type cannot mean (a humidity of 300 %), limit or not, so
 * that nothing behind it meets such a value.
 *
 * Limits are in the units of the columns. All of them zero: nothing is tested but that. Sources: gross ranges and steps
 * of WMO-No. 305, jumps of MADIS (docs/semantics.md has the table).
 */
#ifndef ISOBAR_QUALITY_H
#define ISOBAR_QUALITY_H

#include "latest.h"
#include "observation.h"
#include "quality_history.h"

#include <stdbool.h>
#include <stdint.h>

#define QUALITY_TESTS  7
#define QUALITY_FLAGS  (QUALITY_TESTS * QUALITY_GROUPS)
#define QUALITY_VALUES 48 /* values that can have a range: bits of enum Value */
#define QUALITY_STEPS  5  /* intervals of 1, 2, 3, 6 and 12 h */

#define QUALITY_BIT(test, group) (INT64_C(1) << ((test)*QUALITY_GROUPS + (group)))

struct quality_limits {
    uint64_t ranged;                                          /* bit per Value: its range is set */
    int32_t minimum[QUALITY_VALUES], maximum[QUALITY_VALUES]; /* RANGE, inclusive, by Value */
    int32_t step[QUALITY_PAST_GROUPS][QUALITY_STEPS];         /* STEP, by group; 0: not tested */
    int32_t jump[QUALITY_PAST_GROUPS];                        /* JUMP, by group; 0: not tested */
    struct quality_stillness stillness;                       /* PERSISTENCE */
    uint32_t consistency;                                     /* CONSISTENCY: bit per group that is tested */
    int32_t dew_point_excess_centi_c;                         /* above the temperature, still consistent */
    int32_t snow_centi_c;                                     /* temperature at which snow is still consistent */
};

/* Sets all limits to the defaults of docs/semantics.md; custom values have no range. */
void quality_defaults(struct quality_limits *limits);
/* Sets the range of a value (isobar.v1.Value, below QUALITY_VALUES), inclusive. */
void quality_set_range(struct quality_limits *limits, int value, int32_t minimum, int32_t maximum);

/*
 * What a row is before anything is decided about it: a wind direction of 360 deg becomes 0, and of its flags those
 * remain that a producer may set (SOURCE_SUSPECT, SOURCE_FAIL).
 */
void quality_intake(struct observation *row);
/*
 * Verdict on a row that was taken in: its own flags and those of all tests. `latest` is the city's latest reading with
 * its flags, NULL when there is none. Nothing is changed.
 */
int64_t quality_judge(const struct quality_limits *limits, const struct quality_history *history,
                      const struct latest *latest, const struct observation *row);
/*
 * Takes the values that fail out of a row whose flags are its verdict: those outside their range, and all values of a
 * group that JUMP or SOURCE_FAIL concern.
 */
void quality_clear_failed(const struct quality_limits *limits, struct observation *row);
/* The group (isobar.v1.QualityGroup) that a value, below QUALITY_VALUES, belongs to; -1: to none. */
int quality_group_of(int value);
/* True when a fail flag of these concerns the group (isobar.v1.QualityGroup). */
bool quality_failed(int64_t flags, int group);
/* The same for the group of a value (isobar.v1.Value). Of a group of several, one may be good: a reader leaves all out.
 */
bool quality_failed_value(int64_t flags, int value);

/* ---- the tests ---- */

/* RANGE: bit per known value that is outside its limits, or that its type cannot have. */
uint64_t quality_range(const struct quality_limits *limits, const struct observation *row);
/* STEP: a value of the group differs by more than the limit from one that is `apart_ms` (0 to 12 h) older. */
bool quality_step(const struct quality_limits *limits, int group, int32_t value, int32_t earlier, int64_t apart_ms);
/* JUMP: the same within an hour. */
bool quality_jump(const struct quality_limits *limits, int group, int32_t value, int32_t earlier, int64_t apart_ms);
/* PERSISTENCE: a run that has just grown is long enough in time and readings. */
bool quality_persistence(const struct quality_limits *limits, const struct quality_run *run);
/* CONSISTENCY: bit per group in which the known values of the row contradict each other. */
uint32_t quality_consistency(const struct quality_limits *limits, const struct observation *row);

/* ---- names ---- */

/* Name of the test (0 to QUALITY_TESTS-1) and of the group (0 to QUALITY_GROUPS-1): "range", "dew_point". */
const char *quality_test_name(int test);
const char *quality_group_name(int group);
/* Writes "range_dew_point" for flag `bit` (0 to QUALITY_FLAGS-1) into `out` of QUALITY_NAME_BYTES; returns it. */
#define QUALITY_NAME_BYTES 48
const char *quality_name(int bit, char *out);
/* The bit of that name; -1 when it is none. */
int quality_parse_name(const char *name);

#endif
