/* Times as operators write them: what passes, exactly, and what does not. */
#include "../../ctl/moment.h"

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW INT64_C(1796040000000) /* 2026-11-30T12:00Z */

static void times_dates_and_spans_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2026-11-30T12:00Z", NOW},
        {"2026-11-30T12:00:30Z", NOW + 30000},
        {"2026-11-30T12:00:30.250Z", NOW + 30250},
        {"2026-11-30", NOW - 12 * 3600000},
        {"1970-01-01", 0},
        {"2028-02-29T23:59:59.999Z", INT64_C(1835481599999)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
        {"2h", NOW - 7200000},
        {"0s", NOW},
        {"90m", NOW - 5400000},
        {"30d", NOW - INT64_C(30) * 86400000},
        {"36500d", 0}, /* not before 1970 */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        assert_int_equal(moment_parse(rows[i].text, NOW, &ms), 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void anything_else_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "2",
        "h",
        "2w",
        "2h ",
        " 2h",
        "-2h",
        "+2h",
        "36501d",
        "99999999999999999999d",
        "2026",
        "2026-11",
        "2026-11-3",
        "2026-11-31",
        "2027-02-29",
        "2026-00-01",
        "2026-13-01",
        "2026-01-00",
        "1969-12-31",
        "2026-11-30T",
        "2026-11-30 12:00Z",
        "2026-11-30T12Z",
        "2026-11-30T12:00",
        "2026-11-30T24:00Z",
        "2026-11-30T12:60Z",
        "2026-11-30T12:00:60Z",
        "2026-11-30T12:00:00.25Z",
        "2026-11-30T12:00Zx",
        "2026-11-30T12:00+01:00",
        "2026-11-30x",
        "26-11-30",
        "now",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        if (moment_parse(rows[i], NOW, &ms) != ERR_INVALID)
            fail_msg("\"%s\" passes", rows[i]);
        assert_int_equal(ms, -1);
    }
}

static void dates_are_days_since_1970(void **state)
{
    int64_t days = -1;
    (void)state;
    assert_int_equal(moment_date("1970-01-02", &days), 0);
    assert_int_equal(days, 1);
    assert_int_equal(moment_date("2026-11-30", &days), 0);
    assert_int_equal(days, 20787);
    assert_int_equal(moment_date("2026-11-30T12:00Z", &days), ERR_INVALID);
    assert_int_equal(moment_date("2026-02-30", &days), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_dates_and_spans_are_read),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(dates_are_days_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
