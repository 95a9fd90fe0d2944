/* How much work a slot is, on a virtual clock. */
#include "../../coordinator/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct load load;
static int64_t now_ms, records, rows;

static int begin(void **state)
{
    (void)state;
    load = (struct load){0};
    now_ms = 1000;
    records = 500;
    rows = 70000;
    return 0;
}

static void report(int64_t lag)
{
    load_observe(&load, now_ms, (const int64_t[]){records, rows, lag});
}

/* Reports every 500 ms for `seconds`, with so many records and rows a second. */
static void flow(int64_t seconds, int64_t records_s, int64_t rows_s)
{
    for (int64_t i = 0; i < 2 * seconds; i++) {
        now_ms += 500;
        records += records_s / 2;
        rows += rows_s / 2;
        report(0);
    }
}

static void a_rate_is_known_after_a_while(void **state)
{
    (void)state;
    assert_int_equal(load_rate(&load), LOAD_UNKNOWN);
    report(0); /* a partition is taken over with millions of rows: they are not its rate */
    flow(3, 100, 5000);
    assert_int_equal(load_rate(&load), LOAD_UNKNOWN);
    flow(2, 100, 5000);
    assert_int_equal(load_rate(&load), 5000 + 100 * LOAD_RECORD_ROWS);
    flow(LOAD_TAU_MS / 1000, 100, 5000);
    assert_int_equal(load_rate(&load), 6000);
}

static void records_have_a_rate_of_their_own(void **state)
{
    (void)state;
    report(0);
    flow(3, 100, 5000);
    assert_true(load_records(&load) == 0); /* not known yet */
    flow(2, 100, 5000);
    assert_true(load_records(&load) == 100);
    load = (struct load){0};
    load_restore(&load, 6000); /* another leader measured the rows: records are measured anew */
    report(0);
    flow(5, 40, 5000);
    assert_true(load_records(&load) == 40);
    assert_in_range(load_rate(&load), 5000, 6000);
}

static void it_follows_a_change_with_the_time_constant(void **state)
{
    (void)state;
    report(0);
    flow(60, 0, 0);
    assert_int_equal(load_rate(&load), 0);
    flow(LOAD_TAU_MS / 1000, 0, 10000);
    assert_in_range(load_rate(&load), 6000, 6500); /* 1 - 1/e */
    flow(3 * LOAD_TAU_MS / 1000, 0, 10000);
    assert_in_range(load_rate(&load), 9700, 9900);
}

static void messages_that_come_twice_or_at_once_change_nothing(void **state)
{
    (void)state;
    report(0);
    flow(10, 10, 1000);
    int64_t rate = load_rate(&load);
    report(0);
    now_ms += 100;
    report(0);
    assert_int_equal(load_rate(&load), rate);
    now_ms += 400;
    records += 5;
    rows += 500;
    report(0);
    assert_int_equal(load_rate(&load), rate);
}

static void counters_that_go_back_begin_anew(void **state)
{
    (void)state;
    report(0);
    flow(10, 10, 1000);
    int64_t rate = load_rate(&load);
    now_ms += 500;
    records -= 100;
    rows -= 50000;
    report(0);
    assert_int_equal(load_rate(&load), rate);
    flow(10, 10, 1000);
    assert_int_equal(load_rate(&load), rate);
}

static void silence_is_not_a_rate(void **state)
{
    (void)state;
    report(0);
    flow(10, 10, 1000);
    int64_t rate = load_rate(&load);
    now_ms += LOAD_TAU_MS + 1000;
    report(0);
    assert_int_equal(load_rate(&load), rate);
    load_interrupt(&load);
    now_ms += 2000;
    rows += 1000000; /* read again by another owner */
    report(0);
    assert_int_equal(load_rate(&load), rate);
}

static void lag_counts_as_work_to_do(void **state)
{
    (void)state;
    report(0);
    rows = records * 90; /* 90 rows a record */
    for (int i = 0; i < 20; i++) {
        now_ms += 500;
        report(6000);
    }
    assert_int_equal(load_rate(&load), 6000 * (90 + LOAD_RECORD_ROWS) / LOAD_LEVEL_S);
    (void)begin(NULL);
    report(-1);
    for (int i = 0; i < 20; i++) {
        now_ms += 500;
        report(-1); /* unknown */
    }
    assert_int_equal(load_rate(&load), 0);
}

static void numbers_out_of_all_reason_are_bounded(void **state)
{
    (void)state;
    static const int64_t odd[] = {0, INT64_MAX, INT64_MIN, -1, INT64_MAX, 7};
    for (size_t i = 0; i < 60; i++) {
        now_ms += 500;
        load_observe(&load, now_ms, (const int64_t[]){odd[i % 6], odd[(i / 2) % 6], odd[(i / 3) % 6]});
        assert_true(load_rate(&load) >= -1 && load_rate(&load) <= LOAD_LIMIT);
    }
    load_restore(&load, INT64_MAX);
    assert_int_equal(load_rate(&load), LOAD_LIMIT);
    load_restore(&load, LOAD_UNKNOWN);
    assert_int_equal(load_rate(&load), LOAD_LIMIT);
    load_set(&load, 40);
    assert_int_equal(load_rate(&load), 40);
}

static void weights_have_a_base_and_unknown_ones_are_average(void **state)
{
    (void)state;
    struct load loads[4] = {{0}};
    int64_t weights[4];
    load_weights(loads, 4, LOAD_IDLE_RATE, weights);
    for (int i = 0; i < 4; i++)
        assert_int_equal(weights[i], 4 * LOAD_IDLE_RATE);
    load_set(&loads[0], 0);
    load_set(&loads[1], 1000);
    load_set(&loads[2], 2000);
    load_weights(loads, 4, LOAD_IDLE_RATE, weights);
    assert_int_equal(weights[0], 4 * LOAD_IDLE_RATE + 1000);
    assert_int_equal(weights[1], 4 * (LOAD_IDLE_RATE + 1000) + 1000);
    assert_int_equal(weights[2], 4 * (LOAD_IDLE_RATE + 2000) + 1000);
    assert_int_equal(weights[3], weights[1]);
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_rate_is_known_after_a_while),
        T(records_have_a_rate_of_their_own),
        T(it_follows_a_change_with_the_time_constant),
        T(messages_that_come_twice_or_at_once_change_nothing),
        T(counters_that_go_back_begin_anew),
        T(silence_is_not_a_rate),
        T(lag_counts_as_work_to_do),
        T(numbers_out_of_all_reason_are_bounded),
        T(weights_have_a_base_and_unknown_ones_are_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
