/* The text form of limits: what is read, what is printed, and what each mistake is told as. */
#include "limit.h"

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct limits parsed(const char *text)
{
    struct limits limits;
    struct buf error = BUF_EMPTY;
    if (limits_parse(text, strlen(text), &limits, &error) != 0)
        fail_msg("%s: %s", text, error.data);
    return limits;
}

static void check_print(const char *text, const char *want)
{
    struct buf out = BUF_EMPTY;
    struct limits limits = parsed(text);
    limits_print(&limits, &out);
    assert_string_equal(out.data, want);
    buf_release(&out);
}

static void limits_are_read(void **state)
{
    (void)state;
    struct limits limits = parsed("60/m,1000000/mo");
    assert_int_equal(limits.units[LIMIT_MINUTE], 60);
    assert_int_equal(limits.units[LIMIT_MONTH], 1000000);
    assert_int_equal(limits.units[LIMIT_SECOND], LIMIT_NONE);
    assert_int_equal(limits.units[LIMIT_HOUR], LIMIT_NONE);
    assert_int_equal(limits.units[LIMIT_DAY], LIMIT_NONE);
    assert_false(limits_unlimited(&limits));
    limits = parsed("0/s");
    assert_int_equal(limits.units[LIMIT_SECOND], 0);
    assert_false(limits_unlimited(&limits));
    limits = parsed("1000000000/d");
    assert_int_equal(limits.units[LIMIT_DAY], LIMIT_UNITS_MAX);
    limits = parsed("unlimited");
    assert_true(limits_unlimited(&limits));
}

static void only_the_bytes_given_are_read(void **state)
{
    (void)state;
    struct limits limits;
    struct buf error = BUF_EMPTY;
    assert_int_equal(limits_parse("7/h;rest", 3, &limits, &error), 0);
    assert_int_equal(limits.units[LIMIT_HOUR], 7);
}

static void they_are_printed_shortest_first(void **state)
{
    (void)state;
    check_print("1000000/mo,60/m", "60/m,1000000/mo");
    check_print("5/mo,4/d,3/h,2/m,1/s", "1/s,2/m,3/h,4/d,5/mo");
    check_print("unlimited", "unlimited");
}

static void check_error(const char *text, const char *part)
{
    struct limits limits;
    struct buf error = BUF_EMPTY;
    assert_int_equal(limits_parse(text, strlen(text), &limits, &error), ERR_INVALID);
    if (!strstr(error.data, part))
        fail_msg("'%s' is told as: %s", text, error.data);
    buf_release(&error);
}

static void every_mistake_is_named(void **state)
{
    (void)state;
    static const char *const shapes[] = {"",      ",",         "60",     "60/",           "/",      "60/m,",
                                         ",60/m", "60/x",      "60/min", "60/M",          "60/mo ", "60/m/s",
                                         "60 m",  "Unlimited", "60/m;",  "unlimited,60/m"};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_error(shapes[i], "is no limit");
    static const char *const numbers[] = {
        "/m",    "-1/m",      "+1/m",      "1e3/m",         "060/m",
        " 60/m", "1000001/m", "1000001/s", "1000000001/mo", "99999999999999999999999/mo",
        "6.5/h"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        check_error(numbers[i], "the number before the slash");
    check_error("60/m,70/m", "already");
    check_error("60/m,5/q", "'5/q'");
    check_error("\x1b[1m\xff", "'?[1m?'"); /* what is shown of it is tame */
}

/* A long input is not repeated in whole. */
static void an_error_is_bounded(void **state)
{
    (void)state;
    char text[5000];
    struct limits limits;
    struct buf error = BUF_EMPTY;
    memset(text, 'x', sizeof text);
    assert_int_equal(limits_parse(text, sizeof text, &limits, &error), ERR_INVALID);
    assert_true(error.size < 200);
    buf_release(&error);
}

static void lengths(void **state)
{
    (void)state;
    assert_int_equal(limit_window_ms(LIMIT_SECOND), 1000);
    assert_int_equal(limit_window_ms(LIMIT_MONTH), INT64_C(2678400000));
    assert_string_equal(limit_window_name(LIMIT_MONTH), "mo");
    for (int w = 1; w < LIMIT_WINDOWS; w++)
        assert_true(limit_window_ms((enum limit_window)w) > limit_window_ms((enum limit_window)(w - 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_read),        cmocka_unit_test(only_the_bytes_given_are_read),
        cmocka_unit_test(every_mistake_is_named), cmocka_unit_test(they_are_printed_shortest_first),
        cmocka_unit_test(an_error_is_bounded),    cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
