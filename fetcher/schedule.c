/* See schedule.h. A binary heap by due time; items know their place in it. */
#include "schedule.h"

#include "mem.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_SPREAD_MS   10000 /* first polls are spread over so long, or over an interval when that is shorter */
#define DEFER_SPREAD_MS   2000
#define RETRY_BASE_MIN_MS 1000
#define RETRY_BASE_MAX_MS 30000
#define RETRY_BASE_PARTS  20 /* of an interval */
#define REALIGN_PARTS     4  /* of an interval, later at most */
#define BEHIND_PARTS      50 /* of an interval: so little behind its phase is as good as on it */
#define LATE_PARTS        16 /* of an interval: a poll that begins so much later than it was due had to wait for calls */

/* ---- heap ---- */

static void place(struct schedule *schedule, size_t at, struct schedule_item *item)
{
    schedule->heap[at] = item;
    item->at = at;
}

static void sift_up(struct schedule *schedule, size_t at)
{
    struct schedule_item *item = schedule->heap[at];
    while (at > 0 && schedule->heap[(at - 1) / 2]->due_ms > item->due_ms) {
        place(schedule, at, schedule->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(schedule, at, item);
}

static void sift_down(struct schedule *schedule, size_t at)
{
    struct schedule_item *item = schedule->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= schedule->count)
            break;
        if (child + 1 < schedule->count && schedule->heap[child + 1]->due_ms < schedule->heap[child]->due_ms)
            child++;
        if (schedule->heap[child]->due_ms >= item->due_ms)
            break;
        place(schedule, at, schedule->heap[child]);
        at = child;
    }
    place(schedule, at, item);
}

static void push(struct schedule *schedule, struct schedule_item *item, int64_t due_ms)
{
    assert(!item->queued);
    if (schedule->count == schedule->capacity) {
        schedule->capacity = schedule->capacity ? schedule->capacity * 2 : 64;
        schedule->heap = mem_grow(schedule->heap, schedule->capacity, sizeof(struct schedule_item *));
    }
    item->due_ms = due_ms;
    item->queued = true;
    place(schedule, schedule->count++, item);
    sift_up(schedule, item->at);
}

void schedule_remove(struct schedule *schedule, struct schedule_item *item)
{
    if (!item->queued)
        return;
    size_t at = item->at;
    struct schedule_item *last = schedule->heap[--schedule->count];
    item->queued = false;
    if (last == item)
        return;
    place(schedule, at, last);
    sift_up(schedule, at);
    sift_down(schedule, last->at);
}

/* ---- times ---- */

void schedule_init(struct schedule *schedule, int64_t interval_ms, int64_t epoch_ms, uint64_t seed)
{
    *schedule = (struct schedule){.interval_ms = interval_ms, .epoch_ms = epoch_ms};
    jitter_init(&schedule->jitter, seed);
}

void schedule_release(struct schedule *schedule)
{
    free(schedule->heap);
    schedule->heap = NULL;
    schedule->count = schedule->capacity = 0;
}

/* A number in [0, bound) that depends on the city alone. */
static int64_t phase_of(int64_t city_id, int64_t bound)
{
    struct jitter hash;
    jitter_init(&hash, (uint64_t)city_id + 1);
    return jitter_below(&hash, bound);
}

/* How long after `at_ms` the city's next phase begins. */
static int64_t until_phase(const struct schedule *schedule, const struct schedule_item *item, int64_t at_ms)
{
    int64_t behind = (at_ms + schedule->epoch_ms - item->phase_ms) % schedule->interval_ms;
    behind = behind < 0 ? behind + schedule->interval_ms : behind;
    return behind == 0 ? 0 : schedule->interval_ms - behind;
}

/* One interval after the last start; later by up to a part of it when the city is off its phase. */
static int64_t regular_ms(const struct schedule *schedule, const struct schedule_item *item)
{
    int64_t earliest = item->begun_ms + schedule->interval_ms, part = schedule->interval_ms / REALIGN_PARTS;
    int64_t wait = until_phase(schedule, item, earliest);
    if (wait > schedule->interval_ms - schedule->interval_ms / BEHIND_PARTS)
        return earliest;
    return earliest + (wait < part ? wait : part);
}

static bool follows(const struct schedule *schedule, const struct schedule_item *item)
{
    return schedule->floor_ms > 0 && (rhythm_known(&item->rhythm) || item->rhythm.quiet >= RHYTHM_QUIET);
}

static struct rhythm_limits limits_of(const struct schedule *schedule)
{
    return (struct rhythm_limits){.floor_ms = schedule->floor_ms, .cadence_ms = schedule->interval_ms};
}

/* By the city's rhythm when it is known, else regularly. Rhythms live on the wall time of the start. */
static int64_t next_ms(const struct schedule *schedule, const struct schedule_item *item)
{
    if (!follows(schedule, item))
        return regular_ms(schedule, item);
    struct rhythm_limits limits = limits_of(schedule);
    bool late = item->begun_ms - item->due_ms > schedule->interval_ms / LATE_PARTS;
    int64_t due = rhythm_next(&item->rhythm, &limits, item->begun_ms + schedule->epoch_ms, late);
    if (schedule->together_ms)
        due += schedule->together_ms - 1 - (due - 1) % schedule->together_ms;
    return due - schedule->epoch_ms;
}

void schedule_follow(struct schedule *schedule, int64_t floor_ms, int64_t together_ms)
{
    schedule->together_ms = together_ms;
    schedule->floor_ms = floor_ms < schedule->interval_ms ? floor_ms : schedule->interval_ms;
}

void schedule_saw(struct schedule *schedule, struct schedule_item *item, int64_t observed_at_ms)
{
    if (schedule->floor_ms == 0)
        return;
    struct rhythm_limits limits = limits_of(schedule);
    schedule->outcomes[rhythm_saw(&item->rhythm, &limits, observed_at_ms, item->begun_ms + schedule->epoch_ms)]++;
}

void schedule_forget(struct schedule_item *item)
{
    item->rhythm = (struct rhythm){0};
}

/*
 * First polls come in the order of the phases: of a shard that another process had, those cities whose time has just
 * come, or came while nobody had it, have the oldest readings. When calls are scarce the others wait.
 */
static int64_t first_wait(const struct schedule *schedule, const struct schedule_item *item, int64_t now_ms)
{
    int64_t missed = schedule->interval_ms / BEHIND_PARTS;
    return (int64_t)((double)until_phase(schedule, item, now_ms - missed) * FIRST_SPREAD_MS /
                     (double)schedule->interval_ms);
}

void schedule_add(struct schedule *schedule, struct schedule_item *item, int64_t city_id, int64_t now_ms)
{
    item->phase_ms = phase_of(city_id, schedule->interval_ms);
    if (item->polled || item->attempt || item->parks) {
        push(schedule, item,
             item->due_ms > item->begun_ms + schedule->interval_ms ? item->due_ms : next_ms(schedule, item));
    } else if (schedule->interval_ms <= FIRST_SPREAD_MS) {
        push(schedule, item, now_ms + until_phase(schedule, item, now_ms));
    } else {
        push(schedule, item, now_ms + first_wait(schedule, item, now_ms));
    }
}

int64_t schedule_due_ms(const struct schedule *schedule)
{
    return schedule->count ? schedule->heap[0]->due_ms : INT64_MAX;
}

/* From a place in the heap downwards: what is below one that is not due is not, either. */
static int64_t count_from(const struct schedule *schedule, size_t at, int64_t by_ms, int64_t most)
{
    if (most <= 0 || at >= schedule->count || schedule->heap[at]->due_ms > by_ms)
        return 0;
    int64_t count = 1 + count_from(schedule, 2 * at + 1, by_ms, most - 1);
    return count + count_from(schedule, 2 * at + 2, by_ms, most - count);
}

int64_t schedule_count(const struct schedule *schedule, int64_t by_ms, int64_t most)
{
    return count_from(schedule, 0, by_ms, most);
}

struct schedule_item *schedule_next(const struct schedule *schedule)
{
    return schedule->count ? schedule->heap[0] : NULL;
}

void schedule_begin(struct schedule *schedule, struct schedule_item *item, int64_t now_ms)
{
    assert(item->queued);
    schedule_remove(schedule, item);
    item->begun_ms = now_ms;
}

bool schedule_joins(const struct schedule *schedule, const struct schedule_item *item, int64_t ahead_ms, int64_t now_ms)
{
    if (item->due_ms <= now_ms || item->due_ms > now_ms + ahead_ms || schedule->floor_ms == 0)
        return item->due_ms <= now_ms + ahead_ms;
    return !follows(schedule, item) && (!item->polled || now_ms - item->begun_ms >= schedule->floor_ms);
}

struct schedule_item *schedule_take(struct schedule *schedule, int64_t now_ms)
{
    if (schedule_due_ms(schedule) > now_ms)
        return NULL;
    struct schedule_item *item = schedule_next(schedule);
    schedule_begin(schedule, item, now_ms);
    return item;
}

void schedule_polled(struct schedule *schedule, struct schedule_item *item, int64_t now_ms)
{
    item->polled = true;
    item->attempt = item->parks = 0;
    int64_t due = next_ms(schedule, item);
    if (follows(schedule, item))
        schedule->put_off_ms += due - item->begun_ms - schedule->interval_ms;
    push(schedule, item, due > now_ms ? due : now_ms); /* an answer may take longer than an interval */
}

void schedule_failed(struct schedule *schedule, struct schedule_item *item, int64_t now_ms)
{
    int64_t base = schedule->interval_ms / RETRY_BASE_PARTS;
    base = base < RETRY_BASE_MIN_MS ? RETRY_BASE_MIN_MS : base > RETRY_BASE_MAX_MS ? RETRY_BASE_MAX_MS : base;
    int64_t wait = jitter_backoff_ms(&schedule->jitter, item->attempt, base, schedule->interval_ms);
    if (item->attempt < INT32_MAX)
        item->attempt++;
    push(schedule, item, now_ms + SCHEDULE_RETRY_MIN_MS + wait);
}

void schedule_park(struct schedule *schedule, struct schedule_item *item, int64_t now_ms)
{
    int64_t intervals = SCHEDULE_PARK_FIRST;
    for (int i = 0; i < item->parks && intervals < SCHEDULE_PARK_LAST; i++)
        intervals *= 2;
    intervals = intervals < SCHEDULE_PARK_LAST ? intervals : SCHEDULE_PARK_LAST;
    int64_t wait = intervals * schedule->interval_ms;
    if (item->parks < INT32_MAX)
        item->parks++;
    push(schedule, item, now_ms + wait - jitter_below(&schedule->jitter, wait / 10));
}

void schedule_defer(struct schedule *schedule, struct schedule_item *item, int64_t until_ms)
{
    push(schedule, item, until_ms + jitter_below(&schedule->jitter, DEFER_SPREAD_MS));
}

bool schedule_parked(const struct schedule_item *item)
{
    return item->parks > 0;
}
