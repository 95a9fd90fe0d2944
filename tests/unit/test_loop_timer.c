/* The loop's timers: order, cancelling and freeing inside callbacks, arming anew, periods, and the heap against a
 * model. */
#include "loop.h"

#include "loop_tick.h"
#include "rows.h"

static void timers_fire_in_order(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct loop *loop = loop_new();
    struct tick ticks[COUNT];
    int order[COUNT], count = 0;
    struct dice dice = {23};
    for (int i = 0; i < COUNT; i++) {
        int64_t delay = dice_below(&dice, 60);
        ticks[i] = (struct tick){.loop = loop, .order = order, .count = &count, .number = i, .delay_ms = delay};
        ticks[i].timer = loop_timer_new(loop, on_tick, &ticks[i]);
        assert_false(loop_timer_armed(ticks[i].timer));
        ticks[i].set_ms = clock_monotonic_ms();
        loop_timer_set(ticks[i].timer, delay, 0);
        assert_true(loop_timer_armed(ticks[i].timer));
    }
    for (int i = 0; i < COUNT; i += 3) /* a third is cancelled, from all places of the heap */
        loop_timer_cancel(ticks[i].timer);
    for (int i = 0; i < COUNT; i += 9) { /* some of them are armed again, once more at random */
        ticks[i].delay_ms = 60 + dice_below(&dice, 20);
        ticks[i].set_ms = clock_monotonic_ms();
        loop_timer_set(ticks[i].timer, ticks[i].delay_ms, 0);
    }
    run_for(loop, 150);
    assert_int_equal(count, 200 + 34);
    for (int i = 0; i < count; i++) {
        const struct tick *tick = &ticks[order[i]], *next = i + 1 < count ? &ticks[order[i + 1]] : NULL;
        assert_true(tick->fired_ms >= tick->set_ms + tick->delay_ms);
        assert_false(loop_timer_armed(tick->timer));
        /* Set times of neighbours differ by what arming took; due times never go down. */
        assert_true(!next || tick->fired_ms <= next->fired_ms);
    }
    for (int i = 0; i < COUNT; i++)
        loop_timer_free(ticks[i].timer);
    loop_free(loop);
}

static void equal_times_fire_in_order_of_arming(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct tick ticks[100];
    int order[100], count = 0;
    int64_t start;
    do { /* all in one millisecond */
        count = 0;
        start = clock_monotonic_ms();
        for (int i = 0; i < 100; i++) {
            ticks[i] = (struct tick){.order = order, .count = &count, .number = i};
            ticks[i].timer = loop_timer_new(loop, on_tick, &ticks[i]);
            loop_timer_set(ticks[i].timer, 5, 0);
        }
        if (clock_monotonic_ms() == start)
            break;
        for (int i = 0; i < 100; i++)
            loop_timer_free(ticks[i].timer);
    } while (true);
    loop_timer_set(ticks[7].timer, 5, 0); /* armed anew: last, when still in the same millisecond */
    bool same = clock_monotonic_ms() == start;
    run_for(loop, 30);
    assert_int_equal(count, 100);
    for (int i = 0, expected = 0; i < 99; i++, expected++) {
        expected += expected == 7;
        assert_int_equal(order[i], expected);
    }
    assert_true(!same || order[99] == 7);
    for (int i = 0; i < 100; i++)
        loop_timer_free(ticks[i].timer);
    loop_free(loop);
}

static void on_cancelling(void *arg)
{
    struct tick *tick = arg;
    on_tick(arg);
    loop_timer_cancel(tick->victim->timer);
}

static void on_freeing(void *arg)
{
    struct tick *tick = arg;
    on_tick(arg);
    loop_timer_free(tick->victim->timer);
    tick->victim->timer = NULL;
}

static void callbacks_cancel_and_free(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int order[16], count = 0;
    struct tick ticks[5];
    loop_fn *const fns[5] = {on_cancelling, on_tick, on_freeing, on_tick, on_freeing};
    for (int i = 0; i < 5; i++) {
        ticks[i] = (struct tick){.order = order, .count = &count, .number = i};
        ticks[i].timer = loop_timer_new(loop, fns[i], &ticks[i]);
        loop_timer_set(ticks[i].timer, 0, i == 4 ? 1 : 0); /* all due in the same round */
    }
    ticks[0].victim = &ticks[1];
    ticks[2].victim = &ticks[3];
    ticks[4].victim = &ticks[4]; /* itself, although periodic */
    run_for(loop, 20);
    assert_int_equal(count, 3);
    assert_true(order[0] == 0 && order[1] == 2 && order[2] == 4);
    assert_false(loop_timer_armed(ticks[1].timer));
    assert_null(ticks[3].timer);
    assert_null(ticks[4].timer);
    for (int i = 0; i < 3; i++)
        loop_timer_free(ticks[i].timer);
    loop_timer_free(NULL);
    loop_free(loop);
}

struct again {
    struct loop *loop;
    struct loop_timer *timer;
    int calls, rounds, last_round;
};

static void on_again(void *arg)
{
    struct again *again = arg;
    assert_int_not_equal(again->rounds, again->last_round); /* never twice in a round */
    again->last_round = again->rounds;
    again->calls++;
    loop_timer_set(again->timer, 0, 0);
}

static void on_round(void *arg)
{
    struct again *again = arg;
    again->rounds++;
}

static void a_timer_armed_inside_waits_for_the_next_round(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct again again = {.loop = loop, .last_round = -1};
    again.timer = loop_timer_new(loop, on_again, &again);
    loop_before_wait(loop, on_round, &again);
    loop_timer_set(again.timer, 0, 0);
    run_until_count(loop, &again.calls, 100);
    loop_timer_free(again.timer);
    loop_free(loop);
}

struct slow {
    int64_t started_ms;
    int calls;
};

static void on_slow(void *arg)
{
    struct slow *slow = arg;
    int64_t until = clock_monotonic_ms() + 7;
    while (clock_monotonic_ms() < until) /* longer than its period */
        ;
    slow->calls++;
}

static void a_period_does_not_catch_up(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct slow slow = {0};
    struct loop_timer *timer = loop_timer_new(loop, on_slow, &slow);
    int order[200], count = 0;
    struct tick other = {.order = order, .count = &count};
    other.timer = loop_timer_new(loop, on_tick, &other);
    loop_timer_set(timer, 0, 2);
    loop_timer_set(other.timer, 5, 5);
    int64_t start = clock_monotonic_ms();
    run_until_count(loop, &count, 10); /* the other one gets its turns */
    assert_in_range(slow.calls, 2, (clock_monotonic_ms() - start) / 7 + 1);
    assert_true(loop_timer_armed(timer));
    loop_timer_cancel(timer);
    assert_false(loop_timer_armed(timer));
    loop_timer_cancel(timer);
    slow.calls = 0;
    run_for(loop, 20);
    assert_int_equal(slow.calls, 0);
    loop_timer_free(timer);
    loop_timer_free(other.timer);
    loop_free(loop);
}

/* A model of the heap: thousands of random operations, after each of which exactly the due ones must have fired. */
static void random_timers_agree_with_a_model(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    struct loop *loop = loop_new();
    struct dice dice = {99};
    struct tick ticks[COUNT];
    int order[20000], count = 0, expected = 0;
    bool armed[COUNT] = {false};
    for (int i = 0; i < COUNT; i++) {
        ticks[i] = (struct tick){.order = order, .count = &count, .number = i};
        ticks[i].timer = loop_timer_new(loop, on_tick, &ticks[i]);
    }
    for (int round = 0; round < 4000; round++) {
        int i = (int)dice_below(&dice, COUNT);
        if (dice_below(&dice, 3) == 0) {
            loop_timer_cancel(ticks[i].timer);
            armed[i] = false;
        } else {
            loop_timer_set(ticks[i].timer, 100000 + dice_below(&dice, 1000), 0);
            armed[i] = true;
        }
        assert_int_equal(loop_timer_armed(ticks[i].timer), armed[i]);
    }
    for (int i = 0; i < COUNT; i++) { /* bring all that are armed forward, in a known order */
        if (!armed[i])
            continue;
        expected++;
        loop_timer_set(ticks[i].timer, 0, 0);
    }
    run_for(loop, 20);
    assert_int_equal(count, expected);
    for (int i = 1; i < count; i++)
        assert_true(order[i - 1] < order[i]);
    loop_timer_set(ticks[0].timer, 1000000, 0);
    for (int i = 0; i < COUNT; i++)
        if (i != 0)
            loop_timer_free(ticks[i].timer);
    loop_free(loop); /* frees what is still armed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),       cmocka_unit_test(equal_times_fire_in_order_of_arming),
        cmocka_unit_test(callbacks_cancel_and_free),  cmocka_unit_test(a_timer_armed_inside_waits_for_the_next_round),
        cmocka_unit_test(a_period_does_not_catch_up), cmocka_unit_test(random_timers_agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
