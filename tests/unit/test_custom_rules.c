/* Sections [metric NAME] of the rules: what is taken, what is refused, and that the canonical text says the same. */
#include "custom_rules.h"

#include "error.h"
#include "rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define WINDOWS "[windows]\n10m = 2d\n"
#define MOIST   "[metric soil_moisture]\nnumber = 3\nunit = %\nscale = 100\ncombine = mean\nminimum = 0\nmaximum = 99.5\n"

static struct rules rules;

static int parse(const char *text, struct buf *error)
{
    struct buf whole = BUF_EMPTY;
    buf_printf(&whole, WINDOWS "%s", text);
    int status = rules_parse(&rules, whole.data, whole.size, error);
    buf_release(&whole);
    return status;
}

static void refused(const char *text, const char *reason)
{
    struct buf error = BUF_EMPTY;
    assert_int_equal(parse(text, &error), ERR_INVALID);
    if (!strstr(error.data, reason))
        fail_msg("\"%s\" does not say \"%s\"", error.data, reason);
    buf_release(&error);
}

static void a_section_defines_a_metric(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY;
    assert_int_equal(parse(MOIST, &error), 0);
    const struct custom *custom = custom_get(&rules.customs, 3);
    assert_non_null(custom);
    assert_string_equal(custom->name, "soil_moisture");
    assert_string_equal(custom->unit, "%");
    assert_int_equal(custom->scale, 100);
    assert_int_equal(custom->combine, CUSTOM_MEAN);
    assert_true(custom->has_minimum && custom->has_maximum);
    assert_int_equal(custom->minimum, 0);
    assert_int_equal(custom->maximum, 9950);
    assert_null(custom_get(&rules.customs, 0));
    /* what is plausible is quality control's as well */
    int value = OBSERVATION_CUSTOM + 3;
    assert_true(rules.quality.ranged >> value & 1);
    assert_int_equal(rules.quality.minimum[value], 0);
    assert_int_equal(rules.quality.maximum[value], 9950);
    assert_false(rules.quality.ranged >> (value + 1) & 1);
    buf_release(&error);
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY;
    assert_int_equal(parse("[metric geiger]\nnumber = 15\nminimum = -0\n", &error), 0);
    const struct custom *custom = custom_get(&rules.customs, 15);
    assert_string_equal(custom->unit, "");
    assert_int_equal(custom->scale, 1);
    assert_int_equal(custom->combine, CUSTOM_MEAN);
    assert_true(custom->has_minimum && !custom->has_maximum);
    assert_int_equal(rules.quality.maximum[OBSERVATION_CUSTOM + 15], INT32_MAX);
    buf_release(&error);
}

static void the_range_may_stand_before_its_scale(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY;
    assert_int_equal(parse("[metric level]\nminimum = -1.25\nscale = 1000\nnumber = 0\n", &error), 0);
    assert_int_equal(custom_get(&rules.customs, 0)->minimum, -1250);
    buf_release(&error);
}

static void the_canonical_text_says_the_same(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY, first = BUF_EMPTY, again = BUF_EMPTY;
    assert_int_equal(parse("[metric b]\nnumber = 2\ncombine = last\nmaximum = 7\n" MOIST
                           "[alert dry]\nmetric = soil_moisture\nbelow = 12.5\n",
                           &error),
                     0);
    struct rules before = rules;
    rules_print(&rules, &first);
    assert_int_equal(rules_parse(&rules, first.data, first.size, &error), 0);
    rules_print(&rules, &again);
    assert_string_equal(first.data, again.data);
    assert_memory_equal(&before.customs, &rules.customs, sizeof rules.customs);
    assert_memory_equal(&before.quality, &rules.quality, sizeof rules.quality);
    assert_non_null(strstr(first.data, "[metric soil_moisture]\nnumber = 3\nunit = %\nscale = 100\ncombine = mean\n"
                                       "minimum = 0\nmaximum = 99.5\n"));
    buf_release(&error);
    buf_release(&first);
    buf_release(&again);
}

static void an_alert_knows_the_metric_by_its_name_and_unit(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY;
    assert_int_equal(parse("[alert dry]\nmetric = soil_moisture\nbelow = 12.5\n" MOIST, &error), 0);
    assert_int_equal(rules.alerts.count, 1);
    assert_int_equal(rules.alerts.rules[0].metric, 32 + 3);
    assert_int_equal(rules.alerts.rules[0].threshold, 1250);
    assert_string_equal(rules.alerts.rules[0].unit, "%");
    refused("[alert dry]\nmetric = soil_moisture\nbelow = 12.5\n", "alert dry: there is no such metric");
    buf_release(&error);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"[metric x]\nunit = %\n", "line 3: metric x: number is missing"},
        {"[metric x]\nnumber = 16\n", "line 4: number is \"16\": a number from 0 to 15 wanted"},
        {"[metric x]\nnumber = -1\n", "line 4: number is \"-1\""},
        {"[metric x]\nnumber = 1\nnumber = 1\n", "line 5: number is there twice in [metric x]"},
        {"[metric x]\nnumber = 1\n[metric y]\nnumber = 1\n", "line 5: metric y: another metric has the same number"},
        {"[metric x]\nnumber = 1\nscale = 20\n", "line 3: metric x: a scale is a power of ten"},
        {"[metric x]\nnumber = 1\nscale = 0\n", "metric x: a scale is a power of ten"},
        {"[metric x]\nnumber = 1\nscale = 10000000\n", "line 5: scale is \"10000000\""},
        {"[metric x]\nnumber = 1\ncombine = median\n",
         "line 5: combine is \"median\": mean, sum, minimum, maximum or last"},
        {"[metric x]\nnumber = 1\ncolour = red\n", "line 5: unknown key \"colour\" in [metric x]"},
        {"[metric x]\nnumber = 1\nmaximum = 0.5\n", "line 3: metric x: 0.5 is no number that its scale of 1 can hold"},
        {"[metric x]\nnumber = 1\nmaximum = many\n", "metric x: many is no number"},
        {"[metric x]\nnumber = 1\nminimum = 3\nmaximum = 2\n", "line 3: metric x: the minimum is above the maximum"},
        {"[metric x]\nnumber = 1\nminimum =\n", "line 5: minimum is \"\": a number wanted"},
        {"[metric x]\n", "line 3: metric x: number is missing"},
        {"[alert x]\n", "x"},
        {"[metric temperature]\nnumber = 1\n", "that of a metric that is always there"},
        {"[metric ]\nnumber = 1\n", "a name of 1 to 32 characters wanted"},
        {"[metric Big]\nnumber = 1\n", "a name is a small letter"},
        {"[metric abcdefghijklmnopqrstuvwxyz1234567]\nnumber = 1\n", "a name of 1 to 32 characters wanted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].text, cases[i].reason);
}

/* One mistake is told once, and a mistake in one section does not hide another's. */
static void each_mistake_is_told_once(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY;
    assert_int_equal(
        parse("[metric x]\nnumber = 16\nunit = a\n[metric Y]\nnumber = 2\n[metric z]\nnumber = 3\nscale = 3\n", &error),
        ERR_INVALID);
    assert_string_equal(error.data, "line 4: number is \"16\": a number from 0 to 15 wanted\n"
                                    "line 6: metric Y: a name is a small letter and then small letters, digits and _, "
                                    "at most 32\n"
                                    "line 8: metric z: a scale is a power of ten, 1 to 1000000\n");
    buf_release(&error);
}

static void there_are_sixteen(void **state)
{
    (void)state;
    struct buf text = BUF_EMPTY, error = BUF_EMPTY;
    for (int i = 0; i < CUSTOM_COUNT; i++)
        buf_printf(&text, "[metric m%d]\nnumber = %d\n", i, i);
    assert_int_equal(parse(text.data, &error), 0);
    buf_text(&text, "[metric more]\nnumber = 0\n");
    refused(text.data, "there are 16 already");
    buf_release(&text);
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_defines_a_metric),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(the_range_may_stand_before_its_scale),
        cmocka_unit_test(the_canonical_text_says_the_same),
        cmocka_unit_test(an_alert_knows_the_metric_by_its_name_and_unit),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(each_mistake_is_told_once),
        cmocka_unit_test(there_are_sixteen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
