/* Numbers with units as metrics' integers: exact where they are decimal, and what is no number. */
#include "../../ctl/unit.h"

#include "quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

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
        {"temperature", "", "1.1234567", false, 112},
        {"temperature", "", "12.300000000000001", false, 1230}, /* as programs print 12.3 */
        {"temperature", "", "0.28500000000000000000000000001", false, 29},
        {"temperature", "", "1e3", false, 100000},
        {"temperature", "", "-1.25E-01", false, -13},
        {"temperature", "", "1e-400", false, 0},
        {"temperature", "", "0e3", false, 0},
        {"temperature", "degF", "68", false, 2000},
        {"temperature", "degF", "0.509", false, -1750},  /* -17.495 */
        {"temperature", "degF", "0.5091", false, -1749}, /* and a little more */
        {"temperature", "degF", "0.5089", false, -1750},
        {"temperature", "degF", "32.009", false, 1}, /* a half of 0.01 */
        {"temperature", "degF", "31.991", false, -1},
        {"temperature", "degF", "32.0089999999999", false, 0},
        {"temperature", "°F", "32", false, 0},
        {"temperature", "°C", "21.5", false, 2150},
        {"temperature", "K", "273.155", false, 1},
        {"temperature", "K", "273.145", false, -1},
        {"temperature", "K", "0", false, -27315},
        {"pressure_sea_level", "kPa", "101.325", false, 101325},
        {"pressure_sea_level", "mmHg", "760", false, 101325},
        {"pressure_sea_level", "inHg", "30", false, 101592},
        {"wind_speed", "km/h", "0.018", false, 1}, /* half a cm/s */
        {"wind_speed", "km/h", "0.0179999", false, 0},
        {"wind_speed", "ft/s", "1", false, 30},
        {"wind_speed", "mph", "123456.7", false, 5519008},
        {"visibility", "ft", "1000", false, 305},
        {"rain_rate", "cm", "0.15", false, 1500},
        {"rain_rate", "l/m2", "0.0005", false, 1},
        {"humidity", "1", "0.555", false, 5550},
        {"cloud", "okta", "3", false, 3750},
        {"pm2_5", "mg/m3", "0.0123456", false, 12346},
        {"pm2_5", "ng/m3", "12.5", false, 13},
        {"pm2_5", "µg/m³", "7", false, 7000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct quantity *quantity = quantity_by_name(rows[i].metric);
        const struct unit *unit = unit_find(quantity->unit, rows[i].unit);
        int32_t value = -1;
        assert_non_null(unit);
        assert_true(unit_read(unit, quantity->scale, rows[i].text, rows[i].difference, LIMIT, &value));
        if (value != rows[i].value)
            fail_msg("%s %s: %d, not %d", rows[i].text, rows[i].unit, value, rows[i].value);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const rows[] = {
        "",           "-",          ".",     "1.",    ".5",     "+1",   "1e",
        "1,5",        " 1",         "1 ",    "1.5.5", "0x10",   "nan",  "--1",
        "1234567890", "1e-",        "1e+ 1", "e5",    "1e1000", "1e19", "99999999999999999999",
        "1000000.01", "-1000000.01"};
    const struct quantity *quantity = quantity_by_name("temperature");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t value = 77;
        if (unit_read(unit_find(quantity->unit, ""), quantity->scale, rows[i], false, LIMIT, &value))
            fail_msg("\"%s\" passes as %d", rows[i], value);
        assert_int_equal(value, 77);
    }
}

static void units_belong_to_metrics(void **state)
{
    (void)state;
    assert_null(unit_find(quantity_by_name("temperature")->unit, "hPa"));
    assert_null(unit_find(quantity_by_name("temperature")->unit, "degc"));
    assert_null(unit_find(quantity_by_name("wind_speed")->unit, "degF"));
    assert_non_null(unit_find(quantity_by_name("air_quality_index")->unit, ""));
    assert_null(unit_find("", "degF")); /* a metric without unit has no other one either */
    struct buf names = BUF_EMPTY;
    unit_names("degC", &names);
    assert_string_equal(names.data, "degC, degF, K, °C, °F");
    buf_reset(&names);
    unit_names("", &names);
    assert_string_equal(names.data, "");
    unit_names("kWh", &names); /* the operator's own */
    assert_string_equal(names.data, "kWh");
    buf_release(&names);
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
