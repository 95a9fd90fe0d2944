/* What is derived: the golden values of each source, the edges between formulas, and what derives nothing. */
#include "derive.h"
#include "rows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define V(value) ISOBAR__V1__VALUE__##value

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.12f is not %.12f", value, expected);
}

/* ---- formulas ---- */

static void golden_dew_points(void **state)
{
    (void)state;
    assert_near(dew_point_c(25, 50), 13.858, 5e-4);
    assert_near(dew_point_c(0, 80), -3.039, 5e-4);
    assert_near(dew_point_c(35, 20), 8.702, 5e-4);
    assert_near(dew_point_c(-40, 100), -40, 1e-12); /* saturated */
}

static void golden_vapour_pressures(void **state)
{
    (void)state;
    assert_near(vapour_pressure_pa(0), 610.94, 1e-9);
    assert_near(vapour_pressure_pa(20), 2333.4, 0.1); /* 610.94 exp(352.5 / 263.04) */
    assert_near(vapour_pressure_pa(dew_point_c(25, 50)), vapour_pressure_pa(25) / 2, 1e-9);
}

static void humidity_undoes_the_dew_point(void **state)
{
    (void)state;
    assert_near(relative_humidity_percent(25, 13.858), 50, 5e-3);
    assert_near(relative_humidity_percent(0, -3.039), 80, 5e-3);
    assert_near(relative_humidity_percent(35, 8.702), 20, 5e-3);
    for (int t = -60; t <= 50; t += 10)
        assert_near(relative_humidity_percent(t, dew_point_c(t, 37)), 37, 1e-9);
}

/* The standard atmosphere's own pressures, and the setting of an aerodrome at sea level. */
static void golden_station_pressures(void **state)
{
    (void)state;
    assert_near(station_pressure_hpa(1013.25, 1000), 898.746, 2e-3);
    assert_near(station_pressure_hpa(1013.25, 5000), 540.199, 2e-3);
    assert_near(station_pressure_hpa(1013.25, -500), 1074.78, 1e-2);
    assert_near(station_pressure_hpa(1002, 0), 1002, 1e-9);
}

static void golden_wind_chills(void **state)
{
    (void)state;
    assert_near(wind_chill_c(-10, 30), -19.52, 5e-3);
    assert_near(wind_chill_c(-25, 40), -40.82, 5e-3);
}

static void golden_heat_indices(void **state)
{
    (void)state;
    assert_near(heat_index_f(90, 70), 105.92, 5e-3);
    assert_near(heat_index_f(82, 90), 91.99, 5e-3);   /* moist air */
    assert_near(heat_index_f(110, 10), 104.39, 5e-3); /* dry air */
    assert_near(heat_index_f(75, 50), 74.78, 5e-3);   /* the simple form */
}

static void golden_humidices(void **state)
{
    (void)state;
    assert_near(humidex_c(30, 15), 33.97, 5e-3);
    assert_near(humidex_c(30, 25), 42.34, 5e-3);
}

static void degree_days(void **state)
{
    (void)state;
    const double rows[][3] = {{10, 8, 0}, {18, 0, 0}, {25.5, 0, 7.5}, {-30, 48, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(heating_degree_days(rows[i][0]) == rows[i][1]);
        assert_true(cooling_degree_days(rows[i][0]) == rows[i][2]);
    }
}

/* ---- stored values ---- */

#define UNKNOWN INT32_MIN

static int32_t dew_point(int32_t temperature, int32_t humidity)
{
    int32_t out = 4711;
    return derive_dew_point(temperature, humidity, &out) ? out : UNKNOWN;
}

static int32_t vapour_pressure(int32_t dew_point_centi_c)
{
    int32_t out = 4711;
    return derive_vapour_pressure(dew_point_centi_c, &out) ? out : UNKNOWN;
}

static int32_t humidex(int32_t temperature, int32_t dew_point_centi_c)
{
    int32_t out = 4711;
    return derive_humidex(temperature, dew_point_centi_c, &out) ? out : UNKNOWN;
}

/* Of three values, each of which may be UNKNOWN. */
static int32_t feels_like(int32_t temperature, int32_t humidity, int32_t speed)
{
    struct observation row = {0};
    if (temperature != UNKNOWN)
        observation_set(&row, V(TEMPERATURE), temperature);
    if (humidity != UNKNOWN)
        observation_set(&row, V(HUMIDITY), humidity);
    if (speed != UNKNOWN)
        observation_set(&row, V(WIND_SPEED), speed);
    observation_set(&row, V(FEELS_LIKE), 1234); /* the provider's own: never used */
    int32_t out = 4711;
    return derive_feels_like(&row, &out) ? out : UNKNOWN;
}

static void integers(void **state)
{
    (void)state;
    assert_int_equal(dew_point(2500, 5000), 1386);
    assert_int_equal(dew_point(0, 8000), -304);
    assert_int_equal(dew_point(3500, 2000), 870);
    assert_int_equal(dew_point(2500, 0), UNKNOWN);
    assert_int_equal(dew_point(2500, -1), UNKNOWN);
    assert_int_equal(dew_point(2500, 10001), UNKNOWN);
    assert_int_equal(dew_point(20001, 5000), UNKNOWN);
    assert_int_equal(dew_point(-20001, 5000), UNKNOWN);
    assert_int_equal(dew_point(INT32_MIN, 5000), UNKNOWN);
    assert_int_equal(dew_point(20000, 10000), 20000);
    assert_int_equal(vapour_pressure(0), 611);
    assert_int_equal(vapour_pressure(-2000), 126);
    assert_int_equal(vapour_pressure(20000), 1743475);
    assert_int_equal(vapour_pressure(20001), UNKNOWN);
    assert_int_equal(vapour_pressure(INT32_MAX), UNKNOWN);
    assert_int_equal(humidex(3000, 1500), 3397);
    assert_int_equal(humidex(3000, 2500), 4234);
    assert_int_equal(humidex(3000, 20001), UNKNOWN);
    assert_int_equal(humidex(-20001, 0), UNKNOWN);
}

static void humidity_of_integers(void **state)
{
    (void)state;
    int32_t out = UNKNOWN;
    assert_true(derive_humidity(2500, 1386, &out) && out == 5001);
    assert_true(derive_humidity(400, 400, &out) && out == 10000);
    assert_true(derive_humidity(400, 450, &out) && out == 10000); /* rounded apart */
    assert_false(derive_humidity(400, 451, &out));
    assert_true(derive_humidity(20000, -20000, &out) && out == 0);
    assert_false(derive_humidity(20001, 0, &out));
    assert_false(derive_humidity(0, -20001, &out));
    assert_false(derive_humidity(INT32_MIN, INT32_MIN, &out));
    assert_false(derive_humidity(INT32_MIN, INT32_MAX, &out));
}

static void feels_like_of_cold(void **state)
{
    (void)state;
    assert_int_equal(feels_like(-1000, UNKNOWN, 833), -1952);
    assert_int_equal(feels_like(-2500, 9000, 1111), -4082);
    assert_int_equal(feels_like(-1000, 5000, UNKNOWN), UNKNOWN);
    assert_int_equal(feels_like(500, UNKNOWN, 133), 500); /* 4.788 km/h */
    assert_int_equal(feels_like(500, UNKNOWN, 134), lround(100 * wind_chill_c(5, 4.824)));
    assert_int_equal(feels_like(500, UNKNOWN, 0), 500);
    assert_int_equal(feels_like(1000, UNKNOWN, 1000), lround(100 * wind_chill_c(10, 36)));
    assert_int_equal(feels_like(1001, UNKNOWN, 1000), 1001); /* no wind chill, and no wind needed */
    assert_int_equal(feels_like(1001, UNKNOWN, UNKNOWN), 1001);
}

static void feels_like_of_heat(void **state)
{
    (void)state;
    assert_int_equal(feels_like(2666, UNKNOWN, UNKNOWN), 2666); /* 79.988 degF */
    assert_int_equal(feels_like(2667, UNKNOWN, UNKNOWN), UNKNOWN);
    assert_int_equal(feels_like(2667, 5000, UNKNOWN), lround((heat_index_f(80.006, 50) - 32) / 1.8 * 100));
    assert_int_equal(feels_like(3222, 7000, UNKNOWN), lround((heat_index_f(89.996, 70) - 32) / 1.8 * 100));
    assert_int_equal(feels_like(3000, 0, 900), lround((heat_index_f(86, 0) - 32) / 1.8 * 100)); /* 0 % is known */
    /* The only measured pair that lies on the edge of the simple form: it belongs to the regression. */
    assert_int_equal(feels_like(2683, 3580, 0), lround((heat_index_f(80.294, 35.80001) - 32) / 1.8 * 100));
    assert_int_equal(feels_like(UNKNOWN, 5000, 900), UNKNOWN);
    assert_int_equal(feels_like(20001, 5000, 900), UNKNOWN);
    assert_int_equal(feels_like(-20001, 5000, 900), UNKNOWN);
}

static void rows(void **state)
{
    (void)state;
    struct observation row = {0};
    struct derived derived;
    derive_row(&row, &derived);
    assert_false(derived.has_dew_point || derived.has_vapour_pressure || derived.has_feels_like);
    observation_set(&row, V(TEMPERATURE), 2500);
    observation_set(&row, V(HUMIDITY), 5000);
    derive_row(&row, &derived);
    assert_true(derived.has_dew_point && derived.has_vapour_pressure && derived.has_feels_like);
    assert_int_equal(derived.dew_point_centi_c, 1386);
    assert_int_equal(derived.vapour_pressure_pa, vapour_pressure(1386)); /* of the integer, not of the real */
    assert_int_equal(derived.feels_like_centi_c, 2500);
    observation_set(&row, V(DEW_POINT), -700); /* its own wins */
    derive_row(&row, &derived);
    assert_int_equal(derived.dew_point_centi_c, -700);
    assert_int_equal(derived.vapour_pressure_pa, vapour_pressure(-700));
    observation_set(&row, V(DEW_POINT), 30000); /* known, but derives nothing */
    derive_row(&row, &derived);
    assert_true(derived.has_dew_point);
    assert_false(derived.has_vapour_pressure);
}

/* Whatever comes, a result is a number that fits: the sanitizer would tell. */
static void anything(void **state)
{
    (void)state;
    struct dice dice = {33};
    for (int i = 0; i < 200000; i++) {
        struct observation row = {0};
        const int bits[] = {V(TEMPERATURE), V(HUMIDITY), V(WIND_SPEED), V(DEW_POINT)};
        for (size_t b = 0; b < 4; b++) {
            int32_t wide = dice_between(&dice, INT32_MIN, INT32_MAX);
            if (dice_below(&dice, 4))
                observation_set(&row, bits[b], dice_below(&dice, 3) ? wide % 20002 : wide);
        }
        struct derived derived;
        derive_row(&row, &derived);
        if (derived.has_vapour_pressure)
            assert_in_range(derived.vapour_pressure_pa, 0, 1743475);
        assert_true(!derived.has_vapour_pressure || derived.has_dew_point);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_dew_points),
        cmocka_unit_test(golden_vapour_pressures),
        cmocka_unit_test(golden_wind_chills),
        cmocka_unit_test(golden_heat_indices),
        cmocka_unit_test(golden_humidices),
        cmocka_unit_test(degree_days),
        cmocka_unit_test(integers),
        cmocka_unit_test(feels_like_of_cold),
        cmocka_unit_test(feels_like_of_heat),
        cmocka_unit_test(rows),
        cmocka_unit_test(humidity_undoes_the_dew_point),
        cmocka_unit_test(golden_station_pressures),
        cmocka_unit_test(humidity_of_integers),
        cmocka_unit_test(anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
