/* The clocks, and times as text, checked against timegm. */
#include "clock.h"

#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void the_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    int64_t last_ms = clock_monotonic_ms(), last_us = clock_monotonic_us();
    for (int i = 0; i < 20000; i++) {
        int64_t us = clock_monotonic_us(), ms = clock_monotonic_ms();
        assert_true(us >= last_us && ms >= last_ms);
        assert_in_range(ms - us / 1000, 0, 10000); /* one clock in two units */
        last_us = us;
        last_ms = ms;
    }
}

static void the_wall_clock_is_unix_time(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL), now = clock_wall_ms(), after = (int64_t)time(NULL);
    /* time() may lag by a tick of the kernel's coarse clock. */
    assert_in_range(now / 1000, before - 1, after + 1);
}

static void times_as_text(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {-1001, "1969-12-31T23:59:58.999Z"},
        {1795421730123, "2026-11-23T08:15:30.123Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {4107542399999, "2100-02-28T23:59:59.999Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "292278994-08-17T07:12:55.807Z"},
        {INT64_MIN, "-292275055-05-16T16:47:04.192Z"},
    };
    char out[CLOCK_TEXT_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_ptr_equal(clock_text(rows[i].ms, out, sizeof out), out);
        assert_string_equal(out, rows[i].text);
    }
}

static void text_reads_back(void **state)
{
    (void)state;
    struct dice dice = {17};
    for (int i = 0; i < 2000; i++) {
        int64_t ms = dice_below(&dice, 253402300800000) - (i % 2 ? 0 : 62135596800000); /* years 1 to 9999 */
        if (ms < -62135596800000)
            continue;
        char out[CLOCK_TEXT_BYTES], tail[8] = "";
        struct tm utc = {0};
        int part = -1;
        clock_text(ms, out, sizeof out);
        assert_int_equal(sscanf(out, "%d-%d-%dT%d:%d:%d.%3d%7s", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour,
                                &utc.tm_min, &utc.tm_sec, &part, tail),
                         8);
        assert_string_equal(tail, "Z");
        utc.tm_year -= 1900;
        utc.tm_mon--;
        assert_int_equal((int64_t)timegm(&utc) * 1000 + part, ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_wall_clock_is_unix_time),
        cmocka_unit_test(times_as_text),
        cmocka_unit_test(text_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
