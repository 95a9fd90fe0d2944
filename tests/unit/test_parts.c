/* Parts: sums and differences, field by field. */
#include "parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void adding_and_taking_away(void **state)
{
    (void)state;
    struct parts parts = {1, 20, 300, 4000, 50000};
    parts_add(&parts, &(struct parts){6, -70, 800, -9000, 10000});
    assert_int_equal(parts.rain_um, 7);
    assert_int_equal(parts.snow_um, -50);
    assert_int_equal(parts.rain_covered_ms, 1100);
    assert_int_equal(parts.snow_covered_ms, -5000);
    assert_int_equal(parts.covered_ms, 60000);
    parts_subtract(&parts, &(struct parts){6, -70, 800, -9000, 10000});
    assert_int_equal(parts.rain_um, 1);
    assert_int_equal(parts.snow_um, 20);
    assert_int_equal(parts.rain_covered_ms, 300);
    assert_int_equal(parts.snow_covered_ms, 4000);
    assert_int_equal(parts.covered_ms, 50000);
}

static void damaged_sums_wrap(void **state)
{
    (void)state;
    struct parts parts = {INT64_MAX, INT64_MIN, INT32_MAX, INT32_MIN, INT32_MAX};
    const struct parts one = {1, -1, 1, -1, 1};
    parts_add(&parts, &one);
    assert_int_equal(parts.rain_um, INT64_MIN);
    assert_int_equal(parts.covered_ms, INT32_MIN);
    parts_subtract(&parts, &one);
    assert_int_equal(parts.snow_um, INT64_MIN);
    assert_int_equal(parts.snow_covered_ms, INT32_MIN);
}

static void any_of_them(void **state)
{
    (void)state;
    static const struct parts cases[] = {
        {1, 0, 0, 0, 0}, {0, -1, 0, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, 0, -1, 0}, {0, 0, 0, 0, 1}};
    assert_false(parts_any(&(struct parts){0}));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(parts_any(&cases[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_and_taking_away),
        cmocka_unit_test(damaged_sums_wrap),
        cmocka_unit_test(any_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
