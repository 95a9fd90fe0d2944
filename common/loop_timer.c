/*
 * The loop's timers (loop.h): a binary heap ordered by due time, then by when they were armed. A wheel would make
 * arming O(1), but a program has tens of timers and the heap's order is exact.
 */
#include "loop_internal.h"

#include "clock.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>

#define TIMERS_AT_MOST_MS 50

struct loop_timer {
    struct loop *loop;
    int64_t due_ms, period_ms;
    uint64_t number; /* of its arming, ever growing */
    size_t place;    /* in the heap, from 1; 0: not armed */
    bool dead;
    loop_fn *fn;
    void *arg;
    struct loop_timer *next_dead;
};

static void heap_put(struct loop *loop, size_t place, struct loop_timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

static bool before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

static void heap_up(struct loop *loop, size_t place)
{
    struct loop_timer *timer = loop->heap[place];
    for (; place > 1 && before(timer, loop->heap[place / 2]); place /= 2)
        heap_put(loop, place, loop->heap[place / 2]);
    heap_put(loop, place, timer);
}

static void heap_down(struct loop *loop, size_t place)
{
    struct loop_timer *timer = loop->heap[place];
    for (size_t child; (child = place * 2) <= loop->timer_count; place = child) {
        if (child < loop->timer_count && before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (before(timer, loop->heap[child]))
            break;
        heap_put(loop, place, loop->heap[child]);
    }
    heap_put(loop, place, timer);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = mem_alloc(sizeof *timer);
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
    return timer;
}

void loop_timer_cancel(struct loop_timer *timer)
{
    struct loop *loop = timer->loop;
    size_t place = timer->place;
    if (place == 0)
        return;
    timer->place = 0;
    struct loop_timer *last = loop->heap[loop->timer_count--];
    if (last != timer) {
        heap_put(loop, place, last);
        heap_up(loop, place);
        heap_down(loop, last->place);
    }
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms, int64_t period_ms)
{
    struct loop *loop = timer->loop;
    assert(!timer->dead);
    loop_timer_cancel(timer);
    /* The clock is read anew: a round may have taken long since now_ms. */
    timer->due_ms = clock_monotonic_ms() + (delay_ms > 0 ? delay_ms : 0);
    timer->period_ms = period_ms;
    timer->number = ++loop->timers_armed;
    if (loop->timer_count + 1 >= loop->timer_capacity) {
        loop->timer_capacity = loop->timer_capacity ? loop->timer_capacity * 2 : 16;
        loop->heap = mem_grow(loop->heap, loop->timer_capacity, sizeof(struct loop_timer *));
    }
    heap_put(loop, ++loop->timer_count, timer);
    heap_up(loop, timer->place);
}

bool loop_timer_armed(const struct loop_timer *timer)
{
    return timer->place != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    assert(!timer->dead);
    loop_timer_cancel(timer);
    timer->dead = true;
    timer->next_dead = timer->loop->dead_timers;
    timer->loop->dead_timers = timer;
}

/* Runs what was due and armed before; a timer armed inside a callback sorts after those and waits for the next round.
 */
void loop_timers_run(struct loop *loop)
{
    int64_t now = loop->now_ms;
    uint64_t last = loop->timers_armed;
    while (loop->timer_count && loop->heap[1]->due_ms <= now && loop->heap[1]->number <= last) {
        struct loop_timer *timer = loop->heap[1];
        if (timer->period_ms > 0)
            loop_timer_set(timer, timer->period_ms, timer->period_ms);
        else
            loop_timer_cancel(timer);
        loop->now_ms = clock_monotonic_ms();
        timer->fn(timer->arg);
        if (loop->stopped || clock_monotonic_ms() - now > TIMERS_AT_MOST_MS)
            return; /* descriptors get their turn */
    }
}

void loop_timers_wait(struct loop *loop)
{
    if (loop->timer_count)
        loop_wait_at_most(loop, loop->heap[1]->due_ms - clock_monotonic_ms());
}

void loop_timers_bury(struct loop *loop)
{
    while (loop->dead_timers) {
        struct loop_timer *timer = loop->dead_timers;
        loop->dead_timers = timer->next_dead;
        free(timer);
    }
}

void loop_timers_release(struct loop *loop)
{
    while (loop->timer_count)
        loop_timer_free(loop->heap[1]);
    loop_timers_bury(loop);
    free(loop->heap);
}
