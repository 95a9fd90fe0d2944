/*
 * Civil days: known ones of zones with all kinds of habits, and for each of them that days tile time and that every
 * quarter of an hour lies in the day that a plain search over local time finds.
 */
#include "civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define HOUR_MS INT64_C(3600000)

static int64_t utc(const char *text)
{
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return (int64_t)timegm(&tm) * 1000;
}

static int32_t number(const char *text)
{
    int32_t value;
    assert_true(date_parse(text, &value));
    return value;
}

static void known_days(void **state)
{
    (void)state;
    const struct {
        const char *zone, *date, *starts;
        double hours;
    } cases[] = {
        {"UTC", "2026-11-30", "2026-11-30 00:00", 24},
        {"America/New_York", "2026-03-08", "2026-03-08 05:00", 23},
        {"America/New_York", "2026-11-01", "2026-11-01 04:00", 25},
        {"America/New_York", "2050-11-06", "2050-11-06 04:00", 25},
        {"Europe/Berlin", "2026-03-29", "2026-03-28 23:00", 23},
        {"Europe/Berlin", "2026-10-25", "2026-10-24 22:00", 25},
        {"Europe/Berlin", "2026-10-26", "2026-10-25 23:00", 24},
        {"Australia/Sydney", "2026-04-05", "2026-04-04 13:00", 25},
        {"Australia/Sydney", "2026-10-04", "2026-10-03 14:00", 23},
        {"Pacific/Auckland", "2026-04-05", "2026-04-04 11:00", 25},
        {"Pacific/Auckland", "2026-09-27", "2026-09-26 12:00", 23},
        {"Asia/Kathmandu", "2026-11-30", "2026-11-29 18:15", 24},
        {"Pacific/Chatham", "2026-07-01", "2026-06-30 11:15", 24},
        {"Pacific/Chatham", "2026-12-01", "2026-11-30 10:15", 24},
        {"Pacific/Chatham", "2026-09-27", "2026-09-26 11:15", 23},
        {"Australia/Lord_Howe", "2026-04-05", "2026-04-04 13:00", 24.5},
        {"Australia/Lord_Howe", "2026-10-04", "2026-10-03 13:30", 23.5},
        {"Pacific/Apia", "2011-12-29", "2011-12-29 10:00", 24},
        {"Pacific/Apia", "2011-12-30", "2011-12-30 10:00", 0}, /* there was none */
        {"Pacific/Apia", "2011-12-31", "2011-12-30 10:00", 24},
        {"America/Sao_Paulo", "2017-10-15", "2017-10-15 03:00", 23}, /* from 0:00 to 1:00 */
        {"America/Sao_Paulo", "2018-02-17", "2018-02-17 02:00", 25}, /* 23:00 comes twice */
        {"America/Sao_Paulo", "2018-02-18", "2018-02-18 03:00", 24},
        {"America/Havana", "2026-03-08", "2026-03-08 05:00", 23},
        {"America/Havana", "2026-11-01", "2026-11-01 04:00", 25},   /* from 1:00 to 0:00: the date has begun */
        {"America/St_Johns", "2010-11-07", "2010-11-07 02:30", 25}, /* at 0:01 to 23:01 */
        {"America/St_Johns", "2010-11-06", "2010-11-06 02:30", 24},
        {"Pacific/Kiritimati", "1994-12-31", "1994-12-31 10:00", 0}, /* skipped */
        {"Africa/Monrovia", "1972-01-07", "1972-01-07 00:45", 23.25},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct zone *zone = zone_get(cases[i].zone);
        int32_t date = number(cases[i].date);
        int64_t start = civil_start_ms(zone, date), end = civil_start_ms(zone, date + 1);
        if (start != utc(cases[i].starts) || end - start != (int64_t)(cases[i].hours * (double)HOUR_MS))
            fail_msg("%s %s begins %lld ms after %s and has %.2f h", cases[i].zone, cases[i].date,
                     (long long)(start - utc(cases[i].starts)), cases[i].starts,
                     (double)(end - start) / (double)HOUR_MS);
        assert_int_equal(civil_date(zone, start - 1) < date, 1);
        if (end > start) {
            assert_int_equal(civil_date(zone, start), date);
            assert_int_equal(civil_date(zone, end - 1), date);
        }
    }
}

/* The largest local date of all quarters up to `at`: the definition, by brute force from `from` on. */
static void check_zone(const char *name, int64_t from_ms, int64_t to_ms)
{
    const struct zone *zone = zone_get(name);
    int32_t largest = civil_date(zone, from_ms);
    int64_t started = civil_start_ms(zone, largest);
    assert_true(started <= from_ms);
    for (int64_t at = from_ms; at < to_ms; at += ZONE_QUARTER_MS) {
        int64_t local = at + zone_offset_ms(zone, at);
        int32_t date = (int32_t)(local / DATE_DAY_MS);
        for (; largest < date; largest++) {
            started = civil_start_ms(zone, largest + 1);
            if (started != at)
                fail_msg("%s: date %d begins at %lld, not %lld", name, largest + 1, (long long)started, (long long)at);
        }
        assert_int_equal(civil_date(zone, at), largest);
        assert_int_equal(civil_date(zone, at + ZONE_QUARTER_MS - 1), largest);
        assert_in_range(at - started, 0, 48 * HOUR_MS);
    }
}

static void days_tile_time(void **state)
{
    (void)state;
    const char *names[] = {"UTC",
                           "America/New_York",
                           "Europe/Berlin",
                           "Australia/Sydney",
                           "Pacific/Auckland",
                           "Asia/Kathmandu",
                           "Pacific/Chatham",
                           "Australia/Lord_Howe",
                           "Pacific/Apia",
                           "America/Sao_Paulo",
                           "America/Havana",
                           "America/St_Johns",
                           "Pacific/Kiritimati",
                           "Africa/Casablanca",
                           "Asia/Gaza",
                           "Etc/GMT+12",
                           "Etc/GMT-14"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_zone(names[i], utc("2008-01-01 00:00"), utc("2019-01-01 00:00"));
        check_zone(names[i], utc("2036-01-01 00:00"), utc("2040-01-01 00:00"));
    }
    check_zone("Pacific/Kiritimati", utc("1994-12-01 00:00"), utc("1995-02-01 00:00"));
    check_zone("Africa/Monrovia", utc("1971-12-01 00:00"), utc("1972-02-01 00:00"));
}

static void utc_by_default(void **state)
{
    (void)state;
    assert_int_equal(civil_start_ms(NULL, 20787), 20787 * DATE_DAY_MS);
    assert_int_equal(civil_date(NULL, 20787 * DATE_DAY_MS), 20787);
    assert_int_equal(civil_date(NULL, 20787 * DATE_DAY_MS - 1), 20786);
    assert_int_equal(civil_date(NULL, 0), 0);
    assert_int_equal(civil_date(zone_get("America/New_York"), 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_days), cmocka_unit_test(days_tile_time),
                                       cmocka_unit_test(utc_by_default)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
