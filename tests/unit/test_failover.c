/* Which source a city's readings come from, on a virtual clock. */
#include "../../fetcher/failover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define START  (1000 * MINUTE)

static const struct failover_rules rules = {
    .sources = 3, .stale_ms = {45 * MINUTE, 60 * MINUTE, 90 * MINUTE}, .back_ms = 20 * MINUTE};

static int64_t now;
static struct failover city;

static int begin(void **state)
{
    (void)state;
    now = START;
    city = (struct failover){0};
    return 0;
}

/* One poll of each source that is polled, as `good` has a bit for, and what follows; minutes pass before. */
static bool poll(unsigned good, int64_t minutes)
{
    now += minutes * MINUTE;
    for (int32_t i = 0; i < rules.sources && failover_polls(&city, i); i++) {
        if (good >> i & 1)
            failover_answered(&city, &rules, i, 5 * MINUTE, now);
        else
            failover_failed(&city, i);
    }
    return failover_decide(&city, &rules, now);
}

static void polls(unsigned good, int count)
{
    for (int i = 0; i < count; i++)
        (void)poll(good, 10);
}

static void the_first_is_used_while_it_answers(void **state)
{
    (void)state;
    polls(7, 100);
    assert_int_equal(city.in_use, 0);
    assert_int_equal(city.since_ms, 0);
    assert_true(failover_polls(&city, 0));
    assert_false(failover_polls(&city, 1));
}

static void a_failure_or_two_change_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        polls(6, FAILOVER_FAILURES - 1);
        polls(7, 1);
        assert_int_equal(city.in_use, 0);
    }
}

static void the_third_failure_takes_the_next(void **state)
{
    (void)state;
    polls(7, 1);
    polls(6, 2);
    assert_true(poll(6, 10));
    assert_int_equal(city.in_use, 1);
    assert_int_equal(city.since_ms, now);
    assert_true(failover_polls(&city, 0) && failover_polls(&city, 1));
    polls(4, FAILOVER_FAILURES); /* the second fails as well */
    assert_int_equal(city.in_use, 2);
}

static void it_comes_back_when_it_is_proven(void **state)
{
    (void)state;
    polls(6, FAILOVER_FAILURES);
    assert_int_equal(city.in_use, 1);
    assert_false(poll(7, 10));
    assert_false(poll(7, 10));
    assert_true(poll(7, 10)); /* three polls, 20 minutes */
    assert_int_equal(city.in_use, 0);
}

static void three_good_polls_in_a_minute_are_not_enough(void **state)
{
    (void)state;
    polls(6, FAILOVER_FAILURES);
    for (int i = 0; i < 20; i++)
        assert_false(poll(7, 1));
    assert_true(poll(7, 1)); /* the 21st, 20 min after the first */
}

static void one_that_comes_and_goes_does_not_flap(void **state)
{
    (void)state;
    polls(6, FAILOVER_FAILURES);
    for (int i = 0; i < 100; i++)
        assert_false(poll(i % 3 == 2 ? 6 : 7, 10));
    assert_int_equal(city.in_use, 1);
}

static void readings_that_are_too_old_count_as_bad(void **state)
{
    (void)state;
    failover_answered(&city, &rules, 0, 5 * MINUTE, now);
    for (int age = 15; age < 45; age += 10) { /* it answers with the same reading again and again */
        now += 10 * MINUTE;
        failover_answered(&city, &rules, 0, age * MINUTE, now);
        assert_false(failover_decide(&city, &rules, now));
    }
    now += 10 * MINUTE;
    failover_answered(&city, &rules, 0, 45 * MINUTE, now);
    assert_true(failover_decide(&city, &rules, now));
    assert_int_equal(city.in_use, 1);
    now += 10 * MINUTE; /* a fresh one is not yet a proof */
    failover_answered(&city, &rules, 0, 5 * MINUTE, now);
    assert_false(failover_decide(&city, &rules, now));
    assert_int_equal(city.of[0].goods, 1);
}

static void silence_makes_it_old(void **state)
{
    (void)state;
    failover_answered(&city, &rules, 0, 5 * MINUTE, now);
    assert_false(failover_decide(&city, &rules, now + 40 * MINUTE - 1));
    assert_true(failover_decide(&city, &rules, now + 40 * MINUTE));
}

static void an_answer_without_a_reading_is_no_reading(void **state)
{
    (void)state;
    failover_answered(&city, &rules, 0, -1, now);
    assert_int_equal(city.of[0].stale_at_ms, 0);
    assert_int_equal(city.of[0].goods, 0);
    assert_false(failover_decide(&city, &rules, now + 1000 * MINUTE)); /* nothing says that it is bad */
}

static void a_place_that_it_does_not_know_is_left_at_once(void **state)
{
    (void)state;
    failover_unknown(&city, 0);
    assert_true(failover_decide(&city, &rules, now));
    assert_int_equal(city.in_use, 1);
}

static void one_that_is_stopped_for_long_is_left_and_its_goods_do_not_count(void **state)
{
    (void)state;
    struct failover_rules shut = rules;
    polls(7, 10);
    shut.open_ms[0] = FAILOVER_SHUT;
    assert_true(failover_decide(&city, &shut, now));
    assert_int_equal(city.in_use, 1);
    shut.open_ms[0] = now + 5 * MINUTE;
    assert_false(failover_decide(&city, &shut, now + 5 * MINUTE));
    now += 25 * MINUTE;
    failover_answered(&city, &shut, 0, 5 * MINUTE, now);
    assert_true(failover_decide(&city, &shut, now));
    assert_int_equal(city.in_use, 0);
}

static void when_all_are_bad_nothing_changes_and_the_first_to_recover_is_taken(void **state)
{
    (void)state;
    polls(0, 3 * FAILOVER_FAILURES);
    assert_int_equal(city.in_use, 2);
    polls(0, 50);
    assert_int_equal(city.in_use, 2);
    assert_true(poll(2, 10)); /* at once: there is nothing better */
    assert_int_equal(city.in_use, 1);
}

static void what_is_not_polled_is_forgotten(void **state)
{
    (void)state;
    polls(6, FAILOVER_FAILURES);
    polls(4, FAILOVER_FAILURES);
    assert_int_equal(city.in_use, 2);
    polls(5, FAILOVER_GOODS);
    assert_int_equal(city.in_use, 0);
    assert_int_equal(city.of[1].failures, 0);
    polls(6, FAILOVER_FAILURES);
    assert_int_equal(city.in_use, 1); /* and not the third because the second once failed */
}

static void one_source_is_always_in_use(void **state)
{
    (void)state;
    struct failover_rules single = rules;
    single.sources = 1;
    for (int i = 0; i < 10; i++)
        failover_failed(&city, 0);
    assert_false(failover_decide(&city, &single, now));
    failover_unknown(&city, 0);
    assert_false(failover_decide(&city, &single, now));
    assert_int_equal(city.in_use, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_is_used_while_it_answers),
        TEST(a_failure_or_two_change_nothing),
        TEST(the_third_failure_takes_the_next),
        TEST(it_comes_back_when_it_is_proven),
        TEST(three_good_polls_in_a_minute_are_not_enough),
        TEST(one_that_comes_and_goes_does_not_flap),
        TEST(readings_that_are_too_old_count_as_bad),
        TEST(silence_makes_it_old),
        TEST(an_answer_without_a_reading_is_no_reading),
        TEST(a_place_that_it_does_not_know_is_left_at_once),
        TEST(one_that_is_stopped_for_long_is_left_and_its_goods_do_not_count),
        TEST(when_all_are_bad_nothing_changes_and_the_first_to_recover_is_taken),
        TEST(what_is_not_polled_is_forgotten),
        TEST(one_source_is_always_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
