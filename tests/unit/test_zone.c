/*
 * Zones: names, offsets against the C library's for every quarter of an hour around changes and beyond the files' last
 * transition, changes in order, and rounding.
 */
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define DAY_S 86400

static const char *const names[] = {"UTC",
                                    "America/New_York",
                                    "Europe/Berlin",
                                    "Australia/Sydney",
                                    "Pacific/Auckland",
                                    "Asia/Kathmandu",
                                    "Pacific/Chatham",
                                    "Australia/Eucla",
                                    "Australia/Lord_Howe",
                                    "Pacific/Apia",
                                    "America/Sao_Paulo",
                                    "America/Havana",
                                    "Europe/Dublin",
                                    "Africa/Casablanca",
                                    "Asia/Gaza",
                                    "America/St_Johns",
                                    "Asia/Tehran",
                                    "Pacific/Kiritimati",
                                    "America/Caracas",
                                    "Asia/Pyongyang"};
#define NAMES (sizeof names / sizeof *names)

static int64_t floor_quarter(int64_t seconds)
{
    return seconds / 900 * 900 - (seconds % 900 < 0 ? 900 : 0);
}

/* What the C library says, rounded as ours. */
static int64_t library_offset_s(int64_t at_s)
{
    struct tm tm;
    time_t at = (time_t)at_s;
    localtime_r(&at, &tm);
    return floor_quarter(tm.tm_gmtoff);
}

static void use(const char *name)
{
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
}

static void as_the_library_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        const struct zone *zone = zone_get(names[i]);
        assert_non_null(zone);
        assert_string_equal(zone_name(zone), names[i]);
        use(names[i]);
        for (int64_t at = 0; at < INT64_C(200) * 365 * DAY_S; at += at < INT64_C(70) * 365 * DAY_S ? 9900 : 99900) {
            int64_t ours = zone_offset_ms(zone, at * 1000) / 1000;
            if (ours != library_offset_s(at))
                fail_msg("%s at %lld: %lld, the library says %lld", names[i], (long long)at, (long long)ours,
                         (long long)library_offset_s(at));
        }
    }
}

static void changes_come_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        const struct zone *zone = zone_get(names[i]);
        int64_t at = 0, count = 0, change;
        for (; (change = zone_change_ms(zone, at)) < INT64_C(4102444800000); at = change, count++) {
            assert_true(change > at && change % ZONE_QUARTER_MS == 0);
            assert_true(zone_offset_ms(zone, change - 1) == zone_offset_ms(zone, at));
            assert_int_equal(zone_change_ms(zone, change - 1), change);
        }
        if (strcmp(names[i], "UTC") == 0 || strcmp(names[i], "Pacific/Kiritimati") == 0)
            assert_true(count <= 3);
        if (strcmp(names[i], "America/New_York") == 0)
            assert_int_equal(count, 260); /* two a year from 1970 to 2099 */
    }
}

static void the_third_millennium(void **state)
{
    (void)state;
    const struct zone *zone = zone_get("America/New_York");
    use("America/New_York");
    for (int64_t year = 2038; year < 9990; year += 137) {
        struct tm tm = {.tm_year = (int)year - 1900, .tm_mday = 1};
        for (tm.tm_mon = 0; tm.tm_mon < 12; tm.tm_mon++) {
            int64_t at = (int64_t)timegm(&tm);
            assert_int_equal(zone_offset_ms(zone, at * 1000) / 1000, library_offset_s(at));
        }
    }
}

static void special_offsets(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int64_t at_s, offset_min;
    } cases[] = {{"Asia/Kathmandu", 1790000000, 345},      {"Pacific/Chatham", 1783000000, 765},
                 {"Pacific/Chatham", 1797000000, 825},     {"Australia/Eucla", 1790000000, 525},
                 {"Australia/Lord_Howe", 1783000000, 630}, {"Australia/Lord_Howe", 1797000000, 660},
                 {"Africa/Monrovia", 60000000, -45}, /* -0:44:30 rounded down */
                 {"Africa/Monrovia", 70000000, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(zone_offset_ms(zone_get(cases[i].name), cases[i].at_s * 1000), cases[i].offset_min * 60000);
    /* Liberia's clocks changed at 0:44:30 UTC: the whole quarter still has the old offset. */
    const struct zone *zone = zone_get("Africa/Monrovia");
    assert_int_equal(zone_change_ms(zone, 0), INT64_C(63593100000));
    assert_int_equal(zone_offset_ms(zone, INT64_C(63593099999)), -45 * 60000);
    assert_int_equal(zone_offset_ms(zone, INT64_C(63593100000)), 0);
}

static void names_are_checked(void **state)
{
    (void)state;
    char longest[ZONE_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *cases[] = {"",
                           "/etc/localtime",
                           "/usr/share/zoneinfo/UTC",
                           "../zoneinfo/UTC",
                           "Europe/../UTC",
                           ".",
                           "Europe",
                           "Europe/",
                           "Europe//Berlin",
                           "Europe/Berlin ",
                           "Europe/Atlantis",
                           "europe/berlin\n",
                           "zone.tab",
                           "tzdata",
                           longest};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (zone_get(cases[i]))
            fail_msg("\"%s\" is taken for a zone", cases[i]);
    }
    assert_ptr_equal(zone_get("Europe/Berlin"), zone_get("Europe/Berlin"));
    assert_string_equal(zone_name(NULL), "");
    assert_int_equal(zone_offset_ms(NULL, 1790000000000), 0);
    assert_true(zone_change_ms(NULL, 0) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_library_says), cmocka_unit_test(changes_come_in_order),
                                       cmocka_unit_test(the_third_millennium), cmocka_unit_test(special_offsets),
                                       cmocka_unit_test(names_are_checked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
