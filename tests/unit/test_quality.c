/* The tests of quality control one by one: every limit on both sides of its edge, what their order hides, and names. */
#include "quality_kit.h"

static struct latest latest;

static int end_with_latest(void **state)
{
    latest_release(&latest);
    return end(state);
}

/* ---- range ---- */

struct edge {
    int value;
    int64_t low, high; /* inside */
};

/* The values and both neighbours of each edge, with these limits. */
static void check_edges(const struct quality_limits *with, const struct edge *edges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct {
            int64_t value;
            bool inside;
        } tries[] = {
            {edges[i].low - 1, false}, {edges[i].low, true}, {edges[i].high, true}, {edges[i].high + 1, false}};
        for (size_t k = 0; k < 4; k++) {
            if (tries[k].value < INT32_MIN || tries[k].value > INT32_MAX)
                continue;
            struct observation row = at(0);
            observation_set(&row, edges[i].value, (int32_t)tries[k].value);
            uint64_t outside = quality_range(with, &row);
            if (outside != (tries[k].inside ? 0 : UINT64_C(1) << edges[i].value))
                fail_msg("value %d of %lld: %llx", edges[i].value, (long long)tries[k].value,
                         (unsigned long long)outside);
        }
    }
}

static void gross_ranges_are_inclusive(void **state)
{
    (void)state;
    static const struct edge edges[] = {
        {V(TEMPERATURE), -8000, 6000},
        {V(DEW_POINT), -8000, 3500},
        {V(HUMIDITY), 0, 10000},
        {V(PRESSURE_SEA_LEVEL), 50000, 110000},
        {V(PRESSURE_STATION), 50000, 110000},
        {V(WIND_SPEED), 0, 7500},
        {V(WIND_GUST), 0, 7500},
        {V(WIND_DIRECTION), 0, 35999},
        {V(RAIN), 0, 500000},
        {V(SNOW), 0, 500000},
        {V(CLOUD), 0, 10000},
        {V(VISIBILITY), 0, INT32_MAX},
        {V(AIR_QUALITY_INDEX), 0, INT32_MAX},
        {V(PM2_5), 0, INT32_MAX},
        {V(PM10), 0, INT32_MAX},
        {V(NO2), 0, INT32_MAX},
        {V(O3), 0, INT32_MAX},
        {V(SO2), 0, INT32_MAX},
        {V(CO), 0, INT32_MAX},
        {V(NH3), 0, INT32_MAX},
        {V(FEELS_LIKE), INT32_MIN, INT32_MAX}, /* nobody aggregates these: no limits */
        {V(TEMPERATURE_MIN), INT32_MIN, INT32_MAX},
        {V(TEMPERATURE_MAX), INT32_MIN, INT32_MAX},
        {V(CONDITION), INT32_MIN, INT32_MAX},
        {OBSERVATION_CUSTOM, INT32_MIN, INT32_MAX},
        {OBSERVATION_CUSTOM + 15, INT32_MIN, INT32_MAX},
    };
    check_edges(&limits, edges, sizeof edges / sizeof *edges);
}

static void without_limits_only_the_impossible_fails(void **state)
{
    (void)state;
    static const struct quality_limits none;
    static const struct edge edges[] = {
        {V(TEMPERATURE), INT32_MIN, INT32_MAX},
        {V(DEW_POINT), INT32_MIN, INT32_MAX},
        {V(HUMIDITY), 0, 10000},
        {V(PRESSURE_SEA_LEVEL), INT32_MIN, INT32_MAX},
        {V(WIND_SPEED), 0, INT32_MAX},
        {V(WIND_GUST), 0, INT32_MAX},
        {V(WIND_DIRECTION), 0, 35999},
        {V(RAIN), 0, INT32_MAX},
        {V(SNOW), 0, INT32_MAX},
        {V(CLOUD), 0, 10000},
        {V(VISIBILITY), 0, INT32_MAX},
        {V(PM2_5), INT32_MIN, INT32_MAX},
        {OBSERVATION_CUSTOM, INT32_MIN, INT32_MAX},
    };
    check_edges(&none, edges, sizeof edges / sizeof *edges);
}

static void a_limit_of_ones_own_wins_unless_it_allows_the_impossible(void **state)
{
    (void)state;
    quality_set_range(&limits, V(TEMPERATURE), -100, 100);
    quality_set_range(&limits, OBSERVATION_CUSTOM + 15, -5, 7);
    quality_set_range(&limits, V(HUMIDITY), -100, 20000);
    static const struct edge edges[] = {
        {V(TEMPERATURE), -100, 100}, {OBSERVATION_CUSTOM + 15, -5, 7}, {V(HUMIDITY), 0, 10000}};
    check_edges(&limits, edges, sizeof edges / sizeof *edges);
}

/* Each value's flag is that of its group, and of a group only what is outside is taken out. */
static void range_takes_out_the_value_that_is_outside(void **state)
{
    (void)state;
    struct observation row = at(0);
    observation_set(&row, V(WIND_SPEED), -1);
    observation_set(&row, V(WIND_GUST), 900);
    observation_set(&row, V(WIND_DIRECTION), 9000);
    observation_set(&row, V(TEMPERATURE), 1500);
    row.quality = judge(&limits, &history, NULL, &row);
    assert_int_equal(row.quality, FLAG(RANGE, WIND));
    quality_clear_failed(&limits, &row);
    assert_int_equal(row.present,
                     UINT64_C(1) << V(WIND_GUST) | UINT64_C(1) << V(WIND_DIRECTION) | UINT64_C(1) << V(TEMPERATURE));
    assert_int_equal(row.value[V(WIND_SPEED)], 0);
    assert_int_equal(row.value[V(WIND_GUST)], 900);
}

static void groups_of_values(void **state)
{
    (void)state;
    static const struct {
        int value, group;
    } cases[] = {{V(TEMPERATURE), G(TEMPERATURE)},
                 {V(DEW_POINT), G(DEW_POINT)},
                 {V(HUMIDITY), G(HUMIDITY)},
                 {V(PRESSURE_SEA_LEVEL), G(PRESSURE_SEA_LEVEL)},
                 {V(PRESSURE_STATION), G(PRESSURE_STATION)},
                 {V(WIND_SPEED), G(WIND)},
                 {V(WIND_DIRECTION), G(WIND)},
                 {V(WIND_GUST), G(WIND)},
                 {V(RAIN), G(PRECIPITATION)},
                 {V(SNOW), G(PRECIPITATION)},
                 {V(CLOUD), G(OTHER)},
                 {V(VISIBILITY), G(OTHER)},
                 {V(AIR_QUALITY_INDEX), G(OTHER)},
                 {V(NH3), G(OTHER)},
                 {OBSERVATION_CUSTOM, G(OTHER)},
                 {OBSERVATION_CUSTOM + 15, G(OTHER)}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        quality_set_range(&limits, cases[i].value, 5, 6);
        struct observation row = at(0);
        observation_set(&row, cases[i].value, 7);
        row.quality = judge(&limits, &history, NULL, &row);
        assert_int_equal(row.quality, QUALITY_BIT(ISOBAR__V1__QUALITY_TEST__RANGE, cases[i].group));
        assert_true(quality_failed(row.quality, cases[i].group));
        assert_true(quality_failed_value(row.quality, cases[i].value));
        assert_false(quality_failed_value(row.quality, V(CONDITION)));
        assert_int_equal(quality_group_of(cases[i].value), cases[i].group);
        quality_clear_failed(&limits, &row);
        assert_int_equal(row.present, 0);
    }
}

/* ---- intake ---- */

static void intake(void **state)
{
    (void)state;
    struct observation row = at(0);
    observation_set(&row, V(WIND_DIRECTION), 36000);
    row.quality = -1;
    quality_intake(&row);
    assert_int_equal(row.value[V(WIND_DIRECTION)], 0);
    assert_int_equal(row.quality, INT64_C(0xffff) << 40);
    observation_set(&row, V(WIND_DIRECTION), 36001); /* is not north */
    quality_intake(&row);
    assert_int_equal(row.value[V(WIND_DIRECTION)], 36001);
    row.present = 0;
    row.value[V(WIND_DIRECTION)] = 36000; /* not known, so not looked at */
    quality_intake(&row);
    assert_int_equal(row.value[V(WIND_DIRECTION)], 36000);
}

static void the_source_may_fail_or_suspect_a_group(void **state)
{
    (void)state;
    struct observation row = at(0);
    observation_set(&row, V(WIND_SPEED), 500);
    observation_set(&row, V(WIND_GUST), 100); /* below the speed, but nobody looks any more */
    observation_set(&row, V(WIND_DIRECTION), 0);
    observation_set(&row, V(RAIN), 1);
    row.quality = FLAG(SOURCE_FAIL, WIND) | FLAG(SOURCE_SUSPECT, PRECIPITATION);
    int64_t flags = judge(&limits, &history, NULL, &row);
    assert_int_equal(flags, row.quality);
    assert_true(quality_failed(flags, G(WIND)));
    assert_false(quality_failed(flags, G(PRECIPITATION)));
    row.quality = flags;
    quality_clear_failed(&limits, &row);
    assert_int_equal(row.present, UINT64_C(1) << V(RAIN));
}

/* ---- step and jump ---- */

static void steps_by_interval(void **state)
{
    (void)state;
    static const int groups[] = {G(TEMPERATURE), G(DEW_POINT), G(PRESSURE_SEA_LEVEL), G(PRESSURE_STATION)};
    static const int32_t most[][5] = {{400, 700, 900, 1500, 2500},
                                      {400, 600, 800, 1200, 2000},
                                      {300, 600, 900, 1800, 3600},
                                      {300, 600, 900, 1800, 3600}};
    static const int64_t from[] = {1, HOUR + 1, 2 * HOUR + 1, 3 * HOUR + 1, 6 * HOUR + 1},
                         through[] = {HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR};
    for (size_t g = 0; g < 4; g++) {
        for (size_t i = 0; i < 5; i++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                int32_t step = sign * most[g][i];
                assert_false(quality_step(&limits, groups[g], 1000 + step, 1000, from[i]));
                assert_false(quality_step(&limits, groups[g], 1000 + step, 1000, through[i]));
                assert_true(quality_step(&limits, groups[g], 1000 + step + sign, 1000, from[i]));
                assert_true(quality_step(&limits, groups[g], 1000 + step + sign, 1000, through[i]));
            }
        }
        assert_false(quality_step(&limits, groups[g], INT32_MAX, INT32_MIN, 12 * HOUR + 1));
        assert_true(quality_step(&limits, groups[g], INT32_MAX, INT32_MIN, 12 * HOUR));
    }
    assert_false(quality_step(&limits, G(HUMIDITY), 10000, 0, 1)); /* has no steps */
    limits.step[G(TEMPERATURE)][1] = 0;                            /* nor one of two hours now */
    assert_false(quality_step(&limits, G(TEMPERATURE), 9000, 0, HOUR + 1));
}

static void jumps_within_an_hour(void **state)
{
    (void)state;
    static const struct {
        int group;
        int32_t most;
    } cases[] = {
        {G(TEMPERATURE), 1940}, {G(HUMIDITY), 5000}, {G(PRESSURE_SEA_LEVEL), 1000}, {G(PRESSURE_STATION), 1000}};
    for (size_t i = 0; i < 4; i++) {
        assert_false(quality_jump(&limits, cases[i].group, 0, cases[i].most, HOUR));
        assert_true(quality_jump(&limits, cases[i].group, 0, cases[i].most + 1, HOUR));
        assert_true(quality_jump(&limits, cases[i].group, cases[i].most + 1, 0, 1));
        assert_false(quality_jump(&limits, cases[i].group, INT32_MIN, INT32_MAX, HOUR + 1));
    }
    assert_false(quality_jump(&limits, G(DEW_POINT), 9999, 0, 1));
}

/* A temperature against one earlier reading, of the history or the latest one. */
static int64_t change(bool is_latest, int32_t before, int64_t before_ms, int64_t before_flags, int32_t now,
                      int64_t now_ms)
{
    struct observation earlier = one(before_ms, V(TEMPERATURE), before), row = one(now_ms, V(TEMPERATURE), now);
    quality_history_release(&history);
    earlier.quality = before_flags;
    if (is_latest)
        latest_set(&latest, &earlier, 0);
    else
        quality_history_update(&history, &limits.stillness, &earlier);
    return judge(&limits, &history, is_latest ? &latest : NULL, &row);
}

static void changes_against_earlier_readings(void **state)
{
    (void)state;
    const int64_t step = FLAG(STEP, TEMPERATURE), jump = FLAG(JUMP, TEMPERATURE);
    for (int is_latest = 0; is_latest < 2; is_latest++) {
        assert_int_equal(change(is_latest, 0, START, 0, 400, START + HOUR), 0);
        assert_int_equal(change(is_latest, 0, START, 0, 401, START + HOUR), step);
        assert_int_equal(change(is_latest, 0, START, 0, 1940, START + HOUR), step);
        assert_int_equal(change(is_latest, 0, START, 0, 1941, START + HOUR), step | jump);
        assert_int_equal(change(is_latest, 0, START, 0, 1941, START + HOUR + 1), step);
        assert_int_equal(change(is_latest, 0, START, 0, 2500, START + 12 * HOUR), 0);
        assert_int_equal(change(is_latest, 0, START, 0, 2501, START + 12 * HOUR), step);
        assert_int_equal(change(is_latest, 0, START, 0, 2501, START + 12 * HOUR + 1), 0);
        assert_int_equal(change(is_latest, 0, START, 0, 5000, START), 0);     /* of one time */
        assert_int_equal(change(is_latest, 0, START, 0, 5000, START - 1), 0); /* later ones tell nothing */
    }
    /* The latest reading counts unless it failed. */
    assert_int_equal(change(true, 0, START, FLAG(STEP, TEMPERATURE), 1941, START + 1), step | jump);
    assert_int_equal(change(true, 0, START, FLAG(RANGE, TEMPERATURE), 1941, START + 1), 0);
    assert_int_equal(change(true, 0, START, FLAG(JUMP, TEMPERATURE), 1941, START + 1), 0);
    assert_int_equal(change(true, 0, START, FLAG(SOURCE_FAIL, TEMPERATURE), 1941, START + 1), 0);
    assert_int_equal(change(true, 0, START, FLAG(SOURCE_FAIL, HUMIDITY), 1941, START + 1), step | jump);
    /* What fails by its range is not compared. */
    assert_int_equal(change(true, 0, START, 0, 6001, START + 1), FLAG(RANGE, TEMPERATURE));
}

static void a_value_is_compared_with_its_own_kind(void **state)
{
    (void)state;
    struct observation before = one(START, V(PRESSURE_STATION), 90000),
                       row = one(START + 1, V(PRESSURE_SEA_LEVEL), 101300);
    latest_set(&latest, &before, 0);
    assert_int_equal(judge(&limits, &history, &latest, &row), 0);
    observation_set(&row, V(PRESSURE_STATION), 88999);
    assert_int_equal(judge(&limits, &history, &latest, &row),
                     FLAG(STEP, PRESSURE_STATION) | FLAG(JUMP, PRESSURE_STATION));
    row.quality = FLAG(JUMP, PRESSURE_STATION);
    quality_clear_failed(&limits, &row);
    assert_int_equal(row.present, UINT64_C(1) << V(PRESSURE_SEA_LEVEL));
}

/* ---- persistence ---- */

static void a_run_must_be_long_in_time_and_readings(void **state)
{
    (void)state;
    struct quality_run run = {.start_ms = START, .last_ms = START + 6 * HOUR, .count = 12};
    assert_true(quality_persistence(&limits, &run));
    run.count = 11;
    assert_false(quality_persistence(&limits, &run));
    run.count = 12;
    run.last_ms--;
    assert_false(quality_persistence(&limits, &run));
}

/* The 12th reading in 6 h is flagged, of every group that has runs and of no other. */
static void stillness_by_group(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        struct observation row = full(START + i * (6 * HOUR / 11) + (i == 11 ? 6 : 0));
        int64_t flags = judge(&limits, &history, NULL, &row);
        assert_int_equal(flags, i < 11 ? 0
                                       : FLAG(PERSISTENCE, TEMPERATURE) | FLAG(PERSISTENCE, HUMIDITY) |
                                             FLAG(PERSISTENCE, PRESSURE_SEA_LEVEL) |
                                             FLAG(PERSISTENCE, PRESSURE_STATION) | FLAG(PERSISTENCE, WIND));
        quality_history_update(&history, &limits.stillness, &row);
    }
    struct observation late = full(START + HOUR); /* older than the end of the runs: not tested */
    assert_int_equal(judge(&limits, &history, NULL, &late), 0);
}

/* ---- consistency ---- */

struct pair {
    int first, second;
    int32_t first_value, second_value;
    uint32_t groups;
};

static void contradictions(void **state)
{
    (void)state;
    const uint32_t t = 1u << G(TEMPERATURE), d = 1u << G(DEW_POINT), w = 1u << G(WIND), p = 1u << G(PRECIPITATION);
    const struct pair cases[] = {
        {V(TEMPERATURE), V(TEMPERATURE_MIN), 100, 100, 0},
        {V(TEMPERATURE), V(TEMPERATURE_MIN), 100, 101, t},
        {V(TEMPERATURE), V(TEMPERATURE_MAX), 100, 100, 0},
        {V(TEMPERATURE), V(TEMPERATURE_MAX), 100, 99, t},
        {V(TEMPERATURE), V(DEW_POINT), 100, 150, 0},
        {V(TEMPERATURE), V(DEW_POINT), 100, 151, d},
        {V(TEMPERATURE), V(DEW_POINT), -100, -50, 0},
        {V(TEMPERATURE), V(DEW_POINT), INT32_MIN, INT32_MAX, d},
        {V(WIND_SPEED), V(WIND_GUST), 500, 500, 0},
        {V(WIND_SPEED), V(WIND_GUST), 500, 499, w},
        {V(RAIN), V(CLOUD), 1, 1, 0},
        {V(RAIN), V(CLOUD), 1, 0, p},
        {V(RAIN), V(CLOUD), 0, 0, 0},
        {V(SNOW), V(CLOUD), 1, 0, 0},
        {V(SNOW), V(TEMPERATURE), 1, 700, 0},
        {V(SNOW), V(TEMPERATURE), 1, 701, p},
        {V(SNOW), V(TEMPERATURE), 0, 2000, 0},
        {V(RAIN), V(TEMPERATURE), 1, 2000, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct observation row = one(START, cases[i].first, cases[i].first_value);
        assert_int_equal(quality_consistency(&limits, &row), 0); /* alone it contradicts nothing */
        observation_set(&row, cases[i].second, cases[i].second_value);
        assert_int_equal(quality_consistency(&limits, &row), cases[i].groups);
        struct quality_limits without = limits;
        without.consistency &= ~cases[i].groups;
        assert_int_equal(quality_consistency(&without, &row), 0);
    }
}

static void what_fails_contradicts_nothing(void **state)
{
    (void)state;
    struct observation row = one(START, V(SNOW), 1);
    observation_set(&row, V(TEMPERATURE), 6001);
    assert_int_equal(judge(&limits, &history, NULL, &row), FLAG(RANGE, TEMPERATURE));
    row = one(START, V(WIND_SPEED), 7501);
    observation_set(&row, V(WIND_GUST), 100);
    assert_int_equal(judge(&limits, &history, NULL, &row), FLAG(RANGE, WIND));
    /* Nor does what jumps: the snow is not held against a temperature that cannot be. */
    struct observation before = one(START, V(TEMPERATURE), 0);
    latest_set(&latest, &before, 0);
    row = one(START + 1, V(TEMPERATURE), 2500);
    observation_set(&row, V(SNOW), 1);
    assert_int_equal(judge(&limits, &history, &latest, &row), FLAG(STEP, TEMPERATURE) | FLAG(JUMP, TEMPERATURE));
}

/* Without limits nothing is tested but what is impossible. */
static void nothing_set_nothing_tested(void **state)
{
    (void)state;
    static const struct quality_limits none;
    struct dice dice = {42};
    for (int i = 0; i < 2000; i++) {
        struct observation row = row_random(&dice, START, 2000, MINUTE);
        quality_intake(&row);
        row.quality = 0;
        assert_int_equal(judge(&none, &history, i ? &latest : NULL, &row), 0);
        quality_history_update(&history, &none.stillness, &row);
        latest_set(&latest, &row, 0);
    }
    assert_int_equal(history.run_count, 0);
}

/* ---- names ---- */

static void names_are_parsed_back(void **state)
{
    (void)state;
    char name[QUALITY_NAME_BYTES];
    for (int bit = 0; bit < QUALITY_FLAGS; bit++)
        assert_int_equal(quality_parse_name(quality_name(bit, name)), bit);
    assert_string_equal(quality_name(0, name), "range_temperature");
    assert_string_equal(quality_name(8 + 1, name), "step_dew_point");
    assert_string_equal(quality_name(55, name), "source_fail_other");
    assert_int_equal(quality_parse_name("range"), -1);
    assert_int_equal(quality_parse_name(""), -1);
    assert_int_equal(quality_parse_name("range_temperature "), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end_with_latest)
    const struct CMUnitTest tests[] = {
        TEST(gross_ranges_are_inclusive),
        TEST(without_limits_only_the_impossible_fails),
        TEST(a_limit_of_ones_own_wins_unless_it_allows_the_impossible),
        TEST(range_takes_out_the_value_that_is_outside),
        TEST(groups_of_values),
        TEST(intake),
        TEST(the_source_may_fail_or_suspect_a_group),
        TEST(steps_by_interval),
        TEST(jumps_within_an_hour),
        TEST(changes_against_earlier_readings),
        TEST(a_value_is_compared_with_its_own_kind),
        TEST(a_run_must_be_long_in_time_and_readings),
        TEST(stillness_by_group),
        TEST(contradictions),
        TEST(what_fails_contradicts_nothing),
        TEST(nothing_set_nothing_tested),
        TEST(names_are_parsed_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
