/* The three alarms of a source on a virtual clock: what raises them, what clears them, and what does neither. */
#include "../../fetcher/source_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define V(value) ISOBAR__V1__VALUE__##value
#define SECOND   INT64_C(1000)
#define MINUTE   (60 * SECOND)
#define INTERVAL (10 * MINUTE)
#define WALL_MS  INT64_C(1790000000000) /* of monotonic time 0 */
#define ALL_BITS (1ULL << V(TEMPERATURE) | 1ULL << V(HUMIDITY) | 1ULL << V(WIND_SPEED))
#define CITIES   10

struct world {
    struct source_health health;
    int64_t now_ms;
    int64_t age_ms;    /* of readings */
    int64_t frozen_ms; /* wall time at which readings stay; 0: they do not */
    uint64_t present;
    enum fetch_status status;
    bool silent; /* no calls */
    int raised[SOURCE_ALARMS], cleared[SOURCE_ALARMS];
};

static struct world world_new(void)
{
    struct world world = {.now_ms = 1000000, .age_ms = 5 * MINUTE, .present = ALL_BITS, .status = FETCH_OK};
    source_health_init(&world.health, INTERVAL, world.now_ms);
    source_health_cities(&world.health, CITIES);
    return world;
}

/* The answer for one city. */
static void hear(struct world *world)
{
    int64_t wall = WALL_MS + world->now_ms;
    struct observation row = {.observed_at_ms = world->frozen_ms ? world->frozen_ms : wall - world->age_ms,
                              .fetched_at_ms = wall,
                              .present = world->present};
    source_health_answer(&world->health, world->status, world->now_ms);
    if (world->status == FETCH_OK)
        source_health_row(&world->health, &row, world->now_ms);
}

/* Every city is asked once an interval, one after the other; the clockwork ticks each second. */
static void run(struct world *world, int64_t ms)
{
    for (int64_t end = world->now_ms + ms; world->now_ms < end; world->now_ms += SECOND) {
        if (!world->silent && world->now_ms / SECOND % (INTERVAL / CITIES / SECOND) == 0)
            hear(world);
        unsigned changed = source_health_tick(&world->health, world->now_ms);
        for (int alarm = 0; alarm < SOURCE_ALARMS; alarm++) {
            bool raised = source_health_raised(&world->health, (enum source_alarm)alarm);
            world->raised[alarm] += (changed >> alarm & 1) && raised;
            world->cleared[alarm] += (changed >> alarm & 1) && !raised;
        }
    }
}

static void expect(const struct world *world, enum source_alarm alarm, int raised, int cleared)
{
    if (world->raised[alarm] != raised || world->cleared[alarm] != cleared)
        fail_msg("%s: raised %d times, cleared %d", source_alarm_name(alarm), world->raised[alarm],
                 world->cleared[alarm]);
    assert_int_equal(source_health_raised(&world->health, alarm), raised > cleared);
}

static void expect_text(const struct world *world, enum source_alarm alarm, const char *part)
{
    struct buf text = BUF_EMPTY;
    source_alarm_text(&world->health, alarm, world->now_ms, &text);
    if (!strstr(text.data, part))
        fail_msg("'%s' does not say '%s'", text.data, part);
    assert_null(strchr(text.data, '\n'));
    buf_release(&text);
    assert_true(*source_alarm_advice(alarm) != '\0');
}

static void test_a_good_source_raises_nothing(void **state)
{
    struct world world = world_new();
    (void)state;
    assert_int_equal(source_health_newest_ms(&world.health, world.now_ms), -1);
    run(&world, 24 * 60 * MINUTE);
    for (int alarm = 0; alarm < SOURCE_ALARMS; alarm++)
        expect(&world, (enum source_alarm)alarm, 0, 0);
    assert_in_range(source_health_newest_ms(&world.health, world.now_ms), 5 * MINUTE, 7 * MINUTE);
}

static void test_a_source_that_stands_still_is_stale(void **state)
{
    struct world world = world_new();
    (void)state;
    run(&world, 60 * MINUTE);
    world.frozen_ms = WALL_MS + world.now_ms - world.age_ms;
    run(&world, 34 * MINUTE);
    expect(&world, SOURCE_STALE, 0, 0);
    run(&world, 2 * MINUTE); /* 41 min old by now */
    expect(&world, SOURCE_STALE, 1, 0);
    expect_text(&world, SOURCE_STALE, "the newest reading is 41 min old, though calls succeed");
    run(&world, 5 * 60 * MINUTE);
    expect(&world, SOURCE_STALE, 1, 0);
    world.frozen_ms = 0;
    run(&world, 29 * MINUTE);
    expect(&world, SOURCE_STALE, 1, 0);
    run(&world, 3 * MINUTE);
    expect(&world, SOURCE_STALE, 1, 1);
    expect(&world, SOURCE_FAILING, 0, 0);
    expect(&world, SOURCE_CHANGED, 0, 0);
}

/* New data every 45 min: stale in between, and one alarm, not one for each time. */
static void test_a_source_that_stutters_does_not_make_it_flap(void **state)
{
    struct world world = world_new();
    (void)state;
    for (int i = 0; i < 20; i++) {
        world.frozen_ms = WALL_MS + world.now_ms;
        run(&world, 45 * MINUTE);
    }
    expect(&world, SOURCE_STALE, 1, 0);
}

static void test_old_readings_at_the_start_have_their_time(void **state)
{
    struct world world = world_new();
    (void)state;
    world.age_ms = 5 * 60 * MINUTE;
    run(&world, 39 * MINUTE);
    expect(&world, SOURCE_STALE, 0, 0);
    run(&world, 3 * MINUTE);
    expect(&world, SOURCE_STALE, 1, 0);
}

static void test_readings_of_the_future_are_of_now(void **state)
{
    struct world world = world_new();
    (void)state;
    world.age_ms = -4 * MINUTE;
    run(&world, 60 * MINUTE);
    assert_in_range(source_health_newest_ms(&world.health, world.now_ms), 0, 2 * MINUTE);
    expect(&world, SOURCE_STALE, 0, 0);
}

static void test_calls_that_fail_are_failing_not_stale(void **state)
{
    struct world world = world_new();
    (void)state;
    run(&world, 60 * MINUTE);
    world.status = FETCH_KEY_REFUSED;
    run(&world, 39 * MINUTE);
    expect(&world, SOURCE_FAILING, 0, 0);
    run(&world, 3 * MINUTE);
    expect(&world, SOURCE_FAILING, 1, 0);
    expect_text(&world, SOURCE_FAILING, "the last one ended in key_refused");
    run(&world, 10 * 60 * MINUTE);
    expect(&world, SOURCE_STALE, 0, 0);
    world.status = FETCH_OK;
    run(&world, 9 * MINUTE);
    expect(&world, SOURCE_FAILING, 1, 0);
    run(&world, 3 * MINUTE);
    expect(&world, SOURCE_FAILING, 1, 1);
}

static void test_no_calls_are_no_failure(void **state)
{
    struct world world = world_new();
    (void)state;
    run(&world, 60 * MINUTE);
    world.silent = true;
    run(&world, 24 * 60 * MINUTE);
    expect(&world, SOURCE_FAILING, 0, 0);
    expect(&world, SOURCE_STALE, 0, 0);
    world.silent = false;
    run(&world, 60 * MINUTE);
    expect(&world, SOURCE_STALE, 0, 0);
    world.status = FETCH_BAD_PLACE; /* about the place */
    run(&world, 2 * 60 * MINUTE);
    expect(&world, SOURCE_FAILING, 0, 0);
}

static void test_a_value_that_goes_is_a_change(void **state)
{
    struct world world = world_new();
    (void)state;
    run(&world, 5 * 60 * MINUTE);
    world.present &= ~(1ULL << V(HUMIDITY));
    run(&world, 30 * MINUTE);
    expect(&world, SOURCE_CHANGED, 0, 0);
    run(&world, 30 * MINUTE);
    expect(&world, SOURCE_CHANGED, 1, 0);
    expect_text(&world, SOURCE_CHANGED, "missing: humidity");
    run(&world, 7 * 24 * 60 * MINUTE); /* it does not become usual */
    expect(&world, SOURCE_CHANGED, 1, 0);
    world.present = ALL_BITS;
    run(&world, 2 * 60 * MINUTE);
    expect(&world, SOURCE_CHANGED, 1, 1);
    expect_text(&world, SOURCE_CHANGED, "missing: none");
}

/* A value that comes and goes with the weather, or that few cities have, tells nothing. */
static void test_values_that_come_and_go_are_no_change(void **state)
{
    struct world world = world_new();
    (void)state;
    for (int i = 0; i < 300; i++) {
        world.present = ALL_BITS | (i % 3 == 0 ? 1ULL << V(WIND_GUST) : 0);
        run(&world, MINUTE);
    }
    world.present = ALL_BITS;
    run(&world, 24 * 60 * MINUTE);
    for (int i = 0; i < 3000; i++) {
        world.present = ALL_BITS & ~(i % 2 ? 1ULL << V(HUMIDITY) : 0);
        run(&world, MINUTE);
    }
    expect(&world, SOURCE_CHANGED, 0, 0);
}

static void test_little_is_not_enough_to_know_what_is_usual(void **state)
{
    struct world world = world_new();
    (void)state;
    run(&world, 30 * MINUTE);
    world.present = 1ULL << V(TEMPERATURE);
    run(&world, 24 * 60 * MINUTE);
    expect(&world, SOURCE_CHANGED, 0, 0);
}

static void test_another_shape_is_a_change(void **state)
{
    struct world world = world_new();
    (void)state;
    run(&world, 60 * MINUTE);
    world.status = FETCH_UNEXPECTED_SHAPE;
    run(&world, 8 * MINUTE);
    expect(&world, SOURCE_CHANGED, 0, 0);
    run(&world, 10 * MINUTE);
    expect(&world, SOURCE_CHANGED, 1, 0);
    expect_text(&world, SOURCE_CHANGED, "% of the latest answers have another shape");
    world.status = FETCH_OK;
    run(&world, 60 * MINUTE);
    expect(&world, SOURCE_CHANGED, 1, 1);
}

static void test_one_city_of_another_shape_is_none(void **state)
{
    struct world world = world_new();
    (void)state;
    for (int i = 0; i < 3000; i++) {
        world.status = i % CITIES == 0 ? FETCH_UNEXPECTED_SHAPE : FETCH_OK;
        run(&world, MINUTE);
    }
    expect(&world, SOURCE_CHANGED, 0, 0);
    expect(&world, SOURCE_FAILING, 0, 0);
}

/* Half of the cities lie where a value is not known, and are asked one after the other. */
static void test_lately_is_as_long_as_it_takes_to_hear_of_all(void **state)
{
    struct source_health health;
    unsigned changed = 0;
    (void)state;
    source_health_init(&health, INTERVAL, 0);
    source_health_cities(&health, 1000);
    for (int i = 0; i < 20000; i++) {
        struct observation row = {.observed_at_ms = WALL_MS, .fetched_at_ms = WALL_MS};
        row.present = i % 1000 < 300 ? 1ULL << V(TEMPERATURE) : ALL_BITS;
        source_health_row(&health, &row, i);
        changed |= source_health_tick(&health, i);
    }
    assert_int_equal(changed, 0);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(source_alarm_name(SOURCE_STALE), "source_stale");
    assert_string_equal(source_alarm_name(SOURCE_CHANGED), "schema_changed");
    assert_string_equal(source_alarm_name(SOURCE_FAILING), "source_failing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_source_raises_nothing),
        cmocka_unit_test(test_a_source_that_stands_still_is_stale),
        cmocka_unit_test(test_a_source_that_stutters_does_not_make_it_flap),
        cmocka_unit_test(test_old_readings_at_the_start_have_their_time),
        cmocka_unit_test(test_readings_of_the_future_are_of_now),
        cmocka_unit_test(test_calls_that_fail_are_failing_not_stale),
        cmocka_unit_test(test_no_calls_are_no_failure),
        cmocka_unit_test(test_a_value_that_goes_is_a_change),
        cmocka_unit_test(test_values_that_come_and_go_are_no_change),
        cmocka_unit_test(test_little_is_not_enough_to_know_what_is_usual),
        cmocka_unit_test(test_another_shape_is_a_change),
        cmocka_unit_test(test_one_city_of_another_shape_is_none),
        cmocka_unit_test(test_lately_is_as_long_as_it_takes_to_hear_of_all),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
