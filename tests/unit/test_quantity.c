/* The tables of names, units and scales: complete, without doubles, and in step with the generated enums. */
#include "observation.h"
#include "quantity.h"

#include "window.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void every_metric_has_a_row(void **state)
{
    (void)state;
    const ProtobufCEnumDescriptor *metrics = &isobar__v1__metric__descriptor;
    assert_int_equal(metrics->values[metrics->n_values - 1].value, QUANTITY_COUNT - 1);
    assert_null(quantity_get(0));
    assert_null(quantity_get(-1));
    assert_null(quantity_get(QUANTITY_COUNT));
    for (int32_t metric = 1; metric < QUANTITY_COUNT; metric++) {
        const struct quantity *quantity = quantity_get(metric);
        if (metric > ISOBAR__V1__METRIC__METRIC_NH3 && metric < QUANTITY_CUSTOM) {
            assert_null(quantity); /* reserved */
            continue;
        }
        assert_non_null(quantity);
        assert_int_equal(quantity->metric, metric);
        assert_ptr_equal(quantity_by_name(quantity->name), quantity); /* so no two have one name */
        assert_in_range(quantity->sketch_shift, 0, 14);
        if (quantity->value_bit < 0)
            continue; /* derived */
        assert_true(OBSERVATION_KNOWN >> quantity->value_bit & 1);
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
    const ProtobufCEnumDescriptor *metrics = &isobar__v1__metric__descriptor, *values = &isobar__v1__value__descriptor;
    for (unsigned i = 1; i < metrics->n_values; i++) {
        const struct quantity *quantity = quantity_get(metrics->values[i].value);
        assert_int_equal(strncmp(metrics->values[i].name, "METRIC_", 7), 0);
        assert_int_equal(strcasecmp(metrics->values[i].name + 7, quantity->name), 0);
    }
    for (unsigned i = 0; i < values->n_values; i++) {
        const char *name = value_kind_get(values->values[i].value)->name;
        if (values->values[i].value == ISOBAR__V1__VALUE__FEELS_LIKE)
            assert_string_equal(name, "feels_like_provider"); /* feels_like is ours */
        else
            assert_int_equal(strcasecmp(values->values[i].name, name), 0);
    }
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        assert_int_equal(value_kind_get(bit)->name != NULL, OBSERVATION_KNOWN >> bit & 1);
    char name[24];
    for (int k = 0; k < CUSTOM_COUNT; k++) {
        snprintf(name, sizeof name, "custom_%d", k);
        assert_string_equal(quantity_get(QUANTITY_CUSTOM + k)->name, name);
        assert_int_equal(quantity_get(QUANTITY_CUSTOM + k)->value_bit, OBSERVATION_CUSTOM + k);
        assert_string_equal(value_kind_get(OBSERVATION_CUSTOM + k)->name, name);
    }
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

/* Half a bucket is what docs/semantics.md promises. */
static void errors_of_quantiles(void **state)
{
    (void)state;
    const struct {
        const char *name;
        double error;
    } rows[] = {{"temperature", 0.16},
                {"feels_like", 0.16},
                {"dew_point", 0.16},
                {"humidity", 0.64},
                {"cloud", 0.64},
                {"pressure_station", .16},
                {"vapour_pressure", 0.08},
                {"wind_speed", 0.08},
                {"wind_gust", 0.08},
                {"rain_rate", 0.064},
                {"visibility", 64},
                {"pm2_5", 0.256},
                {"nh3", 0.256},
                {"co", 8.2},
                {"air_quality_index", .5},
                {"custom_3", .5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct quantity *quantity = quantity_by_name(rows[i].name);
        assert_true((double)(1 << quantity->sketch_shift) / 2 / quantity->scale <= rows[i].error + 1e-9);
    }
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
        cmocka_unit_test(errors_of_quantiles),
        cmocka_unit_test(providers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
