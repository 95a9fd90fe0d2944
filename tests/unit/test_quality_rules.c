/* The section [quality]: every key set and printed back, numbers exactly, and what is refused. */
#include "error.h"
#include "quality_rules.h"
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct quality_limits limits;
static struct buf out;

static int begin(void **state)
{
    (void)state;
    quality_defaults(&limits);
    buf_init(&out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

/* What is printed of the limits, as the section has it. */
static const char defaults[] = "range_temperature = -80..60\n"
                               "range_pressure_sea_level = 500..1100\n"
                               "range_pressure_station = 500..1100\n"
                               "range_humidity = 0..100\n"
                               "range_dew_point = -80..35\n"
                               "range_wind_speed = 0..75\n"
                               "range_wind_direction = 0..359.99\n"
                               "range_wind_gust = 0..75\n"
                               "range_rain = 0..500\n"
                               "range_snow = 0..500\n"
                               "range_cloud = 0..100\n"
                               "range_visibility = 0..\n"
                               "range_air_quality_index = 0..\n"
                               "range_pm2_5 = 0..\n"
                               "range_pm10 = 0..\n"
                               "range_no2 = 0..\n"
                               "range_o3 = 0..\n"
                               "range_so2 = 0..\n"
                               "range_co = 0..\n"
                               "range_nh3 = 0..\n"
                               "step_temperature = 4/7/9/15/25\n"
                               "step_dew_point = 4/6/8/12/20\n"
                               "step_humidity = none\n"
                               "step_pressure_sea_level = 3/6/9/18/36\n"
                               "step_pressure_station = 3/6/9/18/36\n"
                               "jump_temperature = 19.4\n"
                               "jump_dew_point = none\n"
                               "jump_humidity = 50\n"
                               "jump_pressure_sea_level = 10\n"
                               "jump_pressure_station = 10\n"
                               "persistence_temperature = 0.1\n"
                               "persistence_dew_point = none\n"
                               "persistence_humidity = 1\n"
                               "persistence_pressure_sea_level = 0.1\n"
                               "persistence_pressure_station = 0.1\n"
                               "persistence_wind = 0.5\n"
                               "persistence_direction = 10\n"
                               "persistence_time = 6h\n"
                               "persistence_count = 12\n"
                               "consistency_temperature = on\n"
                               "consistency_dew_point = on\n"
                               "consistency_wind = on\n"
                               "consistency_precipitation = on\n"
                               "dew_point_excess = 0.5\n"
                               "snow_temperature = 7\n";

/* Sets each line of the text. */
static void set_all(struct quality_limits *into, const char *text)
{
    char line[128];
    for (size_t size; *text; text += size + 1) {
        size = strcspn(text, "\n");
        assert_true(size < sizeof line);
        memcpy(line, text, size);
        line[size] = '\0';
        char *value = strstr(line, " = ");
        *value = '\0';
        int key = quality_rules_find(line);
        assert_in_range(key, 0, QUALITY_KEYS - 1);
        if (quality_rules_set(into, key, value + 3, &out) != 0)
            fail_msg("%s: %s", line, out.data);
    }
}

static void the_defaults_are_printed_and_set_back(void **state)
{
    (void)state;
    struct quality_limits none = {0};
    quality_rules_print(&limits, &out);
    assert_string_equal(out.data, defaults);
    set_all(&none, defaults);
    assert_memory_equal(&none, &limits, sizeof limits);
}

static void no_limits_are_printed_and_set_back(void **state)
{
    (void)state;
    struct quality_limits none = {.stillness = {.least_ms = 60000, .least_count = 2}};
    struct buf text = BUF_EMPTY;
    quality_rules_print(&none, &text);
    assert_non_null(strstr(text.data, "range_co = none\n"));
    assert_non_null(strstr(text.data, "consistency_wind = off\n"));
    set_all(&limits, text.data);
    assert_memory_equal(&limits, &none, sizeof limits);
    buf_release(&text);
}

static int set(const char *name, const char *value)
{
    buf_reset(&out);
    return quality_rules_set(&limits, quality_rules_find(name), value, &out);
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t minimum, maximum;
    } ranges[] = {{"-0.05..0.05", -5, 5},      {"-273.15..", -27315, INT32_MAX},
                  {"..-0", INT32_MIN, 0},      {"1..1", 100, 100},
                  {"01.10..1.1000", 110, 110}, {"-21474836.48..21474836.47", INT32_MIN, INT32_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        assert_int_equal(set("range_temperature", ranges[i].text), 0);
        assert_int_equal(limits.minimum[0], ranges[i].minimum);
        assert_int_equal(limits.maximum[0], ranges[i].maximum);
    }
    assert_int_equal(set("range_rain", "0.001..0.5"), 0); /* three places, as its column has */
    assert_int_equal(limits.minimum[ISOBAR__V1__VALUE__RAIN], 1);
    assert_int_equal(limits.maximum[ISOBAR__V1__VALUE__RAIN], 500);
    assert_int_equal(set("step_humidity", "1/0/0.5/0/99.99"), 0);
    assert_int_equal(limits.step[ISOBAR__V1__QUALITY_GROUP__GROUP_HUMIDITY][4], 9999);
    assert_int_equal(limits.step[ISOBAR__V1__QUALITY_GROUP__GROUP_HUMIDITY][1], 0);
}

static void what_is_no_value_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *values[12];
    } cases[] = {
        {"range_temperature",
         {"", "..", "5", "5..4", "a..b", "1...2", "0.001..1", "1..21474836.48", "--1..2", "1.5", "-..1", "1 ..2"}},
        {"range_visibility", {"0.5..", "99999999999999999999..", "..2147483648"}},
        {"step_temperature", {"", "4", "4/7/9/15", "4/7/9/15/25/1", "4/7/9/15/-1", "4/7//15/25", "/4/7/9/15", "none "}},
        {"jump_temperature", {"", "0", "-1", "1.", ".5", "1.234", "x", "1e3", "None"}},
        {"persistence_direction", {"0", "wide"}},
        {"persistence_time", {"", "6", "59s", "366d", "none"}},
        {"persistence_count", {"1", "1000001", "1.5", ""}},
        {"consistency_wind", {"", "yes", "ON"}},
        {"snow_temperature", {"", "none", "7C"}},
    };
    const struct quality_limits before = limits;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t k = 0; k < 12 && cases[i].values[k]; k++) {
            if (set(cases[i].name, cases[i].values[k]) != ERR_INVALID)
                fail_msg("%s = %s was taken", cases[i].name, cases[i].values[k]);
            assert_true(out.size > 0);
            assert_memory_equal(&limits, &before, sizeof limits);
        }
    }
}

static void other_names_are_no_keys(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",          "range_",          "range_feels_like", "range_condition", "range_custom_0",
        "jump_wind", "step_temperatur", "temperature",      "RANGE_rain"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(quality_rules_find(names[i]), -1);
}

/* Whatever limits can be set come back from what is printed. */
static void random_limits_survive(void **state)
{
    (void)state;
    struct dice dice = {9};
    for (int round = 0; round < 300; round++) {
        struct quality_limits back = {0};
        struct buf text = BUF_EMPTY;
        for (int value = 0; value < OBSERVATION_CUSTOM; value++) {
            int32_t low = dice_between(&dice, INT32_MIN, INT32_MAX), high = dice_between(&dice, low, INT32_MAX);
            if (limits.ranged >> value & 1)
                quality_set_range(&limits, value, low, high);
        }
        for (int group = 0; group < QUALITY_PAST_GROUPS; group++) {
            limits.jump[group] = dice_between(&dice, 0, 2) * dice_between(&dice, 0, 1000000);
            for (int i = 0; i < QUALITY_STEPS; i++)
                limits.step[group][i] = dice_between(&dice, 0, INT32_MAX);
        }
        limits.snow_centi_c = dice_between(&dice, INT32_MIN, INT32_MAX);
        quality_rules_print(&limits, &text);
        set_all(&back, text.data);
        assert_memory_equal(&back, &limits, sizeof limits);
        buf_release(&text);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_defaults_are_printed_and_set_back),
        TEST(no_limits_are_printed_and_set_back),
        TEST(numbers_are_exact),
        TEST(what_is_no_value_is_refused),
        TEST(other_names_are_no_keys),
        TEST(random_limits_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
