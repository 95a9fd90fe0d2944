/* Scaled integers as text. */
#include "scaled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void values_are_written_exactly(void **state)
{
    static const struct {
        int64_t value;
        int32_t scale;
        const char *text;
    } rows[] = {{1234, 100, "12.34"},
                {-5, 100, "-0.05"},
                {0, 100, "0.00"},
                {7, 1, "7"},
                {-7, 1, "-7"},
                {1, 1000, "0.001"},
                {INT64_MIN, 1, "-9223372036854775808"},
                {INT64_MAX, 100, "92233720368547758.07"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = BUF_EMPTY;
        scaled_text(&out, rows[i].value, rows[i].scale);
        assert_string_equal(out.data, rows[i].text);
        buf_release(&out);
    }
    assert_int_equal(scaled_decimals(1), 0);
    assert_int_equal(scaled_decimals(1000), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_are_written_exactly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
