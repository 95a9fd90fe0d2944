/* When cities are polled, on a virtual clock: spread, never faster than the interval, retries, parked places, order. */
#include "../../fetcher/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define START    INT64_C(5000000)
#define EPOCH    INT64_C(1790000000000)
#define INTERVAL INT64_C(600000)
#define CITIES   600

struct world {
    struct schedule schedule;
    struct schedule_item items[CITIES];
};

static int setup(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    schedule_init(&world.schedule, INTERVAL, EPOCH, 1);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    schedule_release(&world->schedule);
    return 0;
}

static void add(struct world *world, int count, int64_t now)
{
    for (int i = 0; i < count; i++)
        schedule_add(&world->schedule, &world->items[i], 1000000 + i * 7919, now);
}

/* The next poll: jumps to when it is due. */
static struct schedule_item *next(struct world *world, int64_t *now)
{
    int64_t due = schedule_due_ms(&world->schedule);
    assert_true(due != INT64_MAX);
    *now = due > *now ? due : *now;
    struct schedule_item *item = schedule_take(&world->schedule, *now);
    assert_non_null(item);
    return item;
}

static void test_nothing_is_due_without_cities(void **state)
{
    struct world *world = *state;
    assert_int_equal(schedule_due_ms(&world->schedule), INT64_MAX);
    assert_null(schedule_take(&world->schedule, START));
}

static void test_first_polls_come_soon_and_all_of_them(void **state)
{
    struct world *world = *state;
    int64_t now = START;
    add(world, CITIES, START);
    for (int i = 0; i < CITIES; i++)
        next(world, &now);
    assert_true(now - START <= 10000);
    assert_true(now - START >= 9000); /* and not at once */
    assert_int_equal(world->schedule.count, 0);
}

static void test_no_city_is_polled_faster_than_the_interval_or_much_slower(void **state)
{
    struct world *world = *state;
    static int64_t last[CITIES];
    int64_t now = START;
    memset(last, 0, sizeof last);
    add(world, CITIES, START);
    while (now < START + 20 * INTERVAL) {
        struct schedule_item *item = next(world, &now);
        size_t index = (size_t)(item - world->items);
        if (last[index])
            assert_in_range(now - last[index], INTERVAL, INTERVAL + INTERVAL / 4 + 10000);
        last[index] = now;
        schedule_polled(&world->schedule, item, now + 300);
    }
}

/* After some rounds the polls of any minute are a tenth of the cities, however they began. */
static void test_polls_are_spread_evenly(void **state)
{
    struct world *world = *state;
    int64_t now = START;
    int minutes[10] = {0};
    add(world, CITIES, START);
    while (now < START + 10 * INTERVAL)
        schedule_polled(&world->schedule, next(world, &now), now);
    int64_t from = now;
    while (now < from + INTERVAL) {
        struct schedule_item *item = next(world, &now);
        if (now < from + INTERVAL)
            minutes[(now - from) / (INTERVAL / 10)]++;
        schedule_polled(&world->schedule, item, now);
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(minutes[i], 36, 84); /* 60 on average, phases are hashes */
}

static void test_a_phase_is_the_same_in_every_process(void **state)
{
    struct world *world = *state;
    struct schedule other;
    struct schedule_item item = {0};
    int64_t now = START, skew = 12345678; /* another monotonic clock */
    schedule_init(&other, INTERVAL, EPOCH - skew, 99);
    add(world, 1, START);
    schedule_add(&other, &item, 1000000, START + skew);
    int64_t there = START + skew;
    for (int i = 0; i < 6; i++) {
        schedule_polled(&world->schedule, next(world, &now), now);
        int64_t due = schedule_due_ms(&other);
        assert_ptr_equal(schedule_take(&other, due), &item);
        there = due;
        schedule_polled(&other, &item, due);
    }
    assert_int_equal(world->items[0].due_ms + EPOCH, item.due_ms + EPOCH - skew);
    assert_int_equal((item.due_ms + EPOCH - skew - item.phase_ms) % INTERVAL, 0);
    assert_true(there > START + skew);
    schedule_release(&other);
}

/* A delay of a millisecond at each poll must not push a city off its phase by more and more. */
static void test_small_delays_do_not_add_up_to_a_missed_round(void **state)
{
    struct world *world = *state;
    add(world, 1, START);
    for (int i = 0; i < 1000; i++) {
        int64_t begun = schedule_due_ms(&world->schedule) + 2;
        struct schedule_item *item = schedule_take(&world->schedule, begun);
        schedule_polled(&world->schedule, item, begun + 500);
        assert_in_range(item->due_ms - begun, INTERVAL, INTERVAL + INTERVAL / 4);
        if (i > 8)
            assert_in_range(item->due_ms - begun, INTERVAL, INTERVAL + 1);
    }
}

static void test_a_short_interval_starts_on_its_phase(void **state)
{
    (void)state;
    struct schedule schedule;
    struct schedule_item items[100] = {{0}};
    schedule_init(&schedule, 5000, EPOCH, 1);
    for (int i = 0; i < 100; i++)
        schedule_add(&schedule, &items[i], i + 1, START);
    for (int i = 0; i < 100; i++) {
        assert_in_range(items[i].due_ms, START, START + 4999);
        assert_int_equal((items[i].due_ms + EPOCH - items[i].phase_ms) % 5000, 0);
    }
    schedule_release(&schedule);
}

static void test_the_longest_due_comes_first(void **state)
{
    struct world *world = *state;
    int64_t last = 0;
    add(world, CITIES, START);
    for (int i = 0; i < CITIES; i += 3)
        schedule_remove(&world->schedule, &world->items[i]);
    for (int i = 0; i < CITIES; i += 3)
        schedule_remove(&world->schedule, &world->items[i]); /* once more does no harm */
    for (size_t left = world->schedule.count; left > 0; left--) {
        struct schedule_item *item = schedule_take(&world->schedule, START + INTERVAL);
        assert_true(item->due_ms >= last);
        assert_true((item - world->items) % 3 != 0);
        last = item->due_ms;
    }
    assert_null(schedule_take(&world->schedule, START + INTERVAL));
}

static void test_failures_back_off_with_jitter_and_never_hammer(void **state)
{
    struct world *world = *state;
    int64_t now = START, longest = 0, shortest = INT64_MAX;
    int polls = 0;
    add(world, 1, START);
    while (now < START + 6 * INTERVAL) {
        struct schedule_item *item = next(world, &now);
        schedule_failed(&world->schedule, item, now);
        int64_t wait = item->due_ms - now;
        assert_in_range(wait, SCHEDULE_RETRY_MIN_MS, SCHEDULE_RETRY_MIN_MS + INTERVAL);
        if (item->attempt == 1)
            assert_true(wait <= SCHEDULE_RETRY_MIN_MS + 30000);
        longest = wait > longest ? wait : longest;
        shortest = wait < shortest ? wait : shortest;
        polls++;
    }
    assert_true(longest > INTERVAL / 4 && shortest < 60000);
    assert_in_range(polls, 6, 40); /* in an hour */
    /* One success, and it is back in its rhythm. */
    struct schedule_item *item = next(world, &now);
    schedule_polled(&world->schedule, item, now);
    assert_int_equal(item->attempt, 0);
    assert_in_range(item->due_ms - now, INTERVAL, INTERVAL + INTERVAL / 4);
}

static void test_a_short_interval_bounds_retries_too(void **state)
{
    (void)state;
    struct schedule schedule;
    struct schedule_item item = {0};
    int64_t now = START;
    schedule_init(&schedule, 5000, EPOCH, 1);
    schedule_add(&schedule, &item, 7, START);
    for (int i = 0; i < 1000; i++) {
        now = schedule_due_ms(&schedule);
        assert_ptr_equal(schedule_take(&schedule, now), &item);
        schedule_failed(&schedule, &item, now);
        assert_in_range(item.due_ms - now, 1000, 6000);
    }
    schedule_release(&schedule);
}

static void test_parked_places_are_asked_rarely_and_come_back(void **state)
{
    struct world *world = *state;
    int64_t now = START, before = 0;
    add(world, 1, START);
    for (int i = 0; i < 12; i++) {
        struct schedule_item *item = next(world, &now);
        schedule_park(&world->schedule, item, now);
        int64_t wait = item->due_ms - now;
        assert_true(schedule_parked(item));
        assert_in_range(wait, SCHEDULE_PARK_FIRST * INTERVAL * 9 / 10, SCHEDULE_PARK_LAST * INTERVAL);
        if (i > 0 && i < 5)
            assert_true(wait > before * 3 / 2);
        before = wait;
    }
    assert_true(before >= SCHEDULE_PARK_LAST * INTERVAL * 9 / 10);
    struct schedule_item *item = next(world, &now);
    schedule_polled(&world->schedule, item, now);
    assert_false(schedule_parked(item));
    assert_true(item->due_ms - now <= INTERVAL + INTERVAL / 4);
}

static void test_deferred_cities_come_when_they_may_and_not_all_at_once(void **state)
{
    struct world *world = *state;
    int64_t now = START, until = START + 3 * INTERVAL, first = INT64_MAX, last = 0;
    add(world, 100, START);
    for (int i = 0; i < 100; i++)
        schedule_defer(&world->schedule, next(world, &now), until);
    for (int i = 0; i < 100; i++) {
        first = world->items[i].due_ms < first ? world->items[i].due_ms : first;
        last = world->items[i].due_ms > last ? world->items[i].due_ms : last;
        assert_int_equal(world->items[i].attempt, 0);
    }
    assert_in_range(first, until, until + 200);
    assert_in_range(last, until + 1500, until + 2000);
}

/* A shard that leaves and comes back: its cities are not polled earlier for it. */
static void test_a_city_that_comes_back_keeps_its_rhythm(void **state)
{
    struct world *world = *state;
    int64_t now = START;
    add(world, 1, START);
    struct schedule_item *item = next(world, &now);
    schedule_polled(&world->schedule, item, now);
    int64_t begun = item->begun_ms;
    for (int i = 0; i < 5; i++) {
        schedule_remove(&world->schedule, item);
        schedule_add(&world->schedule, item, 1000000, now + 100 * i);
        assert_in_range(item->due_ms - begun, INTERVAL, INTERVAL + INTERVAL / 4);
    }
    schedule_take(&world->schedule, item->due_ms);
    schedule_park(&world->schedule, item, now + INTERVAL);
    int64_t parked = item->due_ms;
    schedule_remove(&world->schedule, item);
    schedule_add(&world->schedule, item, 1000000, now + INTERVAL + 1000);
    assert_int_equal(item->due_ms, parked);
}

static void test_an_answer_later_than_the_next_poll_is_due_at_once(void **state)
{
    (void)state;
    struct schedule schedule;
    struct schedule_item item = {0};
    schedule_init(&schedule, 1000, EPOCH, 1);
    schedule_add(&schedule, &item, 7, START);
    int64_t now = schedule_due_ms(&schedule);
    schedule_take(&schedule, now);
    schedule_polled(&schedule, &item, now + 9000);
    assert_int_equal(item.due_ms, now + 9000);
    schedule_release(&schedule);
}

/* Several are asked for in one call: one that is due, and those that are next. */
static void test_cities_that_are_not_due_yet_join_a_call(void **state)
{
    struct world *world = *state;
    assert_null(schedule_next(&world->schedule));
    add(world, 3, START);
    int64_t now = schedule_due_ms(&world->schedule);
    for (int i = 0; i < 3; i++) {
        struct schedule_item *item = schedule_next(&world->schedule);
        assert_int_equal(item->due_ms, schedule_due_ms(&world->schedule));
        schedule_begin(&world->schedule, item, now);
        assert_int_equal(item->begun_ms, now);
        assert_false(item->queued);
    }
    assert_null(schedule_next(&world->schedule));
    assert_null(schedule_take(&world->schedule, now));
}

/* ---- rhythms ---- */

#define QUARTER (INT64_C(15) * 60 * 1000)
#define DELAY   INT64_C(60000)

/* Polls one city of a source that changes at the quarters of the hour, a minute late; returns the last delay. */
static int64_t follow_quarters(struct schedule *schedule, struct schedule_item *item, int polls)
{
    int64_t delay = 0;
    for (int i = 0; i < polls; i++) {
        int64_t now = schedule_due_ms(schedule), wall = now + schedule->epoch_ms;
        assert_ptr_equal(schedule_take(schedule, now), item);
        int64_t observed = (wall - DELAY) / QUARTER * QUARTER;
        delay = wall - DELAY - observed;
        schedule_saw(schedule, item, observed);
        schedule_polled(schedule, item, now + 300);
        assert_true(item->due_ms - now >= schedule->interval_ms);
    }
    return delay;
}

static void test_a_rhythm_is_followed_when_it_is_wanted(void **state)
{
    (void)state;
    for (int wanted = 0; wanted <= 1; wanted++) {
        struct schedule schedule;
        struct schedule_item item = {0};
        schedule_init(&schedule, QUARTER, EPOCH, 1);
        if (wanted)
            schedule_follow(&schedule, QUARTER, 0);
        schedule_add(&schedule, &item, 4711, START);
        int64_t delay = follow_quarters(&schedule, &item, 300);
        assert_int_equal(rhythm_known(&item.rhythm), wanted);
        assert_true(!wanted || (delay < QUARTER / 6 && schedule.outcomes[RHYTHM_HIT] > 250));
        assert_true(wanted || (delay > QUARTER / 6 && schedule.outcomes[RHYTHM_HIT] == 0 && schedule.put_off_ms == 0));
        schedule_release(&schedule);
    }
}

/* Polled every 5 min a source that changes every 15 needs a third of the polls, and a few in between. */
static void test_what_is_put_off_is_counted(void **state)
{
    (void)state;
    struct schedule schedule;
    struct schedule_item item = {0};
    schedule_init(&schedule, QUARTER / 3, EPOCH, 1);
    schedule_follow(&schedule, QUARTER, 0); /* the source's own floor is above the interval that is wanted */
    assert_int_equal(schedule.floor_ms, QUARTER / 3);
    schedule_add(&schedule, &item, 4711, START);
    follow_quarters(&schedule, &item, 100);
    int64_t before = schedule.put_off_ms, from = item.begun_ms;
    follow_quarters(&schedule, &item, 100);
    int64_t saved = (schedule.put_off_ms - before) / schedule.interval_ms;
    assert_in_range(saved, 130, 200);
    assert_in_range((item.begun_ms - from) / schedule.interval_ms, 100 + saved - 2, 100 + saved + 2);
    schedule_release(&schedule);
}

static void test_polls_by_a_rhythm_begin_together(void **state)
{
    (void)state;
    struct schedule schedule;
    struct schedule_item item = {0};
    schedule_init(&schedule, QUARTER, EPOCH, 1);
    schedule_follow(&schedule, QUARTER, 5000);
    schedule_add(&schedule, &item, 4711, START);
    follow_quarters(&schedule, &item, 50);
    for (int i = 0; i < 20; i++) {
        follow_quarters(&schedule, &item, 1);
        assert_int_equal((item.due_ms + EPOCH) % 5000, 0);
    }
    /* One whose time is known does not join a call before it; one without a rhythm does, but for the floor. */
    int64_t due = item.due_ms;
    assert_false(schedule_joins(&schedule, &item, 10000, due - 5000));
    assert_true(schedule_joins(&schedule, &item, 10000, due));
    schedule_forget(&item);
    assert_false(rhythm_known(&item.rhythm));
    item.begun_ms = due - 5000 - QUARTER;
    assert_true(schedule_joins(&schedule, &item, 10000, due - 5000));
    assert_false(schedule_joins(&schedule, &item, 4000, due - 5000));
    item.begun_ms++;
    assert_false(schedule_joins(&schedule, &item, 10000, due - 5000));
    schedule_release(&schedule);
}

/* A city of a shard that leaves and comes back is due when its rhythm says. */
static void test_a_city_that_comes_back_is_polled_by_its_rhythm(void **state)
{
    (void)state;
    struct schedule schedule;
    struct schedule_item item = {0};
    schedule_init(&schedule, QUARTER, EPOCH, 1);
    schedule_follow(&schedule, QUARTER, 0);
    schedule_add(&schedule, &item, 4711, START);
    follow_quarters(&schedule, &item, 300);
    int64_t due = item.due_ms;
    schedule_remove(&schedule, &item);
    schedule_add(&schedule, &item, 4711, item.begun_ms + 1000);
    assert_int_equal(item.due_ms, due);
    /* While it was away others polled it; the next poll is late, and then it is back in its slots. */
    schedule_remove(&schedule, &item);
    schedule_add(&schedule, &item, 4711, item.begun_ms + 5 * QUARTER);
    assert_true(follow_quarters(&schedule, &item, 30) < QUARTER / 3);
    schedule_release(&schedule);
}

/* Mean age, s, of what is known of 300 cities whose source changes everywhere at once, with a call at most every 3 s.
 */
static int64_t age_when_calls_are_short(bool rhythm)
{
    static struct schedule_item items[300];
    static int64_t newest[300], looked[300];
    struct schedule schedule;
    int64_t now = START, end = START + 150 * QUARTER, sum_s = 0;
    memset(items, 0, sizeof items);
    schedule_init(&schedule, QUARTER, EPOCH, 1);
    if (rhythm)
        schedule_follow(&schedule, QUARTER, 0);
    for (int i = 0; i < 300; i++) {
        schedule_add(&schedule, &items[i], i * 7919 + 1, START);
        newest[i] = looked[i] = START;
    }
    for (; now < end; now += QUARTER / 300) {
        struct schedule_item *item = schedule_take(&schedule, now);
        if (!item)
            continue;
        size_t i = (size_t)(item - items);
        int64_t observed = (now + EPOCH - DELAY) / QUARTER * QUARTER;
        sum_s += (now - looked[i]) / 1000 * ((now + looked[i]) / 2 - newest[i]) / 1000;
        looked[i] = now;
        newest[i] = observed - EPOCH;
        schedule_saw(&schedule, item, observed);
        schedule_polled(&schedule, item, now);
    }
    schedule_release(&schedule);
    return sum_s / 300 / ((end - START) / 1000);
}

/* All want to be polled at the same time, and cannot be: then nobody is worse off than at the interval. */
static void test_rhythms_do_no_harm_where_calls_are_short(void **state)
{
    (void)state;
    int64_t fixed = age_when_calls_are_short(false), followed = age_when_calls_are_short(true);
    print_message("%lld s old at the interval, %lld s by the rhythm\n", (long long)fixed, (long long)followed);
    assert_true(followed <= fixed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_due_without_cities),
        TEST(test_first_polls_come_soon_and_all_of_them),
        TEST(test_no_city_is_polled_faster_than_the_interval_or_much_slower),
        TEST(test_polls_are_spread_evenly),
        TEST(test_a_phase_is_the_same_in_every_process),
        TEST(test_small_delays_do_not_add_up_to_a_missed_round),
        TEST(test_a_short_interval_starts_on_its_phase),
        TEST(test_the_longest_due_comes_first),
        TEST(test_failures_back_off_with_jitter_and_never_hammer),
        TEST(test_a_short_interval_bounds_retries_too),
        TEST(test_parked_places_are_asked_rarely_and_come_back),
        TEST(test_deferred_cities_come_when_they_may_and_not_all_at_once),
        TEST(test_a_city_that_comes_back_keeps_its_rhythm),
        TEST(test_cities_that_are_not_due_yet_join_a_call),
        TEST(test_an_answer_later_than_the_next_poll_is_due_at_once),
        TEST(test_a_rhythm_is_followed_when_it_is_wanted),
        TEST(test_what_is_put_off_is_counted),
        TEST(test_polls_by_a_rhythm_begin_together),
        TEST(test_a_city_that_comes_back_is_polled_by_its_rhythm),
        TEST(test_rhythms_do_no_harm_where_calls_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
