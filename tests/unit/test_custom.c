/* Metrics of the operator's own: what may be defined, looking it up, and what things are called then. */
#include "custom.h"
#include "quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const struct custom soil = {.name = "soil_moisture",
                                   .unit = "m\302\263/m\302\263",
                                   .scale = 1000,
                                   .combine = CUSTOM_MEAN,
                                   .has_minimum = true,
                                   .has_maximum = true,
                                   .maximum = 1000};

static struct custom_set sample(void)
{
    struct custom_set set = {0};
    set.list[0] = soil;
    set.list[15] = (struct custom){.name = "x", .scale = 1, .combine = CUSTOM_LAST};
    return set;
}

static void assert_sound(const struct custom_set *set)
{
    for (int number = 0; number < CUSTOM_COUNT; number++)
        if (custom_get(set, number))
            assert_null(custom_fault(set, number));
}

static void sound_ones(void **state)
{
    (void)state;
    struct custom_set set = {0};
    assert_sound(&set); /* none at all */
    set = sample();
    assert_sound(&set);
    for (int32_t scale = 1; scale <= CUSTOM_SCALE_MAX; scale *= 10) {
        set.list[0].scale = scale;
        assert_sound(&set);
    }
    strcpy(set.list[0].name, "a1234567890123456789012345678_z9"); /* 32 */
    strcpy(set.list[0].unit, "123456789012345");
    set.list[0].minimum = set.list[0].maximum = -5;
    assert_sound(&set);
}

/* A good set with one thing wrong. */
static void refused(const char *name, const char *unit, int32_t scale, int combine, const char *reason)
{
    struct custom_set set = sample();
    struct custom *custom = &set.list[7];
    custom->scale = scale;
    custom->combine = (enum custom_combine)combine;
    memcpy(custom->name, name, strnlen(name, sizeof custom->name)); /* without the end when it is too long */
    memcpy(custom->unit, unit, strnlen(unit, sizeof custom->unit));
    const char *fault = custom_fault(&set, 7);
    if (!fault || !strstr(fault, reason))
        fail_msg("%s: %s", name, fault ? fault : "sound");
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"1a",  "_a",       "A",   "a-b", "a b",
                                        "a\n", "\xc3\xa4", "a.b", "aB",  "a\"",
                                        "a,b", "=a",       "a/b", " a",  "a123456789012345678901234567890_33"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        refused(names[i], "", 1, CUSTOM_MEAN, "a name is");
    static const char *const taken[] = {"temperature", "vapour_pressure", "pm2_5",   "custom_3",           "condition",
                                        "rain",        "wind_direction",  "humidex", "feels_like_provider"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        refused(taken[i], "", 1, CUSTOM_MEAN, "always there");
    refused("soil_moisture", "", 1, CUSTOM_MEAN, "another one");
    static const char *const units[] = {"1234567890123456", "a\n",      "\x1f", "\x7f",
                                        "\xc2\x80",         "\xc2\x9f", "\xff", "\xc2"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        refused("good", units[i], 1, CUSTOM_MEAN, "a unit is");
    static const int32_t scales[] = {0, -1, -10, 2, 11, 20, 10000000, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        refused("good", "", scales[i], CUSTOM_MEAN, "a scale is");
    refused("good", "", 1, CUSTOM_LAST + 1, "combined by");
    refused("good", "", 1, -1, "combined by");

    struct custom_set set = sample();
    set.list[0].maximum = -1;
    assert_string_equal(custom_fault(&set, 0), "the minimum is above the maximum");
    set.list[0].has_minimum = false;
    assert_sound(&set);
}

static void lookups(void **state)
{
    (void)state;
    struct custom_set set = sample();
    assert_ptr_equal(custom_get(&set, 0), &set.list[0]);
    assert_ptr_equal(custom_get(&set, 15), &set.list[15]);
    assert_null(custom_get(&set, 1));
    assert_null(custom_get(&set, -1));
    assert_null(custom_get(&set, CUSTOM_COUNT));
    assert_int_equal(custom_find(&set, "soil_moisture"), 0);
    assert_int_equal(custom_find(&set, "x"), 15);
    assert_int_equal(custom_find(&set, ""), -1); /* not one that is not defined */
    assert_int_equal(custom_find(&set, "soil"), -1);
    enum custom_combine combine = CUSTOM_MEAN;
    for (int i = CUSTOM_MEAN; i <= CUSTOM_LAST; i++) {
        assert_true(custom_combine_parse(custom_combine_name((enum custom_combine)i), &combine));
        assert_int_equal(combine, i);
    }
    assert_false(custom_combine_parse("average", &combine));
    assert_int_equal(combine, CUSTOM_LAST);
}

static void assert_label(bool known, const struct label *label, const char *name, const char *unit, int32_t scale)
{
    assert_true(known);
    assert_string_equal(label->name, name);
    assert_string_equal(label->unit, unit);
    assert_int_equal(label->scale, scale);
}

static void labels(void **state)
{
    (void)state;
    struct custom_set set = sample();
    struct label label;
    assert_label(custom_metric_label(&set, 1, &label), &label, "temperature", "degC", 100);
    assert_label(custom_metric_label(&set, QUANTITY_CUSTOM, &label), &label, soil.name, soil.unit, 1000);
    assert_label(custom_metric_label(&set, QUANTITY_CUSTOM + 3, &label), &label, "custom_3", "", 1);
    assert_label(custom_metric_label(&set, QUANTITY_CUSTOM + 15, &label), &label, "x", "", 1);
    assert_label(custom_value_label(&set, ISOBAR__V1__VALUE__RAIN, &label), &label, "rain", "mm", 1000);
    assert_label(custom_value_label(&set, OBSERVATION_CUSTOM, &label), &label, soil.name, soil.unit, 1000);
    assert_label(custom_value_label(&set, OBSERVATION_CUSTOM + 4, &label), &label, "custom_4", "", 1);
    assert_false(custom_metric_label(&set, 0, &label));
    assert_false(custom_metric_label(&set, 31, &label));
    assert_false(custom_metric_label(&set, 48, &label));
    assert_false(custom_metric_label(&set, INT32_MAX, &label));
    assert_false(custom_value_label(&set, 24, &label));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_ones),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(lookups),
        cmocka_unit_test(labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
