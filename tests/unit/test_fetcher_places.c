/*
 * A whole fetcher that asks for many places at once, as Open-Meteo has it: what goes into a call, and the air beside
 * the weather.
 */
#include "fetcher_fixture.h"

static char on[] = "on";

static void test_several_places_a_call(void **state)
{
    struct fixture *fixture = *state;
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fewest(fixture) >= 3);
    const struct fetcher_metrics *metrics = &fixture->fetcher.metrics;
    assert_int_equal(fixture->widest, CITIES);
    assert_true(metrics->calls_total < metrics->places_asked_total);
    assert_int_equal(metrics->cost_milli_total, metrics->places_asked_total * 1300);
    UNTIL(fixture->loop, fixture->observations >= CITIES * 3);
    assert_int_equal(fixture->foreign, 0);
    assert_int_equal(fixture->air, 0);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(fixture->places[i].history, 0);
}

static void test_a_share_bounds_what_goes_into_a_call(void **state)
{
    struct fixture *fixture = *state;
    start_open_meteo(fixture);
    say_target(fixture, 0, 3 * 1300); /* a minute */
    UNTIL(fixture->loop, fixture->cities == CITIES);
    pass(fixture, 6);
    assert_true(fixture->widest <= 3);
    assert_true(fixture->fetcher.metrics.cost_milli_total <= 3 * 1300);
}

static void test_an_empty_place_has_no_row(void **state)
{
    struct fixture *fixture = *state;
    fixture->places[2].mood = NULLS;
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fewest(fixture) >= 2);
    assert_true(fixture->fetcher.rows.empty >= 1);
    UNTIL(fixture->loop, fixture->observations >= (CITIES - 1) * 2);
    assert_int_equal(fixture->failing, 0);
}

/* The body says which limit it was: until the next hour at least no call is made. */
static void test_the_limit_that_is_named_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    set_mood(fixture, TOO_MANY);
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fixture->fetcher.sources[0].gate.state == GATE_RATE_LIMITED);
    int64_t wait = fixture->fetcher.sources[0].gate.until_ms - clock_monotonic_ms(), hour = 3600000;
    int64_t next_hour = hour - clock_wall_ms() % hour;
    assert_true(wait >= 50000);
    assert_true(wait <= 60000 + 2000 || (wait >= next_hour - 2000 && wait <= next_hour + 2000));
    int before = fixture->requests;
    pass(fixture, 3);
    assert_int_equal(fixture->requests, before);
}

static void test_air_is_asked_for_beside_the_weather(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.air = on;
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fixture->air >= CITIES && fewest(fixture) >= 3);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(fixture->places[i].air, 1); /* an hour is not over */
    UNTIL(fixture->loop, fixture->observations >= CITIES * 3);
    int64_t air = fixture->air * 1000, weather = (fixture->fetcher.metrics.places_asked_total - fixture->air) * 1300;
    assert_int_equal(fixture->fetcher.metrics.cost_milli_total, air + weather);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Nobody listens there. */
static char nowhere[] = "http://127.0.0.1:1";

static void test_a_host_of_the_air_that_fails_does_not_hold_up_the_weather(void **state)
{
    struct fixture *fixture = *state;
    const struct fetcher *fetcher = &fixture->fetcher;
    fixture->options.air = on;
    fixture->options.air_base_url = nowhere;
    fixture->places[0].mood = BAD_PLACE; /* so that calls are for few places, and many of them fail */
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fetcher->answers[FETCH_NETWORK] >= 1);
    int before = fixture->places[CITIES - 1].current;
    UNTIL(fixture->loop, fixture->places[CITIES - 1].current >= before + 3);
    assert_int_equal(fetcher->sources[0].gate.state, GATE_OPEN);
    assert_int_equal(fixture->air, 0);
}

static void test_a_host_of_the_weather_that_fails_does_not_hold_up_the_air(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.air = on;
    fixture->options.air_base_url = fixture->base_url;
    fixture->options.base_url = nowhere;
    fixture->options.concurrency = 1;
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fixture->air >= CITIES);
    assert_true(fixture->fetcher.answers[FETCH_NETWORK] > 0);
    assert_int_equal(fixture->fetcher.sources[0].air_gate.state, GATE_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_several_places_a_call),
        TEST(test_a_share_bounds_what_goes_into_a_call),
        TEST(test_an_empty_place_has_no_row),
        TEST(test_the_limit_that_is_named_is_waited_for),
        TEST(test_air_is_asked_for_beside_the_weather),
        TEST(test_a_host_of_the_air_that_fails_does_not_hold_up_the_weather),
        TEST(test_a_host_of_the_weather_that_fails_does_not_hold_up_the_air),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
