/* When all calls stop, and when they go on, on a virtual clock. */
#include "../../fetcher/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define NOW INT64_C(1000000)

static int setup(void **state)
{
    static struct gate gate;
    gate_init(&gate, 1);
    *state = &gate;
    return 0;
}

static void test_it_is_open_at_first(void **state)
{
    struct gate *gate = *state;
    assert_true(gate_allows(gate, NOW, 0));
    assert_true(gate_allows(gate, NOW, 100));
    assert_false(gate_answered(gate, NOW));
    assert_string_equal(gate_state_name(gate->state), "open");
}

static void test_a_refused_key_stops_all_and_is_tried_slower_and_slower(void **state)
{
    struct gate *gate = *state;
    int64_t now = NOW, before = 0;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(gate_key_refused(gate, now, now), i == 0);
        int64_t wait = gate->until_ms - now;
        assert_in_range(wait, 15000, 600000);
        assert_false(gate_allows(gate, gate->until_ms - 1, 0));
        assert_true(gate_allows(gate, gate->until_ms, 0));
        assert_false(gate_allows(gate, gate->until_ms, 1)); /* one at a time */
        before = i == 9 ? wait : before;
        now = gate->until_ms;
    }
    assert_true(before >= 300000); /* a new key takes up to two hours: no more than some 20 calls in that time */
    assert_true(gate_answered(gate, now));
    assert_true(gate_allows(gate, now, 50));
}

static void test_calls_under_way_neither_open_nor_prolong(void **state)
{
    struct gate *gate = *state;
    gate_key_refused(gate, NOW - 100, NOW);
    int64_t until = gate->until_ms;
    int attempt = gate->attempt;
    for (int i = 0; i < 7; i++)
        assert_false(gate_key_refused(gate, NOW - 50, NOW + 100 + i));
    assert_int_equal(gate->until_ms, until);
    assert_int_equal(gate->attempt, attempt);
    assert_false(gate_answered(gate, NOW - 10));
    assert_int_equal(gate->state, GATE_KEY_REFUSED);
    assert_false(gate_host_failed(gate, 7, NOW - 10, NOW + 10, -1));
    assert_false(gate_rate_limited(gate, NOW - 10, NOW + 10, 3600000));
    assert_int_equal(gate->until_ms, until);
}

static void test_retry_after_is_kept_to(void **state)
{
    struct gate *gate = *state;
    assert_true(gate_rate_limited(gate, NOW, NOW, 8000));
    assert_in_range(gate->until_ms, NOW + 8000, NOW + 9000);
    /* A second answer of the same burst that wants longer is believed, one that wants less is not. */
    assert_false(gate_rate_limited(gate, NOW, NOW + 10, 20000));
    assert_in_range(gate->until_ms, NOW + 20010, NOW + 21010);
    assert_false(gate_rate_limited(gate, NOW, NOW + 20, 0));
    assert_in_range(gate->until_ms, NOW + 20010, NOW + 21010);
}

static void test_no_server_stops_us_for_longer_than_a_day(void **state)
{
    struct gate *gate = *state;
    gate_rate_limited(gate, NOW, NOW, INT64_MAX / 4);
    assert_in_range(gate->until_ms - NOW, 86400000, 86401000);
}

static void test_without_retry_after_it_is_a_minute_and_more_each_time(void **state)
{
    struct gate *gate = *state;
    int64_t now = NOW, wait = 0;
    for (int i = 0; i < 12; i++) {
        gate_rate_limited(gate, now, now, -1);
        wait = gate->until_ms - now;
        assert_in_range(wait, 60000, 3601000);
        if (i == 0)
            assert_true(wait <= 121000);
        now = gate->until_ms;
    }
    assert_true(wait >= 1800000);
    /* One answer is not yet peace: the next refusal goes on where the last one stopped. */
    assert_true(gate_answered(gate, now));
    assert_true(gate_rate_limited(gate, now + 1, now + 1, -1));
    assert_true(gate->until_ms - now > 1800000);
    /* Two are. */
    now = gate->until_ms;
    assert_true(gate_answered(gate, now));
    assert_false(gate_answered(gate, now + 1));
    gate_rate_limited(gate, now + 2, now + 2, -1);
    assert_true(gate->until_ms - now <= 121002);
}

static void test_one_bad_place_stops_nobody(void **state)
{
    struct gate *gate = *state;
    for (int i = 0; i < 100; i++)
        assert_false(gate_host_failed(gate, 7, NOW + i, NOW + i, -1));
    for (int i = 0; i < 100; i++)
        assert_false(gate_host_failed(gate, 7 + i % 2, NOW + i, NOW + i, -1));
    assert_int_equal(gate->state, GATE_OPEN);
}

static void test_a_success_in_between_forgives(void **state)
{
    struct gate *gate = *state;
    for (int i = 0; i < 100; i++) {
        assert_false(gate_host_failed(gate, i, NOW + i, NOW + i, -1));
        if (i % 4 == 3)
            gate_answered(gate, NOW + i);
    }
    assert_int_equal(gate->state, GATE_OPEN);
}

static void test_a_failing_host_is_probed_with_one_call_at_a_time(void **state)
{
    struct gate *gate = *state;
    int64_t now = NOW, wait = 0;
    for (int i = 0; i < GATE_HOST_FAILURES - 1; i++)
        assert_false(gate_host_failed(gate, i, now, now, -1));
    assert_true(gate_host_failed(gate, 99, now, now, -1));
    assert_int_equal(gate->state, GATE_HOST_FAILING);
    assert_false(gate_allows(gate, now, 0));
    for (int i = 0; i < 12; i++) {
        assert_true(gate_allows(gate, gate->until_ms, 0));
        assert_false(gate_allows(gate, gate->until_ms, 1));
        now = gate->until_ms;
        assert_false(gate_host_failed(gate, 3, now, now + 50, -1));
        wait = gate->until_ms - now - 50;
        assert_in_range(wait, 500, 60000);
    }
    assert_true(wait >= 30000);
    assert_true(gate_answered(gate, gate->until_ms));
    assert_int_equal(gate->state, GATE_OPEN);
    assert_int_equal(gate->failures, 0);
}

static void test_a_server_that_says_how_long_is_believed_at_once(void **state)
{
    struct gate *gate = *state;
    assert_true(gate_host_failed(gate, 7, NOW, NOW, 30000));
    assert_int_equal(gate->state, GATE_HOST_FAILING);
    assert_int_equal(gate->until_ms, NOW + 30000);
}

/* A probe that fails in the network tells nothing about the key: the reason stays. */
static void test_the_reason_stays_when_a_probe_fails_otherwise(void **state)
{
    struct gate *gate = *state;
    gate_key_refused(gate, NOW, NOW);
    int64_t now = gate->until_ms;
    assert_false(gate_host_failed(gate, 7, now, now, -1));
    assert_int_equal(gate->state, GATE_KEY_REFUSED);
    assert_true(gate->until_ms > now);
    now = gate->until_ms;
    assert_true(gate_rate_limited(gate, now, now, 5000)); /* another reason is news */
    assert_int_equal(gate->state, GATE_RATE_LIMITED);
}

/* Another fetcher was refused: closed as long, tried again as after a refusal of one's own. */
static void test_what_another_was_told(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate, 1);
    assert_true(gate_told(&gate, 1000, 60000));
    assert_int_equal(gate.state, GATE_RATE_LIMITED);
    assert_in_range(gate.until_ms, 61000, 62000);
    assert_false(gate_told(&gate, 2000, 59000)); /* the same once more, a little later */
    assert_true(gate.until_ms <= 62000);
    assert_false(gate_told(&gate, 3000, 100000));
    assert_in_range(gate.until_ms, 103000, 104000);
    assert_false(gate_allows(&gate, 102000, 0));
    assert_true(gate_allows(&gate, 104001, 0));
    assert_false(gate_allows(&gate, 104001, 1));
    assert_true(gate_answered(&gate, 104001));
    assert_true(gate_told(&gate, 200000, INT64_MAX / 2)); /* nobody stops us for longer than a day */
    assert_true(gate.until_ms <= 200000 + INT64_C(86401000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_another_was_told),
        cmocka_unit_test_setup(test_it_is_open_at_first, setup),
        cmocka_unit_test_setup(test_a_refused_key_stops_all_and_is_tried_slower_and_slower, setup),
        cmocka_unit_test_setup(test_calls_under_way_neither_open_nor_prolong, setup),
        cmocka_unit_test_setup(test_retry_after_is_kept_to, setup),
        cmocka_unit_test_setup(test_no_server_stops_us_for_longer_than_a_day, setup),
        cmocka_unit_test_setup(test_without_retry_after_it_is_a_minute_and_more_each_time, setup),
        cmocka_unit_test_setup(test_one_bad_place_stops_nobody, setup),
        cmocka_unit_test_setup(test_a_success_in_between_forgives, setup),
        cmocka_unit_test_setup(test_a_failing_host_is_probed_with_one_call_at_a_time, setup),
        cmocka_unit_test_setup(test_a_server_that_says_how_long_is_believed_at_once, setup),
        cmocka_unit_test_setup(test_the_reason_stays_when_a_probe_fails_otherwise, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
