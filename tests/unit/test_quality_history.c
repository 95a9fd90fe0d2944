/*
 * What quality control remembers: one reading an hour of the last twelve hours, runs of readings that hardly change,
 * their bytes, and their cost.
 */
#include "citystate.h"
#include "error.h"
#include "quality_kit.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static void update(struct observation row)
{
    quality_history_update(&history, &limits.stillness, &row);
}

/* Asserts the times of the past readings, in minutes after START. */
static void assert_past(const struct quality_history *in, size_t count, const int64_t *minutes)
{
    struct quality_cursor cursor;
    size_t found = 0;
    for (quality_past_first(in, &cursor); quality_past_next(&cursor); found++) {
        assert_true(found < count);
        assert_int_equal(cursor.past.observed_at_ms, START + minutes[found] * MINUTE);
    }
    assert_int_equal(found, count);
    assert_int_equal(in->past_count, count);
}
#define PAST(...)                                                                                                      \
    assert_past(&history, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})

static const struct quality_run *run_of(int group)
{
    for (int i = 0; i < history.run_count; i++) {
        if (history.runs[i].group == group)
            return &history.runs[i];
    }
    return NULL;
}

/* ---- past ---- */

static void the_first_of_each_hour_is_kept(void **state)
{
    (void)state;
    struct quality_cursor cursor;
    quality_past_first(&history, &cursor);
    assert_false(quality_past_next(&cursor));
    static const int64_t minutes[] = {10, 20, 0, 59, 60, 119, -1, -60, 180, 121};
    for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++)
        update(one(START + minutes[i] * MINUTE, V(TEMPERATURE), (int32_t)i));
    PAST(-1, 10, 60, 121, 180);
}

static void what_is_older_than_twelve_hours_goes(void **state)
{
    (void)state;
    for (int64_t hour = 0; hour <= 12; hour++)
        update(one(START + hour * HOUR, V(TEMPERATURE), 1));
    PAST(0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 660, 720); /* as many as there can be */
    assert_int_equal(history.past_count, QUALITY_PAST_MAX);
    update(one(START - 1, V(TEMPERATURE), 1)); /* too old to come in */
    assert_int_equal(history.past_count, QUALITY_PAST_MAX);
    update(one(START + 13 * HOUR + MINUTE, V(TEMPERATURE), 1));
    PAST(120, 180, 240, 300, 360, 420, 480, 540, 600, 660, 720, 781);
    update(one(START + 13 * HOUR + 30 * MINUTE, V(TEMPERATURE), 1)); /* its hour has one: nothing is dropped */
    PAST(120, 180, 240, 300, 360, 420, 480, 540, 600, 660, 720, 781);
    update(one(START + 100 * HOUR, V(TEMPERATURE), 1));
    PAST(6000);
}

static void rows_without_a_value_to_compare_are_not_kept(void **state)
{
    (void)state;
    update(one(START, V(WIND_SPEED), 1));
    update(one(START, V(RAIN), 1));
    update(at(START));
    assert_int_equal(history.past_count, 0);
    struct observation row = one(START, V(DEW_POINT), -5);
    observation_set(&row, V(PRESSURE_STATION), INT32_MAX);
    update(row);
    struct quality_cursor cursor;
    quality_past_first(&history, &cursor);
    assert_true(quality_past_next(&cursor));
    assert_int_equal(cursor.past.present, 1 << G(DEW_POINT) | 1 << G(PRESSURE_STATION));
    assert_int_equal(cursor.past.value[G(DEW_POINT)], -5);
    assert_int_equal(cursor.past.value[G(PRESSURE_STATION)], INT32_MAX);
}

/* Kept as bytes, any values come back: against a plain list that follows the rules. */
static void any_readings_come_back(void **state)
{
    (void)state;
    struct dice dice = {7};
    struct quality_past kept[64] = {0};
    for (int round = 0; round < 300; round++) {
        int count = 0;
        for (int i = 0; i < 60; i++) {
            struct observation row = row_random(&dice, START, 15 * 60, MINUTE);
            struct quality_past past;
            if (dice_below(&dice, 3) == 0)
                row.value[V(TEMPERATURE)] = dice_below(&dice, 2) ? INT32_MIN : INT32_MAX;
            quality_past_of(&row, &past);
            int64_t newest = 0;
            bool known = past.present == 0;
            for (int k = 0; k < count; k++) {
                known |= kept[k].observed_at_ms / HOUR == row.observed_at_ms / HOUR;
                newest = kept[k].observed_at_ms > newest ? kept[k].observed_at_ms : newest;
            }
            update(row);
            if (known || row.observed_at_ms < newest - 12 * HOUR)
                continue;
            newest = row.observed_at_ms > newest ? row.observed_at_ms : newest;
            kept[count++] = past;
            for (int k = count - 1; k >= 0; k--) {
                if (kept[k].observed_at_ms < newest - 12 * HOUR)
                    kept[k] = kept[--count];
            }
            struct quality_cursor cursor;
            int found = 0;
            for (quality_past_first(&history, &cursor); quality_past_next(&cursor);) {
                for (int k = 0; k < count; k++) {
                    if (kept[k].observed_at_ms != cursor.past.observed_at_ms)
                        continue;
                    found++;
                    assert_int_equal(cursor.past.present, kept[k].present);
                    for (uint32_t rest = kept[k].present; rest; rest &= rest - 1)
                        assert_int_equal(cursor.past.value[__builtin_ctz(rest)], kept[k].value[__builtin_ctz(rest)]);
                }
            }
            assert_int_equal(found, count);
            assert_int_equal(history.past_count, count);
        }
        quality_history_release(&history);
    }
}

/* ---- runs ---- */

static void a_run_grows_while_values_are_less_than_the_limit_apart(void **state)
{
    (void)state;
    static const struct {
        int group, value;
        int32_t limit;
    } cases[] = {{G(TEMPERATURE), V(TEMPERATURE), 10},
                 {G(HUMIDITY), V(HUMIDITY), 100},
                 {G(PRESSURE_SEA_LEVEL), V(PRESSURE_SEA_LEVEL), 10},
                 {G(PRESSURE_STATION), V(PRESSURE_STATION), 10}};
    for (size_t i = 0; i < 4; i++) {
        const struct {
            int32_t value, count;
        } rows[] = {{1000, 1},
                    {1000 + cases[i].limit - 1, 2}, /* still less apart */
                    {1000, 3},                      /* back and forth */
                    {999, 1},                       /* as far from the highest as the limit */
                    {999 - cases[i].limit + 1, 2},
                    {999 + cases[i].limit, 1},
                    {999 + 2 * cases[i].limit, 1}};
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            update(one(START + (int64_t)k * MINUTE, cases[i].value, rows[k].value));
            const struct quality_run *run = run_of(cases[i].group);
            assert_int_equal(run->count, rows[k].count);
            assert_int_equal(run->last_ms, START + (int64_t)k * MINUTE);
            assert_int_equal(run->start_ms, run->last_ms - (rows[k].count - 1) * MINUTE);
        }
    }
    assert_int_equal(history.run_count, 4);
    update(one(START, V(DEW_POINT), 1)); /* has no limit, so no run */
    assert_int_equal(history.run_count, 4);
}

static void rows_that_are_not_newer_leave_a_run(void **state)
{
    (void)state;
    update(one(START, V(TEMPERATURE), 1));
    update(one(START, V(TEMPERATURE), 500)); /* another provider's */
    update(one(START - 1, V(TEMPERATURE), 500));
    update(one(START + 1, V(HUMIDITY), 500)); /* and those without the value */
    assert_int_equal(run_of(G(TEMPERATURE))->count, 1);
    assert_int_equal(run_of(G(TEMPERATURE))->maximum, 1);
}

static struct observation wind(int64_t minutes, int32_t speed, int32_t direction)
{
    struct observation row = one(START + minutes * MINUTE, V(WIND_SPEED), speed);
    if (direction >= 0)
        observation_set(&row, V(WIND_DIRECTION), direction);
    return row;
}

static void wind_runs_by_speed_and_direction(void **state)
{
    (void)state;
    static const struct {
        int32_t speed, direction, count;
    } rows[] = {
        {300, 35800, 1}, {349, 35800, 2}, {349, 299, 3},  /* 4.99 deg over north */
        {350, 0, 1},                                      /* 0.5 m/s from the slowest */
        {350, 999, 2},   {350, 1000, 1},                  /* 10 deg from the first */
        {350, 500, 2},   {350, 1499, 3},  {350, 1500, 1}, /* and between its sides */
        {50, 1500, 1},   {50, 19499, 1},  {50, 1499, 1},
    };
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        update(wind(i, rows[i].speed, rows[i].direction));
        if (run_of(G(WIND))->count != rows[i].count)
            fail_msg("row %d: %d, not %d", i, run_of(G(WIND))->count, rows[i].count);
    }
}

static void a_calm_ends_the_run_of_wind_and_half_a_reading_leaves_it(void **state)
{
    (void)state;
    update(wind(0, 300, 9000));
    update(wind(1, 300, -1)); /* no direction */
    update(one(START + 2 * MINUTE, V(WIND_DIRECTION), 9000));
    assert_int_equal(run_of(G(WIND))->count, 1);
    update(wind(3, 50, 9000)); /* as slow as wind can be: not calm, but another run */
    assert_int_equal(run_of(G(WIND))->maximum, 50);
    update(wind(3, 0, 0)); /* not newer */
    assert_non_null(run_of(G(WIND)));
    update(wind(4, 49, -1)); /* calm, direction or not */
    assert_null(run_of(G(WIND)));
    update(wind(4, 49, 9000));
    assert_null(run_of(G(WIND)));
    update(wind(5, 300, 0));
    assert_int_equal(run_of(G(WIND))->start_ms, START + 5 * MINUTE);
}

/* ---- bytes ---- */

static void assert_same(const struct quality_history *a, const struct quality_history *b)
{
    assert_int_equal(a->past_count, b->past_count);
    assert_int_equal(a->past_bytes, b->past_bytes);
    assert_int_equal(a->run_count, b->run_count);
    if (a->past_bytes)
        assert_memory_equal(a->past, b->past, a->past_bytes);
    if (a->run_count)
        assert_memory_equal(a->runs, b->runs, a->run_count * sizeof *a->runs);
}

static void it_survives_its_bytes(void **state)
{
    (void)state;
    struct dice dice = {11};
    for (int round = 0; round < 500; round++) {
        struct citystate city, back;
        struct buf bytes = BUF_EMPTY;
        citystate_init(&city, 1, 0);
        for (int64_t i = dice_below(&dice, 100); i > 0; i--) {
            struct observation row = row_random(&dice, START, 2000, MINUTE);
            quality_clear_failed(&limits, &row);
            quality_history_update(&city.history, &limits.stillness, &row);
        }
        citystate_encode(&city, &bytes);
        assert_int_equal(citystate_decode(&back, bytes.data, bytes.size), 0);
        assert_same(&back.history, &city.history);
        citystate_release(&city);
        citystate_release(&back);
        buf_release(&bytes);
    }
}

struct sample {
    Isobar__V1__CityState message;
    Isobar__V1__Past past[14];
    Isobar__V1__Past *pasts[14];
    Isobar__V1__Run run[3];
    Isobar__V1__Run *runs[3];
    int32_t value[2];
};

static void sample_init(struct sample *s)
{
    isobar__v1__city_state__init(&s->message);
    for (int i = 0; i < 14; i++) {
        isobar__v1__past__init(&s->past[i]);
        s->past[i].observed_at_ms = START + i * HOUR;
        s->past[i].present = 3;
        s->past[i].value = s->value;
        s->past[i].n_value = 2;
        s->pasts[i] = &s->past[i];
    }
    for (int i = 0; i < 3; i++) {
        isobar__v1__run__init(&s->run[i]);
        s->run[i] = (Isobar__V1__Run){.base = s->run[i].base,
                                      .group = 3 + i,
                                      .start_ms = START,
                                      .last_ms = START + 1,
                                      .count = 2,
                                      .minimum = -5,
                                      .maximum = -5};
        s->runs[i] = &s->run[i];
    }
    s->message.past = s->pasts;
    s->message.n_past = 13;
    s->message.run = s->runs;
    s->message.n_run = 3;
}

static int take(struct sample *s)
{
    struct quality_history taken;
    int status = quality_history_take(&taken, &s->message);
    if (status != 0)
        assert_true(taken.past == NULL && taken.runs == NULL && taken.past_count == 0 && taken.run_count == 0);
    quality_history_release(&taken);
    return status;
}

/* One thing made wrong at a time. */
#define WRONG(assignment)                                                                                              \
    do {                                                                                                               \
        sample_init(&s);                                                                                               \
        s.assignment;                                                                                                  \
        if (take(&s) != ERR_INVALID)                                                                                   \
            fail_msg("%s was taken", #assignment);                                                                     \
    } while (0)

static void must_not_parse(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    assert_int_equal(take(&s), 0);
    WRONG(message.n_past = 14);
    WRONG(past[0].observed_at_ms = -1);
    WRONG(past[12].observed_at_ms = INT64_MAX);
    WRONG(past[0].observed_at_ms = START - 1);        /* more than 12 h */
    WRONG(past[1].observed_at_ms = START + HOUR - 1); /* two in one hour */
    WRONG(past[1].observed_at_ms = START + 2 * HOUR); /* in the next one's */
    WRONG(past[2].present = 0);
    WRONG(past[2].present = 32);
    WRONG(past[2].present = -1);
    WRONG(past[2].present = 1); /* and two values */
    WRONG(past[2].n_value = 1);
    WRONG(run[0].group = -1);
    WRONG(run[2].group = 6);
    WRONG(run[0].group = 4); /* twice */
    WRONG(run[0].start_ms = -1);
    WRONG(run[0].last_ms = START - 1);
    WRONG(run[0].last_ms = START); /* two times in no time */
    WRONG(run[0].last_ms = INT64_MAX);
    WRONG(run[0].count = 0);
    WRONG(run[0].minimum = -4);
    WRONG(run[0].direction = 1); /* of pressure */
    WRONG(run[2].direction = -1);
    WRONG(run[2].direction = 36000);
    WRONG(run[2].turned_least = 1);
    WRONG(run[2].turned_least = -18001);
    WRONG(run[2].turned_most = -1);
    WRONG(run[2].turned_most = 18000);
}

/* ---- cost ---- */

static size_t bytes_of(void)
{
    return malloc_usable_size(history.past) + malloc_usable_size(history.runs);
}

/* Figures for worker/'s budget: a worker with 10,000 cities in 64 MB. */
static void memory(void **state)
{
    (void)state;
    struct dice dice = {5};
    for (int full_row = 0; full_row < 2; full_row++) {
        quality_history_release(&history);
        for (int i = 0; i < 13 * 6; i++) {
            struct observation row = one(START + i * 10 * MINUTE, V(TEMPERATURE), dice_between(&dice, 1400, 1800));
            observation_set(&row, V(HUMIDITY), dice_between(&dice, 5000, 7000));
            observation_set(&row, V(PRESSURE_SEA_LEVEL), dice_between(&dice, 101000, 101400));
            observation_set(&row, V(WIND_SPEED), 300);
            observation_set(&row, V(WIND_DIRECTION), dice_between(&dice, 0, 35999));
            if (full_row) {
                observation_set(&row, V(DEW_POINT), dice_between(&dice, 500, 900));
                observation_set(&row, V(PRESSURE_STATION), dice_between(&dice, 98000, 98400));
            }
            update(row);
        }
        assert_int_equal(history.past_count, 13);
        assert_int_equal(history.run_count, full_row ? 5 : 4);
        (void)printf("%s: %zu bytes, with what malloc adds %zu\n", full_row ? "all values" : "OpenWeatherMap's",
                     sizeof history + history.past_bytes + history.run_count * sizeof *history.runs,
                     sizeof history + bytes_of() + 2 * sizeof(size_t));
        assert_true(sizeof history + history.past_bytes + history.run_count * sizeof *history.runs <= 400);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_first_of_each_hour_is_kept),
        TEST(what_is_older_than_twelve_hours_goes),
        TEST(rows_without_a_value_to_compare_are_not_kept),
        TEST(any_readings_come_back),
        TEST(a_run_grows_while_values_are_less_than_the_limit_apart),
        TEST(rows_that_are_not_newer_leave_a_run),
        TEST(wind_runs_by_speed_and_direction),
        TEST(a_calm_ends_the_run_of_wind_and_half_a_reading_leaves_it),
        TEST(it_survives_its_bytes),
        TEST(must_not_parse),
        TEST(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
