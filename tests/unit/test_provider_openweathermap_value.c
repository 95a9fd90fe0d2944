/* Numbers of OpenWeatherMap's payloads: units, rounding, and what a value cannot hold. */
#include "../../fetcher/provider_openweathermap_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#define NONE INT32_MIN

static void check(double number, enum openweathermap_scale scale, enum openweathermap_units units, int32_t expected)
{
    int32_t value = NONE;
    bool good = openweathermap_value(number, scale, units, &value);
    assert_int_equal(good, expected != NONE);
    assert_int_equal(value, expected);
}

static void numbers_become_scaled_integers(void **state)
{
    static const struct {
        double number;
        enum openweathermap_scale scale;
        int32_t value;
    } rows[] = {
        {21.5, OPENWEATHERMAP_TEMPERATURE, 2150}, {-0.004, OPENWEATHERMAP_TEMPERATURE, 0},
        {-0.005, OPENWEATHERMAP_TEMPERATURE, -1}, {3.456, OPENWEATHERMAP_SPEED, 346},
        {1013.25, OPENWEATHERMAP_HPA, 101325},    {55, OPENWEATHERMAP_PERCENT, 5500},
        {359.99, OPENWEATHERMAP_DEGREES, 35999},  {359.995, OPENWEATHERMAP_DEGREES, 0},
        {360, OPENWEATHERMAP_DEGREES, 0},         {0.1, OPENWEATHERMAP_MM, 100},
        {0.0004, OPENWEATHERMAP_MM, 0},           {8.04, OPENWEATHERMAP_MICROGRAM, 8040},
        {10000, OPENWEATHERMAP_ONE, 10000},       {0, OPENWEATHERMAP_ONE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(rows[i].number, rows[i].scale, OPENWEATHERMAP_METRIC, rows[i].value);
}

static void units_are_those_that_were_asked_for(void **state)
{
    (void)state;
    check(273.15, OPENWEATHERMAP_TEMPERATURE, OPENWEATHERMAP_STANDARD, 0);
    check(50, OPENWEATHERMAP_TEMPERATURE, OPENWEATHERMAP_IMPERIAL, 1000);
    check(1, OPENWEATHERMAP_SPEED, OPENWEATHERMAP_STANDARD, 100);
    check(1, OPENWEATHERMAP_SPEED, OPENWEATHERMAP_IMPERIAL, 45);
    check(1, OPENWEATHERMAP_MM, OPENWEATHERMAP_IMPERIAL, 1000);
    check(1000, OPENWEATHERMAP_HPA, OPENWEATHERMAP_STANDARD, 100000);
}

static void what_a_value_cannot_hold_is_refused(void **state)
{
    static const struct {
        double number;
        enum openweathermap_scale scale;
    } rows[] = {
        {NAN, OPENWEATHERMAP_TEMPERATURE}, {INFINITY, OPENWEATHERMAP_ONE},
        {1e300, OPENWEATHERMAP_HPA},       {-21474836.49, OPENWEATHERMAP_TEMPERATURE},
        {-1, OPENWEATHERMAP_PERCENT},      {100.01, OPENWEATHERMAP_PERCENT},
        {-0.01, OPENWEATHERMAP_DEGREES},   {360.01, OPENWEATHERMAP_DEGREES},
        {-0.01, OPENWEATHERMAP_SPEED},     {-9999, OPENWEATHERMAP_MICROGRAM},
        {-0.001, OPENWEATHERMAP_MM},       {2147484, OPENWEATHERMAP_MM},
        {-1, OPENWEATHERMAP_ONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(rows[i].number, rows[i].scale, OPENWEATHERMAP_METRIC, NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_become_scaled_integers),
        cmocka_unit_test(units_are_those_that_were_asked_for),
        cmocka_unit_test(what_a_value_cannot_hold_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
