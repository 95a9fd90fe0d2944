/* duration.h: spans of time as text. */
#include "duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define HIGH (100 * DURATION_YEAR)

static void test_parses(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"1s", 1000},
                {"90s", 90000},
                {"10m", 600000},
                {"24h", 86400000},
                {"1d", DURATION_DAY},
                {"2y", 730 * DURATION_DAY},
                {"0s", 0},
                {"0y", 0},
                {"100y", HIGH},
                {"36500d", HIGH}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        assert_true(duration_parse(rows[i].text, strlen(rows[i].text), 0, HIGH, &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void test_refuses(void **state)
{
    static const char *const rows[] = {"",
                                       "s",
                                       "1",
                                       "01s",
                                       "00s",
                                       " 1s",
                                       "1 s",
                                       "1s ",
                                       "-1s",
                                       "+1s",
                                       "1.5h",
                                       "1w",
                                       "1S",
                                       "1ms",
                                       "s1",
                                       "101y",
                                       "0x1s",
                                       "1",
                                       "99999999999999999999999y"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = 7;
        assert_false(duration_parse(rows[i], strlen(rows[i]), 0, HIGH, &ms));
        assert_int_equal(ms, 7);
    }
}

static void test_bounds(void **state)
{
    int64_t ms = 0;
    (void)state;
    assert_true(duration_parse("60s", 3, 60000, 60000, &ms));
    assert_false(duration_parse("59s", 3, 60000, 60000, &ms));
    assert_false(duration_parse("61s", 3, 60000, 60000, &ms));
    assert_true(duration_parse("2d:x", 2, 0, HIGH, &ms)); /* only so many bytes */
    assert_int_equal(ms, 2 * DURATION_DAY);
}

static void test_prints(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{0, "0s"},
                {1000, "1s"},
                {90000, "90s"},
                {5400000, "90m"},
                {3600000, "1h"},
                {DURATION_DAY, "1d"},
                {730 * DURATION_DAY, "2y"},
                {366 * DURATION_DAY, "366d"}};
    struct buf out = BUF_EMPTY;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_reset(&out);
        duration_print(rows[i].ms, &out);
        assert_string_equal(out.data, rows[i].text);
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parses), cmocka_unit_test(test_refuses),
                                       cmocka_unit_test(test_bounds), cmocka_unit_test(test_prints)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
