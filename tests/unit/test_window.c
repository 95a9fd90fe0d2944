/* Windows: every rule of ties, exact sums, and that any order, split and merge tree gives the same bytes. */
#include "derive.h"
#include "mem.h"
#include "quantity.h"
#include "rows.h"
#include "window.h"
#include "window_kit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define TEMPERATURE ISOBAR__V1__METRIC__METRIC_TEMPERATURE
#define START       INT64_C(1790000400000)
#define HOUR        INT64_C(3600000)

static struct observation reading(int64_t at_ms, int32_t temperature)
{
    struct observation row;
    memset(&row, 0, sizeof row);
    row.city_id = 1;
    row.observed_at_ms = at_ms;
    observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, temperature);
    return row;
}

/* The accumulator of temperature over `count` pairs of (ms after START, value). */
static struct accumulator over(const int32_t (*pairs)[2], size_t count)
{
    struct window window;
    window_init(&window, START, START + HOUR);
    for (size_t i = 0; i < count; i++) {
        struct observation row = reading(START + pairs[i][0], pairs[i][1]);
        window_add(&window, &row);
    }
    struct accumulator a = *window_find(&window, TEMPERATURE);
    window_release(&window);
    return a;
}

static void one_row(void **state)
{
    (void)state;
    struct accumulator a = over((const int32_t[][2]){{5000, -1234}}, 1);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.sum, -1234);
    assert_true(a.square_sum == 1522756);
    assert_int_equal(a.minimum, -1234);
    assert_int_equal(a.minimum_at, 5000);
    assert_int_equal(a.maximum, -1234);
    assert_int_equal(a.maximum_at, 5000);
    assert_int_equal(a.first, -1234);
    assert_int_equal(a.first_at, 5000);
    assert_int_equal(a.last, -1234);
    assert_int_equal(a.last_at, 5000);
    assert_int_equal(a.metric, TEMPERATURE);
    assert_true(accumulator_mean(&a) == -1234);
    assert_true(accumulator_deviation(&a) == 0);
}

static void ties(void **state)
{
    (void)state;
    /* The same extreme at three times: the earliest stays, however they come in. */
    struct accumulator a = over((const int32_t[][2]){{300, 7}, {100, 7}, {200, 7}}, 3);
    assert_int_equal(a.minimum_at, 100);
    assert_int_equal(a.maximum_at, 100);
    assert_int_equal(a.first_at, 100);
    assert_int_equal(a.last_at, 300);
    /* Two values at the first and at the last time: the smaller one stays. */
    a = over((const int32_t[][2]){{100, 9}, {100, 8}, {200, 6}, {200, 5}}, 4);
    assert_int_equal(a.first, 8);
    assert_int_equal(a.last, 5);
    a = over((const int32_t[][2]){{200, 5}, {100, 8}, {200, 6}, {100, 9}}, 4);
    assert_int_equal(a.first, 8);
    assert_int_equal(a.last, 5);
    /* Late rows move nothing that is not theirs. */
    a = over((const int32_t[][2]){{500, 3}, {400, 4}, {450, 1}, {460, 9}}, 4);
    assert_int_equal(a.minimum_at, 450);
    assert_int_equal(a.maximum_at, 460);
    assert_int_equal(a.first, 4);
    assert_int_equal(a.last, 3);
}

static void statistics(void **state)
{
    (void)state;
    struct accumulator a =
        over((const int32_t[][2]){{1, 2}, {2, 4}, {3, 4}, {4, 4}, {5, 5}, {6, 5}, {7, 7}, {8, 9}}, 8);
    assert_true(accumulator_mean(&a) == 5);
    assert_true(fabs(accumulator_deviation(&a) - sqrt(32.0 / 7)) < 1e-15);
    /* Floating point sums would lose this one entirely: large values that differ by one unit. */
    a = over((const int32_t[][2]){{1, 2147483646}, {2, 2147483647}, {3, 2147483646}, {4, 2147483647}}, 4);
    assert_true(fabs(accumulator_deviation(&a) - sqrt(1.0 / 3)) < 1e-15);
    a = over((const int32_t[][2]){{1, INT32_MIN}, {2, INT32_MIN}, {3, INT32_MIN}}, 3);
    assert_true(a.square_sum == 3 * ((wide)1 << 62));
    assert_int_equal(a.sum, 3 * (int64_t)INT32_MIN);
    assert_true(accumulator_deviation(&a) == 0);
}

static void span_of_rows(void **state)
{
    (void)state;
    struct window window;
    window_init(&window, START, START + HOUR);
    assert_int_equal(window.first_observed_at_ms, 0);
    struct observation row = {.city_id = 1, .observed_at_ms = START + HOUR - 1}; /* no value at all: still a row */
    window_add(&window, &row);
    assert_int_equal(window.rows, 1);
    assert_int_equal(window.metric_count, 0);
    assert_null(window.wind);
    assert_null(window_find(&window, TEMPERATURE));
    row.observed_at_ms = START;
    window_add(&window, &row);
    assert_int_equal(window.first_observed_at_ms, START);
    assert_int_equal(window.last_observed_at_ms, START + HOUR - 1);
    assert_int_equal(window.updated_at_ms, 0);
    window_release(&window);
    assert_int_equal(window.rows, 0);
    assert_int_equal(window.start_ms, START);
}

static void every_metric_from_its_column(void **state)
{
    (void)state;
    struct window window;
    window_init(&window, START, START + HOUR);
    struct observation row = {.city_id = 1, .observed_at_ms = START};
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        observation_set(&row, bit, 100 + bit);
    window_add(&window, &row);
    struct derived derived;
    derive_row(&row, &derived);
    assert_true(derived.has_feels_like && derived.has_vapour_pressure);
    int32_t count = 0;
    for (int32_t metric = 1; metric < QUANTITY_COUNT; metric++) {
        const struct quantity *quantity = quantity_get(metric);
        if (!quantity)
            continue;
        const struct accumulator *a = window_find(&window, metric);
        assert_non_null(a);
        if (metric == ISOBAR__V1__METRIC__METRIC_FEELS_LIKE) /* never the provider's */
            assert_int_equal(a->sum, derived.feels_like_centi_c);
        else if (metric == ISOBAR__V1__METRIC__METRIC_VAPOUR_PRESSURE)
            assert_int_equal(a->sum, derived.vapour_pressure_pa);
        else
            assert_int_equal(a->sum, 100 + quantity->value_bit);
        assert_ptr_equal(a, &window.metrics[count++]);
    }
    assert_int_equal(window.metric_count, count);
    assert_int_equal(window.metric_capacity, count);
    window_release(&window);
}

static int64_t derived_of(int bit, int32_t value, int other, int32_t other_value, int32_t metric)
{
    struct window window;
    window_init(&window, START, START + HOUR);
    struct observation row = {.city_id = 1, .observed_at_ms = START};
    observation_set(&row, bit, value);
    observation_set(&row, other, other_value);
    window_add(&window, &row);
    const struct accumulator *a = window_find(&window, metric);
    int64_t sum = a ? a->sum : INT64_MIN;
    window_release(&window);
    return sum;
}

static void what_is_derived_is_aggregated(void **state)
{
    (void)state;
    const int temperature = ISOBAR__V1__VALUE__TEMPERATURE, humidity = ISOBAR__V1__VALUE__HUMIDITY;
    const int32_t dew_point = ISOBAR__V1__METRIC__METRIC_DEW_POINT, feels = ISOBAR__V1__METRIC__METRIC_FEELS_LIKE;
    assert_int_equal(derived_of(temperature, 2500, humidity, 5000, dew_point), 1386);
    assert_int_equal(derived_of(temperature, 2500, humidity, 0, dew_point), INT64_MIN);
    assert_int_equal(derived_of(temperature, 2500, ISOBAR__V1__VALUE__DEW_POINT, 7, dew_point), 7);
    assert_int_equal(derived_of(temperature, 1500, ISOBAR__V1__VALUE__FEELS_LIKE, 9999, feels), 1500);
    assert_int_equal(derived_of(temperature, -1000, ISOBAR__V1__VALUE__WIND_SPEED, 833, feels), -1952);
    assert_int_equal(derived_of(humidity, 5000, ISOBAR__V1__VALUE__FEELS_LIKE, 9999, feels), INT64_MIN);
}

/* Adds three values; what is known of the median of temperature. */
static bool median_of_three(struct window *window, int32_t *out)
{
    for (int32_t i = 0; i < 3; i++) {
        struct observation row = reading(window->start_ms + i, 1000 * (i - 1));
        window_add(window, &row);
    }
    return window_quantile(window, window_find(window, TEMPERATURE), 50, out);
}

static void which_spans_have_sketches(void **state)
{
    (void)state;
    struct window hour, less, asked, both;
    struct pane pane;
    int32_t median = 0;
    window_init(&hour, START, START + HOUR);
    window_init(&both, START, START + HOUR);
    window_init(&less, START, START + HOUR - 1);
    window_init(&asked, START, START + HOUR - 1);
    window_enable_sketches(&asked);
    pane_init(&pane, START, START + 60000);
    assert_true(median_of_three(&hour, &median));
    assert_int_equal(median, 16); /* 0 is in the bucket [0, 32) */
    assert_true(median_of_three(&asked, &median));
    assert_true(median_of_three(&pane.window, &median));
    assert_false(median_of_three(&less, &median));
    window_merge(&both, &pane.window);
    assert_true(window_quantile(&both, window_find(&both, TEMPERATURE), 99, &median));
    assert_int_equal(median, 1000);
    assert_true(window_bytes(&both) >= sizeof(struct accumulator) + 3 * sizeof(struct sketch_bucket));
    window_merge(&both, &less); /* more than two values that nobody can tell apart: never again */
    window_merge(&both, &hour);
    assert_false(window_quantile(&both, window_find(&both, TEMPERATURE), 50, &median));
    window_release(&asked);
    assert_true(median_of_three(&asked, &median)); /* still asked for */
    struct window *all[] = {&hour, &both, &less, &asked};
    for (size_t i = 0; i < 4; i++)
        window_release(all[i]);
    pane_release(&pane);
}

static void merge_shifts_times_and_keeps_the_revision(void **state)
{
    (void)state;
    struct window hour, pane;
    window_init(&hour, START, START + HOUR);
    window_init(&pane, START + 600000, START + 900000);
    hour.revision = 4;
    hour.updated_at_ms = 10;
    hour.parts = (struct parts){1, 2, 3, 4, 5};
    pane.parts = (struct parts){10, -20, 30, -40, 50};
    pane.revision = 9;
    pane.updated_at_ms = 20;
    struct observation row = reading(START + 600500, 12);
    window_add(&pane, &row);
    window_merge(&hour, &pane);
    const struct accumulator *a = window_find(&hour, TEMPERATURE);
    assert_int_equal(a->first_at, 600500);
    assert_int_equal(a->minimum_at, 600500);
    assert_int_equal(a->maximum_at, 600500);
    assert_int_equal(a->last_at, 600500);
    assert_int_equal(hour.revision, 4);
    assert_int_equal(hour.updated_at_ms, 20);
    assert_int_equal(hour.parts.rain_um, 11);
    assert_int_equal(hour.parts.snow_um, -18); /* a correction */
    assert_int_equal(hour.parts.rain_covered_ms, 33);
    assert_int_equal(hour.parts.snow_covered_ms, -36);
    assert_int_equal(hour.parts.covered_ms, 55);
    pane.updated_at_ms = 15;
    window_merge(&hour, &pane);
    assert_int_equal(hour.updated_at_ms, 20);
    assert_int_equal(hour.rows, 2);
    window_release(&hour);
    window_release(&pane);
}

/* ---- order independence ---- */

static void shuffle(struct dice *dice, struct observation *rows, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)dice_below(dice, (int64_t)i);
        struct observation swap = rows[i - 1];
        rows[i - 1] = rows[j];
        rows[j] = swap;
    }
}

/* Adds `rows` into `window` by a random tree: leaves add row by row, nodes merge, in either order. */
static void build(struct dice *dice, struct window *window, const struct observation *rows, size_t count)
{
    if (count <= 3 || dice_below(dice, 8) == 0) {
        for (size_t i = 0; i < count; i++)
            window_add(window, &rows[i]);
        return;
    }
    size_t split = 1 + (size_t)dice_below(dice, (int64_t)count - 1);
    struct window halves[2];
    for (int i = 0; i < 2; i++)
        window_init(&halves[i], START, START + HOUR);
    build(dice, &halves[0], rows, split);
    build(dice, &halves[1], rows + split, count - split);
    int first = (int)dice_below(dice, 2);
    window_merge(window, &halves[first]);
    window_merge(window, &halves[!first]);
    for (int i = 0; i < 2; i++)
        window_release(&halves[i]);
}

/* Sorts the rows into panes of five minutes and folds the panes in random order, as the worker does. */
static void build_by_panes(struct dice *dice, struct window *window, const struct observation *rows, size_t count)
{
    enum { PANES = 12 };
    struct pane panes[PANES];
    for (int i = 0; i < PANES; i++)
        pane_init(&panes[i], START + i * HOUR / PANES, START + (i + 1) * HOUR / PANES);
    for (size_t i = 0; i < count; i++)
        window_add(&panes[(rows[i].observed_at_ms - START) / (HOUR / PANES)].window, &rows[i]);
    int turn = (int)dice_below(dice, PANES);
    for (int i = 0; i < PANES; i++) {
        window_merge(window, &panes[(i * 5 + turn) % PANES].window);
        pane_release(&panes[(i * 5 + turn) % PANES]);
    }
}

static void any_order_split_and_tree(void **state)
{
    (void)state;
    struct dice dice = {1};
    struct observation *rows = mem_calloc(60, sizeof *rows);
    for (int round = 0; round < 300; round++) {
        size_t count = 1 + (size_t)dice_below(&dice, 60);
        for (size_t i = 0; i < count; i++)
            rows[i] = row_random(&dice, START, round % 2 ? 12 : 3600, round % 2 ? HOUR / 12 : 1000);
        struct buf expected = BUF_EMPTY;
        for (int way = 0; way < 6; way++) {
            struct window window;
            window_init(&window, START, START + HOUR);
            if (way == 1)
                build_by_panes(&dice, &window, rows, count);
            else
                build(&dice, &window, rows, way ? count : 0);
            for (size_t i = 0; way == 0 && i < count; i++)
                window_add(&window, &rows[i]);
            struct buf bytes = BUF_EMPTY;
            window_encode(&window, &bytes);
            window_release(&window);
            if (way == 0)
                buf_append(&expected, bytes.data, bytes.size);
            assert_int_equal(bytes.size, expected.size);
            assert_memory_equal(bytes.data, expected.data, bytes.size);
            buf_release(&bytes);
            shuffle(&dice, rows, count);
        }
        buf_release(&expected);
    }
    free(rows);
}

/* The same figures computed the slow way, in another order of thought: sort, then look. */
static int by_time_then_value(const void *a, const void *b)
{
    const struct observation *left = a, *right = b;
    if (left->observed_at_ms != right->observed_at_ms)
        return left->observed_at_ms < right->observed_at_ms ? -1 : 1;
    int32_t x = left->value[0], y = right->value[0];
    return (x > y) - (x < y);
}

static void check_against_sorted(const struct accumulator *a, struct observation *rows, size_t count)
{
    qsort(rows, count, sizeof *rows, by_time_then_value);
    int64_t sum = 0;
    __int128 squares = 0;
    size_t low = 0, high = 0, last = count - 1;
    for (size_t i = 0; i < count; i++) {
        int64_t value = rows[i].value[0];
        sum += value;
        squares += value * value;
        if (value < rows[low].value[0])
            low = i;
        if (value > rows[high].value[0])
            high = i;
    }
    while (last > 0 && rows[last - 1].observed_at_ms == rows[count - 1].observed_at_ms)
        last--;
    assert_int_equal(a->count, count);
    assert_int_equal(a->sum, sum);
    assert_true(a->square_sum == squares);
    assert_int_equal(a->minimum, rows[low].value[0]);
    assert_int_equal(a->minimum_at, rows[low].observed_at_ms - START);
    assert_int_equal(a->maximum, rows[high].value[0]);
    assert_int_equal(a->maximum_at, rows[high].observed_at_ms - START);
    assert_int_equal(a->first, rows[0].value[0]);
    assert_int_equal(a->first_at, rows[0].observed_at_ms - START);
    assert_int_equal(a->last, rows[last].value[0]);
    assert_int_equal(a->last_at, rows[last].observed_at_ms - START);
}

static void equals_the_slow_way(void **state)
{
    (void)state;
    struct dice dice = {2};
    struct observation rows[40];
    for (int round = 0; round < 300; round++) {
        size_t count = 1 + (size_t)dice_below(&dice, 40);
        struct window window;
        window_init(&window, START, START + HOUR);
        for (size_t i = 0; i < count; i++) {
            rows[i] = reading(START + dice_below(&dice, 9) * 1000, dice_between(&dice, -4, 4));
            window_add(&window, &rows[i]);
        }
        check_against_sorted(window_find(&window, TEMPERATURE), rows, count);
        window_release(&window);
    }
}

static void wind_of_rows(void **state)
{
    (void)state;
    const struct {
        int32_t speed, direction; /* -1: not known */
        int64_t count, calm;
    } cases[] = {{1000, 9000, 1, 0}, {50, 0, 1, 0}, {49, 0, 0, 1}, {49, -1, 0, 1}, {1000, -1, 0, 0}, {-1, 9000, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct window window;
        window_init(&window, START, START + HOUR);
        struct observation row = {.city_id = 1, .observed_at_ms = START};
        if (cases[i].speed >= 0)
            observation_set(&row, ISOBAR__V1__VALUE__WIND_SPEED, cases[i].speed);
        if (cases[i].direction >= 0)
            observation_set(&row, ISOBAR__V1__VALUE__WIND_DIRECTION, cases[i].direction);
        window_add(&window, &row);
        if (cases[i].count + cases[i].calm == 0) {
            assert_null(window.wind);
        } else {
            assert_int_equal(window.wind->count, cases[i].count);
            assert_int_equal(window.wind->calm, cases[i].calm);
        }
        window_release(&window);
    }
}

/* ---- windows whose city moves to another zone ---- */

/* A window that is widened later is the one that was that wide at first. */
static void widening(void **state)
{
    (void)state;
    struct dice dice = {91};
    for (int round = 0; round < 200; round++) {
        int64_t before = dice_below(&dice, 3) * 900000, after = dice_below(&dice, 3) * 900000;
        struct window narrow, whole;
        window_init(&narrow, 86400000, 2 * 86400000);
        window_init(&whole, 86400000 - before, 2 * 86400000 + after);
        for (int i = 0; i < 20; i++) {
            struct observation row = row_random(&dice, 86400000, 100, 60000);
            window_add(&narrow, &row);
            window_add(&whole, &row);
        }
        window_widen(&narrow, 86400000 - before, 86400000);
        window_widen(&narrow, 86400000, 2 * 86400000 + after);
        assert_same_bytes(&narrow, &whole);
        window_release(&narrow);
        window_release(&whole);
    }
    struct window empty; /* nothing to keep: it takes the span as it is */
    window_init(&empty, 86400000, 2 * 86400000);
    assert_true(window_empty(&empty));
    window_widen(&empty, 90000000, 100000000);
    assert_true(empty.start_ms == 90000000 && empty.end_ms == 100000000);
    empty.parts.covered_ms = 1; /* what fell between two of its rows */
    assert_false(window_empty(&empty));
    window_widen(&empty, 90000000, 110000000);
    window_widen(&empty, 91000000, 92000000);
    assert_true(empty.start_ms == 90000000 && empty.end_ms == 110000000);
    window_release(&empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widening),
        cmocka_unit_test(one_row),
        cmocka_unit_test(ties),
        cmocka_unit_test(statistics),
        cmocka_unit_test(span_of_rows),
        cmocka_unit_test(every_metric_from_its_column),
        cmocka_unit_test(what_is_derived_is_aggregated),
        cmocka_unit_test(which_spans_have_sketches),
        cmocka_unit_test(merge_shifts_times_and_keeps_the_revision),
        cmocka_unit_test(any_order_split_and_tree),
        cmocka_unit_test(equals_the_slow_way),
        cmocka_unit_test(wind_of_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
