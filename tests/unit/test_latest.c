/* The packed reading: what comes out is what went in, whatever was in it before. */
#include "latest.h"
#include "rows.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define START INT64_C(1790000400000)

static void assert_holds(const struct latest *latest, const struct observation *row)
{
    struct observation back, want = *row;
    want.city_id = 0; /* its owner's */
    want.series = 0;
    want.kind = ISOBAR__V1__ROW_KIND__OBSERVATION;
    latest_row(latest, &back);
    assert_memory_equal(&back, &want, sizeof back);
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        int32_t value = 4711;
        bool known = latest_value(latest, bit, &value);
        assert_int_equal(known, observation_has(row, bit));
        assert_int_equal(value, known ? row->value[bit] : 4711);
    }
}

static void any_reading_after_any_other(void **state)
{
    (void)state;
    struct dice dice = {21};
    struct latest latest = {0}, copy = {0};
    for (int round = 0; round < 2000; round++) {
        struct observation row = row_random(&dice, START, 100, 1000);
        if (round % 50 == 0) { /* nothing known */
            row.present = 0;
            memset(row.value, 0, sizeof row.value);
        }
        latest_set(&latest, &row, START + round);
        assert_holds(&latest, &row);
        assert_int_equal(latest.produced_at_ms, START + round);
        latest_copy(&copy, &latest);
        assert_holds(&copy, &row);
        assert_int_equal(copy.produced_at_ms, START + round);
        assert_true(row.present == 0 || copy.values != latest.values);
    }
    latest_release(&latest);
    latest_release(&copy);
    assert_null(latest.values);
    assert_int_equal(latest.present, 0);
    latest_release(&latest); /* again: nothing happens */
}

static void every_bit(void **state)
{
    (void)state;
    struct observation row = {.observed_at_ms = START};
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        observation_set(&row, bit, bit - 20);
    struct latest latest = {0};
    latest_set(&latest, &row, 0);
    assert_holds(&latest, &row);
    latest_release(&latest);
}

static void it_is_small(void **state)
{
    (void)state;
    struct observation row = {.observed_at_ms = START};
    for (int bit = 0; bit < 12; bit++)
        observation_set(&row, bit, bit);
    struct latest latest = {0};
    latest_set(&latest, &row, 0);
    assert_in_range(sizeof latest + malloc_usable_size(latest.values), 1, 120);
    latest_release(&latest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_reading_after_any_other),
        cmocka_unit_test(every_bit),
        cmocka_unit_test(it_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
