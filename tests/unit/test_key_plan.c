/* The table of plans: every row can be used, and what is no plan is told with those there are. */
#include "key_plan.h"

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void every_row_can_be_used(void **state)
{
    (void)state;
    size_t count = 0;
    const struct key_plan *plans = key_plans(&count);
    assert_true(count >= 6);
    for (size_t i = 0; i < count; i++) {
        struct limits limits;
        struct buf error = BUF_EMPTY, text = BUF_EMPTY;
        const struct key_plan *found = NULL;
        assert_int_equal(
            key_plan_limits(plans[i].account, plans[i].name, strlen(plans[i].name), &limits, &found, &error), 0);
        assert_ptr_equal(found, &plans[i]);
        assert_ptr_equal(key_plan_find(plans[i].account, plans[i].name), &plans[i]);
        limits_print(&limits, &text);
        assert_string_equal(text.data, plans[i].limits);
        assert_true(*plans[i].source);
        buf_release(&text);
    }
}

static void the_free_plans(void **state)
{
    (void)state;
    assert_string_equal(key_plan_find("openweathermap", "free")->limits, "60/m,1000000/mo");
    assert_non_null(strstr(key_plan_find("openweathermap", "free")->source, "unverified"));
    assert_string_equal(key_plan_find("open-meteo", "free")->limits, "600/m,5000/h,10000/d");
    assert_string_equal(key_plan_find("metar", "free")->limits, "100/m");
    assert_non_null(strstr(key_plan_find("metar", "free")->source, "unverified"));
    assert_null(key_plan_find("open-meteo", "startup"));
    assert_null(key_plan_find("", ""));
}

static void limits_written_out_are_taken(void **state)
{
    (void)state;
    struct limits limits;
    struct buf error = BUF_EMPTY;
    const struct key_plan *plan = key_plan_find("replay", "unlimited");
    assert_int_equal(key_plan_limits("any", "5/h", 3, &limits, &plan, &error), 0);
    assert_null(plan);
    assert_int_equal(limits.units[LIMIT_HOUR], 5);
    assert_int_equal(key_plan_limits("any", "unlimited", 9, &limits, NULL, &error), 0);
    assert_true(limits_unlimited(&limits));
}

static void check_error(const char *account, const char *text, const char *part)
{
    struct limits limits;
    struct buf error = BUF_EMPTY;
    assert_int_equal(key_plan_limits(account, text, strlen(text), &limits, NULL, &error), ERR_INVALID);
    if (!strstr(error.data, part))
        fail_msg("'%s' is told as: %s", text, error.data);
    buf_release(&error);
}

static void what_is_no_plan_is_told(void **state)
{
    (void)state;
    check_error("openweathermap", "gratis", "free, startup, developer, professional");
    check_error("elsewhere", "free", "open-meteo=free");
    check_error("openweathermap", "", "neither");
    check_error("openweathermap", "a\x1bz\xff", "'a?z?'"); /* what is shown of it is tame */
    check_error("openweathermap", "60/x", "'60/x'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_can_be_used),
        cmocka_unit_test(the_free_plans),
        cmocka_unit_test(limits_written_out_are_taken),
        cmocka_unit_test(what_is_no_plan_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
