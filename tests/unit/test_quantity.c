/* The tables of names, units and scales: complete, without doubles, and in step with the generated enums. */
#include "observation.h"
#include "quantity.h"

#include "window.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void every_metric_has_a_row(void **state)
{
    (void)state;
    assert_int_equal(QUANTITY_COUNT, isobar__v1__metric__descriptor.n_values);
    assert_null(quantity_get(0));
    assert_null(quantity_get(-1));
    assert_null(quantity_get(QUANTITY_COUNT));
    for (int32_t metric = 1; metric < QUANTITY_COUNT; metric++) {
        const struct quantity *quantity = quantity_get(metric);
        assert_non_null(quantity);
        assert_int_equal(quantity->metric, metric);
        assert_ptr_equal(quantity_by_name(quantity->name), quantity); /* so no two have one name */
        assert_in_range(quantity->value_bit, 0, OBSERVATION_VALUES - 1);
        const struct value_kind *kind = value_kind_get(quantity->value_bit);
        assert_int_equal(quantity->scale, kind->scale);
        assert_string_equal(quantity->unit, kind->unit);
    }
    assert_null(quantity_by_name("metric"));
    assert_null(quantity_by_name(""));
}

static void names_follow_the_enum(void **state)
{
    (void)state;
    /* METRIC_WIND_SPEED is wind_speed: the page and the API would notice late. */
    for (int32_t metric = 1; metric < QUANTITY_COUNT; metric++) {
        const char *name = isobar__v1__metric__descriptor.values[metric].name;
        assert_int_equal(isobar__v1__metric__descriptor.values[metric].value, metric);
        assert_int_equal(strncmp(name, "METRIC_", 7), 0);
        assert_int_equal(strcasecmp(name + 7, quantity_get(metric)->name), 0);
    }
    assert_int_equal(isobar__v1__value__descriptor.n_values, OBSERVATION_VALUES);
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        assert_int_equal(strcasecmp(isobar__v1__value__descriptor.values[bit].name, value_kind_get(bit)->name), 0);
}

static void units(void **state)
{
    (void)state;
    const struct {
        const char *name, *unit;
        int32_t scale;
    } rows[] = {{"temperature", "degC", 100}, {"humidity", "%", 100},    {"pressure_sea_level", "hPa", 100},
                {"wind_speed", "m/s", 100},   {"rain_rate", "mm", 1000}, {"visibility", "m", 1},
                {"cloud", "%", 100},          {"snow_rate", "mm", 1000}, {"dew_point", "degC", 100}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(quantity_by_name(rows[i].name)->unit, rows[i].unit);
        assert_int_equal(quantity_by_name(rows[i].name)->scale, rows[i].scale);
    }
    assert_int_equal(value_kind_get(ISOBAR__V1__VALUE__WIND_DIRECTION)->scale, 100);
    assert_string_equal(value_kind_get(ISOBAR__V1__VALUE__PM2_5)->unit, "ug/m3");
    assert_string_equal(value_kind_get(ISOBAR__V1__VALUE__CONDITION)->unit, "");
    /* Rain falls into rain_rate, and pressures stay apart. */
    assert_int_equal(quantity_by_name("rain_rate")->value_bit, ISOBAR__V1__VALUE__RAIN);
    assert_int_equal(quantity_by_name("pressure_station")->value_bit, ISOBAR__V1__VALUE__PRESSURE_STATION);
}

static void providers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < isobar__v1__provider__descriptor.n_values; i++) {
        int32_t code = isobar__v1__provider__descriptor.values[i].value;
        assert_int_equal(strcmp(provider_name(code), "unknown") == 0, code == 0);
    }
    assert_string_equal(provider_name(ISOBAR__V1__PROVIDER__OPENWEATHERMAP), "openweathermap");
    assert_string_equal(provider_name(ISOBAR__V1__PROVIDER__SIMULATED), "simulated");
    assert_string_equal(provider_name(ISOBAR__V1__PROVIDER__RECORDED), "recorded");
    assert_string_equal(provider_name(-1), "unknown");
    assert_string_equal(provider_name(4711), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_has_a_row),
        cmocka_unit_test(names_follow_the_enum),
        cmocka_unit_test(units),
        cmocka_unit_test(providers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
