/* The queue of events (sim.h): a binary heap by time, then by number. What comes to a paused process waits beside it.
 */
#include "sim.h"

#include "mem.h"

#include <stdlib.h>

#define WAITING SIZE_MAX /* place of an event that waits for its process */

static struct event **heap;
static size_t count, capacity;
static uint64_t numbers;

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void put(size_t place, struct event *event)
{
    heap[place] = event;
    event->place = place;
}

static void up(size_t place)
{
    struct event *event = heap[place];
    for (; place > 1 && before(event, heap[place / 2]); place /= 2)
        put(place, heap[place / 2]);
    put(place, event);
}

static void down(size_t place)
{
    struct event *event = heap[place];
    for (size_t child; (child = place * 2) <= count; place = child) {
        if (child < count && before(heap[child + 1], heap[child]))
            child++;
        if (before(event, heap[child]))
            break;
        put(place, heap[child]);
    }
    put(place, event);
}

static void forget_waiting(struct event *event)
{
    struct node *node = event->node;
    size_t at = 0;
    while (node->waiting[at] != event)
        at++;
    for (node->waiting_count--; at < node->waiting_count; at++)
        node->waiting[at] = node->waiting[at + 1];
}

void event_cancel(struct event *event)
{
    size_t place = event->place;
    event->place = 0;
    if (place == WAITING)
        forget_waiting(event);
    if (place == 0 || place == WAITING)
        return;
    struct event *last = heap[count--];
    if (last != event) {
        put(place, last);
        up(place);
        down(last->place);
    }
}

void event_at(struct event *event, int64_t at_ms)
{
    event_cancel(event);
    event->at_ms = at_ms > world.now_ms ? at_ms : world.now_ms;
    event->number = ++numbers;
    if (count + 2 > capacity) {
        capacity = capacity ? capacity * 2 : 256;
        heap = mem_grow(heap, capacity, sizeof(struct event *));
    }
    put(++count, event);
    up(count);
}

static void wait_for_node(struct event *event)
{
    struct node *node = event->node;
    if (node->waiting_count == node->waiting_capacity) {
        node->waiting_capacity = node->waiting_capacity ? node->waiting_capacity * 2 : 32;
        node->waiting = mem_grow(node->waiting, node->waiting_capacity, sizeof(struct event *));
    }
    node->waiting[node->waiting_count++] = event;
    event->place = WAITING;
}

bool event_run(void)
{
    if (count == 0)
        return false;
    struct event *event = heap[1];
    event_cancel(event);
    world.now_ms = event->at_ms;
    world.current = event->node;
    if (event->node && event->node->paused)
        wait_for_node(event);
    else
        event->fn(event);
    return true;
}

static void wake_some(struct node *node, bool timers)
{
    for (size_t i = 0; i < node->waiting_count; i++) {
        struct event *event = node->waiting[i];
        if (event->timer != timers)
            continue;
        event->place = 0;
        event_at(event, world.now_ms);
    }
}

void event_wake(struct node *node)
{
    bool timers_first = chance(500);
    wake_some(node, timers_first);
    wake_some(node, !timers_first);
    node->waiting_count = 0;
}

void events_clear(void)
{
    while (count > 0) {
        struct event *event = heap[1];
        event_cancel(event);
        if (event->drop)
            event->drop(event);
    }
    free(heap);
    heap = NULL;
    capacity = 0;
    numbers = 0;
}
