/* Dates and day numbers: known ones, every day of eight thousand years, weekdays, and what is no date. */
#include "date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void known_dates(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int32_t number, weekday;
    } cases[] = {{"1970-01-01", 0, 4},     {"1970-01-02", 1, 5},     {"1972-02-29", 789, 2},
                 {"2000-02-29", 11016, 2}, {"2026-11-30", 20787, 1}, {"9999-12-31", DATE_MAX, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[DATE_BYTES];
        int32_t number = -1;
        assert_string_equal(date_text(cases[i].number, text), cases[i].text);
        assert_true(date_parse(cases[i].text, &number));
        assert_int_equal(number, cases[i].number);
        assert_int_equal(date_weekday(number), cases[i].weekday);
    }
    assert_int_equal(date_number(&(struct date){1969, 12, 31}), -1);
    assert_int_equal(date_weekday(-1), 3);
    assert_int_equal(date_weekday(-5), 6);
    struct date date = date_of(-719468);
    assert_true(date.year == 0 && date.month == 3 && date.day == 1);
}

static void every_day(void **state)
{
    (void)state;
    for (int32_t number = 0; number <= DATE_MAX; number += number < 200000 ? 1 : 29) {
        time_t at = (time_t)number * 86400;
        struct tm tm;
        struct date date = date_of(number);
        gmtime_r(&at, &tm);
        assert_true(date.year == tm.tm_year + 1900 && date.month == tm.tm_mon + 1 && date.day == tm.tm_mday);
        assert_int_equal(date_number(&date), number);
        assert_int_equal(date_weekday(number), tm.tm_wday);
    }
}

static void no_dates(void **state)
{
    (void)state;
    const char *cases[] = {"",           "2026-11-3",   "2026-11-031", "2026-13-01",  "2026-00-01",   "2026-02-29",
                           "2026-04-31", "2026-11-00",  "2026/11/30",  "26-11-30",    "+026-11-30",   "2026-11-3x",
                           "1969-12-31", "02026-11-30", "2026-11-30 ", "2026-1130-1", "1790000000000"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t number;
        if (date_parse(cases[i], &number))
            fail_msg("\"%s\" is taken for a date", cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_dates), cmocka_unit_test(every_day),
                                       cmocka_unit_test(no_dates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
