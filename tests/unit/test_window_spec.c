/* Windows as operators name them. */
#include "../../ctl/window_spec.h"

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000)
#define NOON INT64_C(1796040000000) /* 2026-11-30T12:00Z */

static struct windowset windows;

static int start(void **state)
{
    struct buf error = BUF_EMPTY;
    (void)state;
    return windowset_parse(&windows, "10m:2d,1h:30d,1d:2y", &error);
}

static void windows_are_found_by_time_and_by_date(void **state)
{
    static const struct {
        const char *text, *zone;
        size_t size;
        int64_t start, end;
    } rows[] = {
        {"1h@2026-11-30T12:00Z", "", 1, NOON, NOON + HOUR},
        {"1h@2026-11-30T12:59:59.999Z", "", 1, NOON, NOON + HOUR},
        {"10m@2026-11-30T12:19Z", "", 0, NOON + 600000, NOON + 1200000},
        {"1h@2026-11-30", "", 1, NOON - 12 * HOUR, NOON - 11 * HOUR},
        {"1d@2026-11-30", "", 2, NOON - 12 * HOUR, NOON + 12 * HOUR},
        {"1d@2026-11-30", "America/Los_Angeles", 2, NOON - 4 * HOUR, NOON + 20 * HOUR},
        {"1d@2026-11-30", "Asia/Kathmandu", 2, NOON - 17 * HOUR - HOUR * 3 / 4, NOON + 6 * HOUR + HOUR / 4},
        {"1d@2026-11-30T02:00Z", "America/Los_Angeles", 2, NOON - 28 * HOUR, NOON - 4 * HOUR},
        {"1d@2026-11-01", "America/Los_Angeles", 2, NOON - (29 * 24 + 5) * HOUR,
         NOON - (28 * 24 + 4) * HOUR}, /* 25 h */
        {"10m", "", 0, NOON + 3 * HOUR, NOON + 3 * HOUR + 600000},
        {"1d", "", 2, NOON - 12 * HOUR, NOON + 12 * HOUR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf error = BUF_EMPTY;
        struct window_spec spec;
        const struct zone *zone = *rows[i].zone ? zone_get(rows[i].zone) : NULL;
        assert_int_equal(window_spec_parse(&spec, rows[i].text, &windows, zone, NOON + 3 * HOUR + 5, &error), 0);
        assert_int_equal(spec.size, rows[i].size);
        if (spec.span.start_ms != rows[i].start || spec.span.end_ms != rows[i].end)
            fail_msg("%s: %lld to %lld", rows[i].text, (long long)(spec.span.start_ms - NOON),
                     (long long)(spec.span.end_ms - NOON));
    }
}

static void anything_else_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {{"2h", "it has 10m, 1h, 1d"},
                {"", "it has 10m"},
                {"@2026-11-30", "it has 10m"},
                {"1h@", "such as 1h@2026-11-30T12:00Z"},
                {"1h@noon", "a time in the window"},
                {"1h@2h", "a time in the window"},
                {"1h@2026-02-30T12:00Z", "a time in the window"},
                {"1d@2026-13-01", "such as 1d@2026-11-30"},
                {"1h@@2026-11-30", "a time in the window"},
                {"\x1b[2h\xff", "\"?[2h?\" is no window"},
                {"1h@\x9b", "\"?\": a time in the window"},
                {"24h/1h", "is no window"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf error = BUF_EMPTY;
        struct window_spec spec;
        assert_int_equal(window_spec_parse(&spec, rows[i].text, &windows, NULL, NOON, &error), ERR_INVALID);
        if (!strstr(error.data, rows[i].reason))
            fail_msg("%s: %s", rows[i].text, error.data);
        buf_release(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_found_by_time_and_by_date),
        cmocka_unit_test(anything_else_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
