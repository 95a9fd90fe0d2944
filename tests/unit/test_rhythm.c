/* What is learnt of sources of all kinds, on a virtual clock: a table of behaviours, and the promises in any case. */
#include "../../fetcher/rhythm.h"

#include "entropy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define START  (INT64_C(20000) * 24 * HOUR)

/* A source that changes at multiples of a period; what it says can be told only after a delay. */
struct source {
    int64_t period, delay, jitter; /* jitter: of the delay, drawn anew for every reading */
    int64_t clock;                 /* by which its clock is ahead */
};

struct world {
    struct rhythm rhythm;
    struct rhythm_limits limits;
    struct jitter dice;
    int64_t now, begun; /* the next poll; the last one */
    int64_t polls, hits, misses, longest, shortest;
    int64_t news, lag; /* readings found, and how long they had been there, summed */
};

static struct world world_at(int64_t cadence, int64_t floor)
{
    struct world world = {.limits = {.floor_ms = floor, .cadence_ms = cadence}, .now = START + 137 * SECOND};
    world.shortest = INT64_MAX;
    jitter_init(&world.dice, 7);
    return world;
}

/* The delay of the reading of slot `at`: the same whenever it is asked for. */
static int64_t delay_of(const struct source *source, int64_t at)
{
    struct jitter dice;
    jitter_init(&dice, (uint64_t)at + 1);
    return source->delay + (source->jitter ? jitter_below(&dice, source->jitter) : 0);
}

/* The newest reading there at `now`, in true time. */
static int64_t newest(const struct source *source, int64_t now)
{
    int64_t at = now / source->period * source->period;
    while (at + delay_of(source, at) > now)
        at -= source->period;
    return at;
}

/* One poll that is answered with `observed`, and the choice of the next; the promises are looked at each time. */
static void poll_once(struct world *world, int64_t observed)
{
    int64_t gap = world->now - world->begun;
    enum rhythm_outcome outcome = rhythm_saw(&world->rhythm, &world->limits, observed, world->now);
    world->hits += outcome == RHYTHM_HIT;
    world->misses += outcome == RHYTHM_MISS;
    if (world->begun) {
        world->polls++;
        world->longest = gap > world->longest ? gap : world->longest;
        world->shortest = gap < world->shortest ? gap : world->shortest;
    }
    world->begun = world->now;
    world->now = rhythm_next(&world->rhythm, &world->limits, world->begun, false);
    assert_true(world->now - world->begun >= world->limits.floor_ms);
    assert_true(world->now - world->begun <= RHYTHM_REST * world->limits.cadence_ms);
}

static void clear_counts(struct world *world)
{
    world->polls = world->hits = world->misses = world->news = world->lag = world->longest = 0;
    world->shortest = INT64_MAX;
}

static void poll_source(struct world *world, const struct source *source, int64_t span)
{
    for (int64_t end = world->now + span; world->now < end;) {
        int64_t at = newest(source, world->now);
        bool news = at + source->clock > world->rhythm.newest_ms;
        world->news += news;
        world->lag += news ? world->now - at - delay_of(source, at) : 0;
        poll_once(world, at + source->clock);
    }
}

static int64_t mean_lag(const struct world *world)
{
    return world->lag / (world->news ? world->news : 1);
}

/* ---- the table ---- */

struct row {
    const char *name;
    int64_t cadence_s, floor_s;
    int64_t period_s, delay_s, jitter_s, clock_s;
    int gap_low, gap_high; /* mean time between polls, percent of the cadence */
    int64_t lag_s;         /* mean time that readings had been there when they were found, at most */
    int hits;              /* percent of the polls that expected something, at least */
};

static const struct row rows[] = {
    {"a grid, at its own cadence", 900, 900, 900, 60, 0, 0, 100, 102, 80, 95},
    {"a grid whose delay varies", 900, 900, 900, 30, 60, 0, 100, 103, 110, 95},
    {"a grid, polled more often than it changes", 600, 600, 900, 60, 20, 0, 140, 150, 90, 90},
    {"an hour, in half of which something may come", 600, 600, 3600, 300, 120, 0, 250, 300, 200, 85},
    {"an hour at its own cadence", 3600, 600, 3600, 300, 0, 0, 99, 101, 400, 95},
    {"a source whose clock is an hour ahead", 600, 600, 900, 60, 20, 3600, 135, 150, 200, 85},
    {"a source whose clock is an hour behind", 600, 600, 900, 60, 20, -3600, 135, 150, 200, 85},
    {"readings hardly rarer than polls", 600, 600, 610, 60, 0, 0, 100, 103, 60, 95},
    {"readings hardly more often than polls", 600, 600, 590, 60, 0, 0, 100, 110, 250, 90},
    {"two readings a poll", 600, 600, 300, 60, 60, 0, 100, 108, 200, 95},
    {"a reading a minute", 600, 600, 60, 60, 0, 0, 100, 108, 60, 95},
    {"a reading a second", 600, 600, 1, 1, 0, 0, 100, 108, 2, 95},
    {"a short cadence", 5, 5, 1, 1, 0, 0, 100, 108, 2, 95},
    {"a day", 600, 600, 86400, 60, 0, 0, 150, 300, 1500, 0},
};

static void test_sources_of_all_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct source source = {row->period_s * SECOND, row->delay_s * SECOND, row->jitter_s * SECOND,
                                row->clock_s * SECOND};
        struct world world = world_at(row->cadence_s * SECOND, row->floor_s * SECOND);
        poll_source(&world, &source, 200 * world.limits.cadence_ms);
        clear_counts(&world);
        int64_t from = world.begun;
        poll_source(&world, &source, 800 * world.limits.cadence_ms);
        int64_t polls = world.polls ? world.polls : 1;
        int64_t gap = 100 * (world.begun - from) / polls / world.limits.cadence_ms;
        int64_t hits = world.hits + world.misses ? 100 * world.hits / (world.hits + world.misses) : 100;
        print_message("%s: polls %lld %% of the cadence apart, %lld s behind, %lld %% hits\n", row->name,
                      (long long)gap, (long long)(mean_lag(&world) / SECOND), (long long)hits);
        assert_in_range(gap, row->gap_low, row->gap_high);
        assert_true(mean_lag(&world) <= row->lag_s * SECOND);
        assert_true(hits >= row->hits);
    }
}

/* ---- learning ---- */

static void test_nothing_is_known_before_three_alike_steps(void **state)
{
    (void)state;
    struct world world = world_at(10 * MINUTE, 10 * MINUTE);
    assert_false(rhythm_known(&world.rhythm));
    for (int i = 0; i < 3; i++) {
        poll_once(&world, START + i * 10 * MINUTE);
        assert_false(rhythm_known(&world.rhythm));
        assert_int_equal(world.now - world.begun, 10 * MINUTE);
    }
    poll_once(&world, START + 30 * MINUTE);
    assert_true(rhythm_known(&world.rhythm));
    assert_int_equal(world.rhythm.period_ms, 10 * MINUTE);
    world.rhythm = (struct rhythm){0};
    assert_false(rhythm_known(&world.rhythm));
}

/* The source goes from a quarter of an hour to an hour and back: followed within a few readings. */
static void test_a_period_that_changes_is_learnt_anew(void **state)
{
    (void)state;
    struct world world = world_at(10 * MINUTE, 10 * MINUTE);
    struct source quarter = {15 * MINUTE, MINUTE, 0, 0}, hour = {HOUR, MINUTE, 0, 0};
    poll_source(&world, &quarter, 24 * HOUR);
    assert_in_range(world.rhythm.period_ms, 14 * MINUTE, 16 * MINUTE);
    poll_source(&world, &hour, 24 * HOUR);
    assert_in_range(world.rhythm.period_ms, 58 * MINUTE, 62 * MINUTE);
    poll_source(&world, &quarter, 24 * HOUR);
    assert_in_range(world.rhythm.period_ms, 14 * MINUTE, 16 * MINUTE);
    clear_counts(&world);
    poll_source(&world, &quarter, 24 * HOUR);
    assert_true(mean_lag(&world) < 2 * MINUTE);
}

/* A source that skips every other reading while it is polled rarely must not be taken for a slow one for ever. */
static void test_a_period_learnt_too_long_is_found_out(void **state)
{
    (void)state;
    struct world world = world_at(10 * MINUTE, 10 * MINUTE);
    struct source source = {10 * MINUTE, MINUTE, 0, 0};
    for (int i = 0; i < 8; i++) { /* there was no call left for every other poll */
        poll_once(&world, newest(&source, world.now));
        world.now = world.begun + 20 * MINUTE;
    }
    assert_in_range(world.rhythm.period_ms, 19 * MINUTE, 21 * MINUTE);
    poll_source(&world, &source, 12 * HOUR);
    assert_in_range(world.rhythm.period_ms, 9 * MINUTE, 11 * MINUTE);
    clear_counts(&world);
    poll_source(&world, &source, 12 * HOUR);
    assert_true(world.polls >= 68);
}

/* Specials between the hours: found by the polls in between, then polled at the cadence; the hours stay where they are.
 */
static void test_specials_leave_the_rhythm_alone(void **state)
{
    (void)state;
    struct world world = world_at(10 * MINUTE, 10 * MINUTE);
    struct source hour = {HOUR, 5 * MINUTE, 0, 0};
    poll_source(&world, &hour, 24 * HOUR);
    for (int day = 0; day < 20; day++) {
        int64_t special = world.now / HOUR * HOUR + 20 * MINUTE, found = 0;
        while (world.now < special + HOUR) {
            int64_t regular = newest(&hour, world.now);
            bool news = world.now >= special && regular < special;
            poll_once(&world, news ? special : regular);
            if (news && !found) {
                found = world.begun;
                assert_int_equal(world.now - world.begun, 10 * MINUTE);
            }
        }
        assert_true(found && found - special <= RHYTHM_REST * 10 * MINUTE);
        poll_source(&world, &hour, 7 * HOUR);
        assert_in_range(world.rhythm.period_ms, 59 * MINUTE, 61 * MINUTE);
    }
}

/* Times that go back and repeat (…374, …448, …394, …374) are no news and no reason to learn anew. */
static void test_times_that_go_back_and_repeat(void **state)
{
    (void)state;
    static const int64_t less[] = {74 * SECOND, 0, 54 * SECOND, 74 * SECOND};
    struct world world = world_at(10 * MINUTE, MINUTE);
    struct source source = {10 * MINUTE, 2 * MINUTE, MINUTE, 0};
    for (int i = 0; i < 400; i++)
        poll_once(&world, newest(&source, world.now) - less[jitter_below(&world.dice, 4)]);
    assert_true(rhythm_known(&world.rhythm));
    assert_in_range(world.rhythm.period_ms, 9 * MINUTE, 11 * MINUTE);
    assert_true(world.hits > 10 * world.misses / 2);
}

static void test_a_source_that_stops_is_polled_rarer_and_comes_back(void **state)
{
    (void)state;
    struct world world = world_at(10 * MINUTE, 10 * MINUTE);
    struct source source = {15 * MINUTE, MINUTE, 0, 0};
    poll_source(&world, &source, 24 * HOUR);
    int64_t last = newest(&source, world.now), stopped = world.now;
    poll_once(&world, last);
    for (int i = 0; i < RHYTHM_QUIET; i++) { /* at the cadence for long, since it may come back at any time */
        poll_once(&world, last);
        assert_true(i == RHYTHM_QUIET - 1 || world.now - world.begun <= 15 * MINUTE + MINUTE);
    }
    assert_true(world.now - world.begun >= 20 * MINUTE);
    for (int i = 0; i < 3 * RHYTHM_QUIET; i++)
        poll_once(&world, last);
    assert_int_equal(world.now - world.begun, RHYTHM_REST * 10 * MINUTE);
    assert_true(world.now - stopped > 24 * HOUR);
    poll_once(&world, newest(&source, world.now));
    assert_true(world.now - world.begun <= 15 * MINUTE);
    clear_counts(&world);
    poll_source(&world, &source, 24 * HOUR);
    assert_true(mean_lag(&world) < 2 * MINUTE);
    assert_true(world.hits > 20 * world.misses);
}

/* A clock that is set back makes all readings older than one before: after some polls that is believed. */
static void test_a_clock_that_is_set_back(void **state)
{
    (void)state;
    struct world world = world_at(10 * MINUTE, 10 * MINUTE);
    struct source ahead = {15 * MINUTE, MINUTE, 0, 5 * HOUR}, right = {15 * MINUTE, MINUTE, 0, 0};
    poll_source(&world, &ahead, 24 * HOUR);
    poll_source(&world, &right, 4 * HOUR);
    assert_true(rhythm_known(&world.rhythm));
    clear_counts(&world);
    poll_source(&world, &right, 24 * HOUR);
    assert_true(world.hits >= 90);
    poll_source(&world, &ahead, 24 * HOUR); /* and forward again */
    clear_counts(&world);
    poll_source(&world, &ahead, 24 * HOUR);
    assert_true(world.hits >= 90);
}

/* The delay grows by five minutes: missed a few times, then met again. */
static void test_a_delay_that_grows_is_followed(void **state)
{
    (void)state;
    struct world world = world_at(10 * MINUTE, 5 * MINUTE);
    struct source quick = {20 * MINUTE, MINUTE, 0, 0}, slow = {20 * MINUTE, 6 * MINUTE, 0, 0};
    poll_source(&world, &quick, 24 * HOUR);
    int64_t before = world.rhythm.good_ms;
    poll_source(&world, &slow, 4 * HOUR);
    assert_true(world.rhythm.good_ms >= 6 * MINUTE - SECOND && before < 3 * MINUTE);
    poll_source(&world, &quick, 72 * HOUR);
    assert_true(world.rhythm.good_ms < 4 * MINUTE);
}

/* ---- promises ---- */

/* Whatever a source says: poll_once looks at the bounds; in the long run there is no more than a poll per cadence. */
static void test_no_source_makes_polls_come_too_often_or_too_rarely(void **state)
{
    (void)state;
    static const int64_t floors[] = {SECOND, MINUTE, 10 * MINUTE};
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct world world = world_at(10 * MINUTE, floors[seed % 3]);
        int64_t first = world.now, observed = START, habit = 0;
        jitter_init(&world.dice, seed);
        for (int i = 0; i < 500; i++) {
            if (jitter_below(&world.dice, 40) == 0)
                habit = jitter_below(&world.dice, 6);
            if (habit == 1)
                observed += jitter_below(&world.dice, 20 * MINUTE);
            else if (habit == 2)
                observed = world.now / (15 * MINUTE) * 15 * MINUTE;
            else if (habit == 3)
                observed = world.now - jitter_below(&world.dice, 3 * HOUR);
            else if (habit == 4)
                observed = jitter_below(&world.dice, 2) ? START : INT64_C(253402300799999);
            else if (habit == 5)
                observed = world.now / (7 * MINUTE) * 7 * MINUTE;
            poll_once(&world, observed);
        }
        assert_true(world.begun - first >= (world.polls - RHYTHM_CREDIT - 1) * 10 * MINUTE);
    }
}

static void test_a_poll_that_had_to_wait_for_calls_moves_nothing(void **state)
{
    (void)state;
    struct world world = world_at(15 * MINUTE, 15 * MINUTE);
    struct source source = {15 * MINUTE, MINUTE, 0, 0};
    poll_source(&world, &source, 48 * HOUR);
    world.now += 8 * MINUTE;
    poll_once(&world, newest(&source, world.now));
    assert_true(rhythm_next(&world.rhythm, &world.limits, world.begun, false) > world.begun + 15 * MINUTE);
    assert_int_equal(rhythm_next(&world.rhythm, &world.limits, world.begun, true), world.begun + 15 * MINUTE);
}

static void test_it_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct rhythm) <= 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources_of_all_kinds),
        cmocka_unit_test(test_nothing_is_known_before_three_alike_steps),
        cmocka_unit_test(test_a_period_that_changes_is_learnt_anew),
        cmocka_unit_test(test_a_period_learnt_too_long_is_found_out),
        cmocka_unit_test(test_specials_leave_the_rhythm_alone),
        cmocka_unit_test(test_times_that_go_back_and_repeat),
        cmocka_unit_test(test_a_source_that_stops_is_polled_rarer_and_comes_back),
        cmocka_unit_test(test_a_clock_that_is_set_back),
        cmocka_unit_test(test_a_delay_that_grows_is_followed),
        cmocka_unit_test(test_no_source_makes_polls_come_too_often_or_too_rarely),
        cmocka_unit_test(test_a_poll_that_had_to_wait_for_calls_moves_nothing),
        cmocka_unit_test(test_it_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
