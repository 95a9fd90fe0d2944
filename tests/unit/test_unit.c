/* Numbers with units as metrics' integers: exact where they are decimal, and what is no number. */
#include "../../ctl/unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LIMIT 100000000

static void numbers_are_converted(void **state)
{
    static const struct {
        const char *metric, *unit, *text;
        bool difference;
        int32_t value;
    } rows[] = {
        {"temperature", "", "4.0", false, 400},
        {"temperature", "degC", "-12.34", false, -1234},
        {"temperature", "degC", "0.285", false, 29}, /* half away from zero, in decimal */
        {"temperature", "degC", "-0.285", false, -29},
        {"temperature", "degC", "0.284999", false, 28},
        {"temperature", "degC", "-0.0", false, 0},
        {"temperature", "degF", "32", false, 0},
        {"temperature", "degF", "-40", false, -4000},
        {"temperature", "degF", "212", false, 10000},
        {"temperature", "degF", "9", true, 500}, /* a deviation has no offset */
        {"temperature", "K", "273.15", false, 0},
        {"pressure_sea_level", "", "1016.6", false, 101660},
        {"pressure_sea_level", "Pa", "101325", false, 101325},
        {"pressure_sea_level", "mbar", "1000", false, 100000},
        {"pressure_sea_level", "inHg", "29.92", false, 101321},
        {"wind_speed", "km/h", "36", false, 1000},
        {"wind_speed", "mph", "10", false, 447},
        {"wind_speed", "kn", "10", false, 514},
        {"wind_speed", "m/s", "3.8", false, 380},
        {"visibility", "km", "9.999", false, 9999},
        {"visibility", "mi", "1", false, 1609},
        {"rain_rate", "in", "0.1", false, 2540},
        {"humidity", "%", "55", false, 5500},
        {"temperature", "", "999999.99", false, 99999999},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct quantity *quantity = quantity_by_name(rows[i].metric);
        const struct unit *unit = unit_find(quantity, rows[i].unit);
        int32_t value = -1;
        assert_non_null(unit);
        assert_true(unit_read(unit, quantity, rows[i].text, rows[i].difference, LIMIT, &value));
        if (value != rows[i].value)
            fail_msg("%s %s: %d, not %d", rows[i].text, rows[i].unit, value, rows[i].value);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const rows[] = {"",    "-",   ".",          "1.",        ".5",         "+1",
                                       "1e3", "1,5", " 1",         "1 ",        "1.5.5",      "0x10",
                                       "nan", "--1", "1234567890", "1.1234567", "1000000.01", "-1000000.01"};
    const struct quantity *quantity = quantity_by_name("temperature");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t value = 77;
        if (unit_read(unit_find(quantity, ""), quantity, rows[i], false, LIMIT, &value))
            fail_msg("\"%s\" passes as %d", rows[i], value);
        assert_int_equal(value, 77);
    }
}

static void units_belong_to_metrics(void **state)
{
    (void)state;
    assert_null(unit_find(quantity_by_name("temperature"), "hPa"));
    assert_null(unit_find(quantity_by_name("temperature"), "degc"));
    assert_null(unit_find(quantity_by_name("wind_speed"), "degF"));
    assert_non_null(unit_find(quantity_by_name("air_quality_index"), ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_converted),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(units_belong_to_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
