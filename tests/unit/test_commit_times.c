/* How long the newest commits took. */
#include "../../worker/commit_times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_is_known_before_the_first(void **state)
{
    struct commit_times times = {0};
    (void)state;
    assert_int_equal(commit_times_quantile(&times, 500), -1);
    commit_times_note(&times, 7);
    for (int permille = 1; permille <= 1000; permille += 37)
        assert_int_equal(commit_times_quantile(&times, permille), 7);
}

static void quantiles_are_those_of_what_is_kept(void **state)
{
    struct commit_times times = {0};
    (void)state;
    for (int i = 100; i >= 1; i--)
        commit_times_note(&times, i);
    assert_int_equal(commit_times_quantile(&times, 500), 50);
    assert_int_equal(commit_times_quantile(&times, 501), 51);
    assert_int_equal(commit_times_quantile(&times, 990), 99);
    assert_int_equal(commit_times_quantile(&times, 1), 1);
    assert_int_equal(commit_times_quantile(&times, 1000), 100);
}

static void old_commits_do_not_count(void **state)
{
    struct commit_times times = {0};
    (void)state;
    for (int i = 0; i < 1000; i++)
        commit_times_note(&times, 5000);
    for (int i = 0; i < COMMIT_TIMES_KEPT - 1; i++)
        commit_times_note(&times, 3);
    assert_int_equal(commit_times_quantile(&times, 990), 3);
    assert_int_equal(commit_times_quantile(&times, 1000), 5000);
    commit_times_note(&times, 3);
    assert_int_equal(commit_times_quantile(&times, 1000), 3);
}

static void what_no_clock_says_is_bounded(void **state)
{
    struct commit_times times = {0};
    (void)state;
    commit_times_note(&times, -5);
    assert_int_equal(commit_times_quantile(&times, 1000), 0);
    commit_times_note(&times, INT64_MAX);
    assert_int_equal(commit_times_quantile(&times, 1000), INT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_the_first),
        cmocka_unit_test(quantiles_are_those_of_what_is_kept),
        cmocka_unit_test(old_commits_do_not_count),
        cmocka_unit_test(what_no_clock_says_is_bounded),
    };
    return cmocka_run_group_tests_name("commit_times", tests, NULL, NULL);
}
