/* Which rhythm an account's limits allow. */
#include "cadence.h"

#include "duration.h"
#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define MINUTE DURATION_MINUTE

static const struct cadence plain = {.cost_milli = 1000, .interval_ms = 10 * MINUTE};

static struct limits limits_of(const char *text)
{
    struct limits limits;
    struct buf error = BUF_EMPTY;
    assert_int_equal(limits_parse(text, strlen(text), &limits, &error), 0);
    return limits;
}

static void what_cities_need(void **state)
{
    (void)state;
    assert_int_equal(cadence_needs(&plain, 224, LIMIT_MONTH), INT64_C(224) * 4464 * 1000);
    assert_int_equal(cadence_needs(&plain, 224, LIMIT_MINUTE), 22400);
    assert_int_equal(cadence_needs(&plain, 1, LIMIT_SECOND), 2); /* 1000/600, up */
    assert_int_equal(cadence_needs(&plain, 0, LIMIT_DAY), 0);
    struct cadence air = plain;
    air.air_cost_milli = 1000;
    air.air_interval_ms = DURATION_HOUR;
    assert_int_equal(cadence_needs(&air, 10, LIMIT_DAY), 10 * (144 + 24) * 1000);
}

/* WEATHER's figures: 224 cities at 10 minutes use up a free month of OpenWeatherMap; 74 a day of Open-Meteo. */
static void the_figures_of_the_free_plans(void **state)
{
    (void)state;
    struct limits owm = limits_of("60/m,1000000/mo"), meteo = limits_of("600/m,5000/h,10000/d");
    struct cadence heavy = {.cost_milli = 1400, .interval_ms = 15 * MINUTE};
    assert_true(cadence_needs(&plain, 224, LIMIT_MONTH) <= 1000000 * INT64_C(1000));
    assert_true(cadence_needs(&plain, 225, LIMIT_MONTH) > 1000000 * INT64_C(1000));
    assert_int_equal(cadence_cities(&plain, &owm), 224 * CADENCE_USABLE_PERCENT / 100);
    assert_true(cadence_needs(&heavy, 74, LIMIT_DAY) <= 10000 * INT64_C(1000));
    assert_true(cadence_needs(&heavy, 75, LIMIT_DAY) > 10000 * INT64_C(1000));
    assert_int_equal(cadence_cities(&heavy, &meteo), 70);
    assert_int_equal(cadence_tightest(&plain, 500, &owm), LIMIT_MONTH);
    assert_int_equal(cadence_tightest(&heavy, 500, &meteo), LIMIT_DAY);
}

static void the_nearest_that_fits(void **state)
{
    (void)state;
    struct limits owm = limits_of("60/m,1000000/mo");
    for (int64_t cities = 1; cities <= 5000; cities += 7) {
        int64_t interval = cadence_interval_ms(&plain, cities, &owm, 10 * MINUTE);
        struct cadence at = plain;
        at.interval_ms = interval;
        assert_true(interval >= 10 * MINUTE && interval % MINUTE == 0);
        assert_true(cadence_fits(&at, cities, &owm));
        if (interval > 10 * MINUTE) {
            at.interval_ms = interval - MINUTE;
            assert_false(cadence_fits(&at, cities, &owm));
        }
        at.interval_ms = interval;
        assert_true(cadence_cities(&at, &owm) >= cities);
    }
    assert_int_equal(cadence_interval_ms(&plain, 500, &owm, 10 * MINUTE), 24 * MINUTE);
}

static void seconds_where_minutes_are_too_coarse(void **state)
{
    (void)state;
    struct limits fast = limits_of("60/m");
    assert_int_equal(cadence_interval_ms(&plain, 1, &fast, 0), 2000); /* 95 % of one a second */
    assert_int_equal(cadence_interval_ms(&plain, 100, &fast, 0), 106000);
    assert_int_equal(cadence_interval_ms(&plain, 200, &fast, 0), 4 * MINUTE); /* 211 s */
}

static void nothing_fits_into_nothing(void **state)
{
    (void)state;
    struct limits none = limits_of("0/d"), tiny = limits_of("10/d");
    assert_false(cadence_fits(&plain, 1, &none));
    assert_int_equal(cadence_cities(&plain, &none), 0);
    assert_int_equal(cadence_interval_ms(&plain, 1, &none, 0), 0);
    assert_int_equal(cadence_tightest(&plain, 1, &none), LIMIT_DAY);
    assert_int_equal(cadence_interval_ms(&plain, 10, &tiny, 0), 0); /* 9.5 a day are not ten */
    assert_true(cadence_interval_ms(&plain, 9, &tiny, 0) > 22 * DURATION_HOUR);
}

static void without_a_limit_everything_fits(void **state)
{
    (void)state;
    struct limits unlimited = limits_none();
    assert_true(cadence_fits(&plain, CADENCE_CITIES_MAX, &unlimited));
    assert_int_equal(cadence_cities(&plain, &unlimited), CADENCE_CITIES_MAX);
    assert_int_equal(cadence_tightest(&plain, 1, &unlimited), LIMIT_WINDOWS);
    assert_int_equal(cadence_interval_ms(&plain, 1000, &unlimited, 5000), 5000);
}

static void sums_do_not_overflow(void **state)
{
    (void)state;
    struct cadence dear = {.cost_milli = INT32_MAX, .interval_ms = 1};
    assert_int_equal(cadence_needs(&dear, CADENCE_CITIES_MAX, LIMIT_MONTH), INT64_MAX);
    struct limits most = limits_of("1000000000/mo");
    assert_false(cadence_fits(&dear, CADENCE_CITIES_MAX, &most));
}

static void an_age_is_promised_for_an_interval(void **state)
{
    (void)state;
    assert_int_equal(cadence_age_ms(10 * MINUTE), 20 * MINUTE);
    assert_int_equal(cadence_age_ms(15 * MINUTE), 30 * MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cities_need),          cmocka_unit_test(the_figures_of_the_free_plans),
        cmocka_unit_test(the_nearest_that_fits),     cmocka_unit_test(seconds_where_minutes_are_too_coarse),
        cmocka_unit_test(nothing_fits_into_nothing), cmocka_unit_test(without_a_limit_everything_fits),
        cmocka_unit_test(sums_do_not_overflow),      cmocka_unit_test(an_age_is_promised_for_an_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
