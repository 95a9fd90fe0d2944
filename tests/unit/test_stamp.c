/* Times in data: what passes and as what, and what does not. */
#include "../../ctl/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOON INT64_C(1796040000000) /* 2026-11-30T12:00:00Z */

static void times_are_read(void **state)
{
    static const struct {
        const char *text;
        int32_t unit_ms;
        int64_t at_ms;
    } rows[] = {
        {"2026-11-30T12:00:00Z", 0, NOON},
        {"2026-11-30t12:00:00z", 0, NOON},
        {"2026-11-30 12:00Z", 0, NOON},
        {"2026-11-30T13:00:00+01:00", 0, NOON},
        {"2026-11-30T06:15:00.000-05:45", 0, NOON},
        {"2026-12-01T00:00+12:00", 1, NOON},
        {"2026-11-30T12:00:00.25Z", 0, NOON + 250},
        {"2026-11-30T12:00:00.123999999Z", 0, NOON + 123},
        {"2026-11-30T12:00:00-00:00", 0, NOON},
        {"2024-02-29T00:00Z", 0, INT64_C(1709164800000)},
        {"1970-01-01T00:00:00Z", 0, 0},
        {"1970-01-01T00:59:00+00:59", 0, 0},
        {"9999-12-31T23:59:59.999Z", 0, INT64_C(253402300799999)},
        {"1796040000", 0, NOON},
        {"1796040000.5", 0, NOON + 500},
        {"1796040000000", 0, NOON},
        {"1796040000000.75", 0, NOON},
        {"99999999999", 0, INT64_C(99999999999000)},
        {"100000000000", 0, INT64_C(100000000000)},
        {"100000000000", 1000, INT64_C(100000000000000)},
        {"1796040000", 1, 1796040000},
        {"0", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t at_ms = -1;
        if (!stamp_parse(rows[i].text, rows[i].unit_ms, &at_ms) || at_ms != rows[i].at_ms)
            fail_msg("%s: %lld, not %lld", rows[i].text, (long long)at_ms, (long long)rows[i].at_ms);
    }
}

static void other_text_is_no_time(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "now",
        "2026-11-30",
        "2026-11-30T12:00:00", /* which zone? */
        "2026-11-30T12:00:00 Z",
        "2026-11-30T12:00:00ZZ",
        "2026-11-30T12Z",
        "2026-11-30T24:00Z",
        "2026-11-30T12:60Z",
        "2026-11-30T23:59:60Z",
        "2026-11-30T12:00:00.Z",
        "2026-11-30T12:00:0Z",
        "2026-11-30T12:00+1:00",
        "2026-11-30T12:00+0100",
        "2026-11-30T12:00+24:00",
        "2026-11-30T12:00+01:60",
        "2026-11-30T12:00+",
        "2026-11-31T12:00Z",
        "2026-02-29T12:00Z",
        "2026-13-01T12:00Z",
        "2026-00-01T12:00Z",
        "2026-01-00T12:00Z",
        "2026-1-01T12:00Z",
        "1969-12-31T23:59Z",
        "1970-01-01T00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00Z",
        "30.11.2026 12:00",
        "11/30/2026",
        "-1",
        "+1796040000",
        "1796040000.",
        ".5",
        "1.7e9",
        "1796040000s",
        "9999999999999999",
        "99999999999999999999999999",
        "253402300800000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t at_ms = 77;
        if (stamp_parse(rows[i], 0, &at_ms))
            fail_msg("\"%s\" passes as %lld", rows[i], (long long)at_ms);
        assert_int_equal(at_ms, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(other_text_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
