/*
 * A whole fetcher in the test's process: the coordinator and the API are played by the test on the same loop, Kafka by
 * librdkafka's mock brokers. What it asks for and when, what arrives in the topic, and what it tells the coordinator.
 */
#include "fetcher_fixture.h"

static void test_nothing_is_polled_before_a_target(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    pass(fixture, 3);
    assert_int_equal(fixture->requests, 0);
    say_target(fixture, 0, 0); /* shards, but no calls */
    UNTIL(fixture->loop, fixture->cities == CITIES);
    pass(fixture, 3);
    assert_int_equal(fixture->requests, 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fixture->requests > 0);
}

static void test_history_once_and_then_live(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fewest(fixture) >= 2);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(fixture->places[i].history, 1);
    UNTIL(fixture->loop, fixture->observations >= CITIES * (2 + 2));
    assert_int_equal(fixture->fetcher.metrics.history_rows_total,
                     CITIES * 2); /* the item in the future is not among them */
    assert_int_equal(fixture->fetcher.rows.skipped, CITIES);
    assert_true(fixture->fetcher.rows.left_out >= CITIES * 2); /* humidity 200 % */
    check_topic(fixture);
    UNTIL(fixture->loop, fixture->calls > 0);
    assert_int_equal(fixture->shards_held, SHARDS);
    assert_int_equal(fixture->failing, 0);
    /* No city faster than its interval: in the time of ten heartbeats (5 s) at most six polls each. */
    int before = fixture->requests;
    pass(fixture, 10);
    assert_true(fixture->requests - before <= CITIES * 6);
    assert_true(fixture->requests - before >= CITIES * 3);
}

static void test_an_unchanged_answer_is_a_checked_row(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.history_hours = 0;
    fixture->same_dt_s = clock_wall_ms() / 1000 - 100;
    set_mood(fixture, SAME_DT);
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fixture->checked >= CITIES * 2);
    assert_int_equal(fixture->observations, CITIES);
    assert_int_equal(fixture->fetcher.metrics.observations_total, CITIES);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(fixture->places[i].history, 0);
    check_topic(fixture);
    set_mood(fixture, GOOD);
    UNTIL(fixture->loop, fixture->observations >= CITIES * 2);
}

static void test_a_wrong_place_is_parked_and_told_and_the_others_go_on(void **state)
{
    struct fixture *fixture = *state;
    fixture->places[3].mood = BAD_PLACE;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fixture->failing == 1);
    int asked = fixture->places[3].current;
    assert_int_equal(fixture->places[3].history, 1); /* the history's 404 alone does not park it */
    assert_int_equal(asked, 1);
    for (int round = 0; round < 2; round++) {
        int before = fixture->places[4].current;
        UNTIL(fixture->loop, fixture->places[4].current >= before + 1);
    }
    assert_int_equal(fixture->places[3].current, asked);
    fixture->places[3].mood = GOOD;
    UNTIL(fixture->loop, fixture->failing == 0); /* asked again after 6 intervals */
}

static void test_a_refused_key_stops_everything(void **state)
{
    struct fixture *fixture = *state;
    struct buf missing = BUF_EMPTY;
    set_mood(fixture, REFUSE_KEY);
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fixture->requests > 0 && fixture->fetcher.sources[0].gate.state == GATE_KEY_REFUSED &&
                             transfers_running(fixture->fetcher.transfers) == 0);
    int before = fixture->requests;
    pass(fixture, 8);
    assert_int_equal(fixture->requests, before);
    fetcher_missing(&fixture->fetcher, &missing);
    assert_non_null(strstr(missing.data, "key_refused"));
    buf_release(&missing);
    assert_int_equal(fixture->failing, 0); /* no city's fault */
}

static void test_too_many_calls_stop_everything_for_as_long_as_told(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.history_hours = 0;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fewest(fixture) >= 1);
    set_mood(fixture, TOO_MANY);
    UNTIL(fixture->loop, fixture->fetcher.sources[0].gate.state == GATE_RATE_LIMITED &&
                             transfers_running(fixture->fetcher.transfers) == 0);
    set_mood(fixture, GOOD);
    int before = fixture->requests;
    pass(fixture, 6);
    assert_int_equal(fixture->requests, before);
    assert_true(fixture->fetcher.sources[0].gate.until_ms - clock_monotonic_ms() > INT64_C(3500) * 1000);
}

static void test_broken_bodies_everywhere_are_not_hammered(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.history_hours = 0;
    set_mood(fixture, BROKEN);
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fixture->fetcher.sources[0].gate.state == GATE_HOST_FAILING);
    set_mood(fixture, GOOD);
    UNTIL(fixture->loop, fixture->fetcher.sources[0].gate.state == GATE_OPEN && fewest(fixture) >= 3);
    assert_true(fixture->fetcher.answers[FETCH_BROKEN_BODY] >= GATE_HOST_FAILURES);
    UNTIL(fixture->loop, fixture->failing == 0);
}

static void test_a_shard_that_leaves_is_not_polled_and_has_no_second_history(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fewest(fixture) >= 1);
    say_target(fixture, SHARDS, BUCKET_UNLIMITED); /* none */
    UNTIL(fixture->loop, fixture->shards_held == 0 && transfers_running(fixture->fetcher.transfers) == 0);
    int before = fixture->requests;
    pass(fixture, 4);
    assert_int_equal(fixture->requests, before);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    int least = fewest(fixture);
    UNTIL(fixture->loop, fewest(fixture) >= least + 1);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(fixture->places[i].history, 1);
    check_topic(fixture);
}

static void test_polling_is_held_back_while_kafka_is_away(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fewest(fixture) >= 1);
    mock_power(fixture->mock, false);
    UNTIL(fixture->loop, outbox_stuck(fixture->fetcher.outbox) && outbox_waiting(fixture->fetcher.outbox) > 0 &&
                             transfers_running(fixture->fetcher.transfers) == 0);
    int before = fixture->requests;
    pass(fixture, 4);
    assert_int_equal(fixture->requests, before);
    mock_power(fixture->mock, true);
    int least = fewest(fixture);
    UNTIL(fixture->loop, fewest(fixture) >= least + 1);
    const struct fetcher_metrics *metrics = &fixture->fetcher.metrics;
    UNTIL(fixture->loop,
          fixture->observations == metrics->observations_total + metrics->history_rows_total); /* all of them */
    assert_int_equal(metrics->rows_lost_total, 0);
}

static void test_a_drain_aborts_calls_and_says_bye(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fewest(fixture) >= 1);
    set_mood(fixture, HANG);
    UNTIL(fixture->loop, transfers_running(fixture->fetcher.transfers) == CITIES);
    int64_t before = clock_monotonic_ms();
    fetcher_drain(&fixture->fetcher);
    UNTIL(fixture->loop, fixture->byes == 1 && daemon_phase(fixture->daemon) == PHASE_STOPPED);
    assert_true(clock_monotonic_ms() - before < 1500);
    assert_int_equal(fixture->fetcher.metrics.calls_aborted_total, CITIES);
    assert_int_equal(outbox_waiting(fixture->fetcher.outbox), 0);
}

static void test_bad_options_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static char empty[] = "", blank[] = "two words", plain[] = "http://127.0.0.1:1", odd[] = "odd", bad_id[] = "a b",
                real[] = "openweathermap";
    const struct fetcher_options good = fixture->options;
    struct fetcher *fetcher = &fixture->fetcher;
#define REFUSED(change)                                                                                                \
    fixture->options = good;                                                                                           \
    change;                                                                                                            \
    assert_int_equal(fetcher_start(fetcher, fixture->daemon), EXIT_CODE_CONFIG);                                       \
    fetcher_release(fetcher);                                                                                          \
    *fetcher = (struct fetcher){.options = &fixture->options}
    log_setup("test", LOG_ERROR + 1, false); /* the refusals are said, but not here */
    REFUSED(fixture->options.api_key = empty);
    REFUSED(fixture->options.api_key = blank);
    REFUSED(fixture->options.source = odd);
    REFUSED(fixture->options.id = bad_id);
    REFUSED(fixture->options.base_url = empty);
    REFUSED(fixture->options.base_url = plain; fixture->options.allow_http = false; fixture->options.source = real);
    REFUSED(fixture->options.compression = odd);
    REFUSED(fixture->options.coordinator = odd);
    log_setup("test", LOG_ERROR, false);
    fixture->options = good;
    start(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_polled_before_a_target),
        TEST(test_history_once_and_then_live),
        TEST(test_an_unchanged_answer_is_a_checked_row),
        TEST(test_a_wrong_place_is_parked_and_told_and_the_others_go_on),
        TEST(test_a_refused_key_stops_everything),
        TEST(test_too_many_calls_stop_everything_for_as_long_as_told),
        TEST(test_broken_bodies_everywhere_are_not_hammered),
        TEST(test_a_shard_that_leaves_is_not_polled_and_has_no_second_history),
        TEST(test_polling_is_held_back_while_kafka_is_away),
        TEST(test_a_drain_aborts_calls_and_says_bye),
        TEST(test_bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
