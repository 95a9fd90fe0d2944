/* A loop under test that runs a little at a time, and timers that note when they fire. */
#ifndef ISOBAR_TEST_LOOP_TICK_H
#define ISOBAR_TEST_LOOP_TICK_H

#include "clock.h"
#include "loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define LIMIT_MS 20000

struct tick {
    struct loop *loop;
    struct loop_timer *timer;
    int *order;
    int *count;
    int number;
    struct tick *victim; /* freed or cancelled by the callback */
    int64_t set_ms, delay_ms, fired_ms;
};

static inline void on_tick(void *arg)
{
    struct tick *tick = arg;
    tick->fired_ms = clock_monotonic_ms();
    tick->order[(*tick->count)++] = tick->number;
}

static inline void stop(void *arg)
{
    loop_stop(arg);
}

/* Runs the loop until `delay_ms` from now. */
static inline void run_for(struct loop *loop, int64_t delay_ms)
{
    struct loop_timer *end = loop_timer_new(loop, stop, loop);
    loop_timer_set(end, delay_ms, 0);
    assert_int_equal(loop_run(loop), 0);
    loop_timer_free(end);
}

/* Runs the loop a little at a time until `*count` is at least `least`. */
static inline void run_until_count(struct loop *loop, const int *count, int least)
{
    int64_t limit = clock_monotonic_ms() + LIMIT_MS;
    while (*count < least) {
        assert_true(clock_monotonic_ms() < limit);
        run_for(loop, 1);
    }
}

#endif
