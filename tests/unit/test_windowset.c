/* The configured windows: what parses, what does not and why, the pane that follows, and floors of times. */
#include "error.h"
#include "windowset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static void the_default(void **state)
{
    (void)state;
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, "10m:2d,1h:30d,1d:2y", &error), 0);
    assert_int_equal(error.size, 0);
    assert_int_equal(set.count, 3);
    assert_string_equal(set.sizes[0].name, "10m");
    assert_int_equal(set.sizes[0].size_ms, 10 * MINUTE);
    assert_int_equal(set.sizes[0].retention_ms, 2 * DAY);
    assert_string_equal(set.sizes[1].name, "1h");
    assert_int_equal(set.sizes[1].retention_ms, 30 * DAY);
    assert_string_equal(set.sizes[2].name, "1d");
    assert_int_equal(set.sizes[2].size_ms, DAY);
    assert_int_equal(set.sizes[2].retention_ms, 730 * DAY);
    assert_int_equal(set.pane_ms, 5 * MINUTE);
    assert_ptr_equal(windowset_find(&set, "1h"), &set.sizes[1]);
    assert_null(windowset_find(&set, "2h"));
    assert_null(windowset_find(&set, ""));
    buf_release(&error);
}

static void panes(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t pane_ms;
    } cases[] = {
        {"1h:1d", HOUR},
        {"10m:1d,15m:1d", 5 * MINUTE},
        {"1d:1y", 15 * MINUTE}, /* civil days start at :45 */
        {"23h:1d", 23 * HOUR},
        {"24h:1y", 15 * MINUTE},
        {"60s:1d", MINUTE},
        {"7m:1d,1h:1d", MINUTE},
        {"90s:1h,2m:1h,1h:1h", 0},
        {"1m:1d,7m:1d,24d:100y", MINUTE},
        {"90s:1h,3m:1h", 90 * SECOND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct windowset set;
        struct buf error = BUF_EMPTY;
        int status = windowset_parse(&set, cases[i].text, &error);
        assert_int_equal(status, cases[i].pane_ms ? 0 : ERR_INVALID);
        if (cases[i].pane_ms)
            assert_int_equal(set.pane_ms, cases[i].pane_ms);
        else
            assert_string_equal(error.data,
                                "windows: the greatest common divisor of the sizes is 30 s, at least 60 s wanted");
        buf_release(&error);
    }
}

static void sorted_by_size(void **state)
{
    (void)state;
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, "1d:2y,10m:2d,6h:1y,1h:30d", &error), 0);
    const char *names[] = {"10m", "1h", "6h", "1d"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(set.sizes[i].name, names[i]);
    buf_release(&error);
}

static void must_not_parse(void **state)
{
    (void)state;
    static const char shape[] = "size:retention wanted, for example 10m:2d";
    static const char size[] = "the size is a number with s, m, h or d, at most 24d";
    static const char retention[] = "the retention is a number with s, m, h, d or y, at most 100y";
    const struct {
        const char *text, *item, *reason;
    } cases[] = {
        {"", "", shape},
        {"10m", "10m", shape},
        {"10m:2d,", "", shape},
        {",10m:2d", "", shape},
        {"10m:2d,,1h:2d", "", shape},
        {":2d", ":2d", size},
        {"m:2d", "m:2d", size},
        {"10:2d", "10:2d", size},
        {"10w:2d", "10w:2d", size},
        {"0m:2d", "0m:2d", size},
        {"010m:2d", "010m:2d", size},
        {"-10m:2d", "-10m:2d", size},
        {" 10m:2d", " 10m:2d", size},
        {"1.5h:2d", "1.5h:2d", size},
        {"1h30m:2d", "1h30m:2d", size},
        {"10M:2d", "10M:2d", size},
        {"25d:2y", "25d:2y", size},
        {"1y:2y", "1y:2y", size},
        {"99999999999999999999s:2d", "99999999999999999999s:2d", size},
        {"1000000000000000s:2d", "1000000000000000s:2d", size},
        {"10m:", "10m:", retention},
        {"10m:d", "10m:d", retention},
        {"10m:2", "10m:2", retention},
        {"10m:0d", "10m:0d", retention},
        {"10m:2d:3d", "10m:2d:3d", retention},
        {"10m:2d ", "10m:2d ", retention},
        {"10m:101y", "10m:101y", retention},
        {"10m:9223372036854775807y", "10m:9223372036854775807y", retention},
        {"10m:2d,10m:3d", "10m:3d", "this size is there twice"},
        {"60m:2d,2h:2d,1h:3d", "1h:3d", "this size is there twice"},
        {"1m:1d,2m:1d,3m:1d,4m:1d,5m:1d,6m:1d,7m:1d,8m:1d,9m:1d,10m:1d,11m:1d,12m:1d,13m:1d,14m:1d,15m:1d,16m:1d,17m:"
         "1d",
         "17m:1d", "too many sizes, at most 16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct windowset set;
        struct buf error = BUF_EMPTY, expected = BUF_EMPTY;
        assert_int_equal(windowset_parse(&set, cases[i].text, &error), ERR_INVALID);
        buf_printf(&expected, "window \"%s\": %s", cases[i].item, cases[i].reason);
        assert_string_equal(error.data, expected.data);
        buf_release(&error);
        buf_release(&expected);
    }
}

static void long_text_is_quoted_in_part(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, text, &error), ERR_INVALID);
    assert_in_range(error.size, 64, 200);
    buf_release(&error);
}

static void starts(void **state)
{
    (void)state;
    const int64_t cases[][3] = {
        {0, HOUR, 0},      {1, HOUR, 0},         {HOUR - 1, HOUR, 0},          {HOUR, HOUR, HOUR},
        {-1, HOUR, -HOUR}, {-HOUR, HOUR, -HOUR}, {-HOUR - 1, HOUR, -2 * HOUR}, {1790000123456, DAY, 1789948800000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(window_start(cases[i][0], cases[i][1]), cases[i][2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default),
        cmocka_unit_test(panes),
        cmocka_unit_test(sorted_by_size),
        cmocka_unit_test(must_not_parse),
        cmocka_unit_test(long_text_is_quoted_in_part),
        cmocka_unit_test(starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
