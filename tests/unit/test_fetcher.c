/*
 * A whole fetcher in the test's process: the coordinator and the API are played by the test on the same loop, Kafka by
 * librdkafka's mock brokers. What it asks for and when, what arrives in the topic, and what it tells the coordinator.
 */
#include "../../fetcher/fetcher.h"

#include "channel.h"
#include "clock.h"
#include "error.h"
#include "httpd.h"
#include "shard.h"

#include "test_kafka_mock.h"

#define LIMIT_MS 20000
#define CITIES   8
#define SHARDS   MOCK_PARTITIONS
#define KEY      "0123456789abcdef"

enum mood { GOOD, SAME_DT, REFUSE_KEY, TOO_MANY, BAD_PLACE, BROKEN, HANG };

struct place {
    int64_t id;
    int32_t shard;
    int current, history; /* requests */
    enum mood mood;
};

struct fixture {
    struct mock *mock;
    struct daemon *daemon;
    struct daemon_config config;
    struct metric_page page;
    struct loop *loop;
    struct httpd *httpd;
    struct channel *coordinator;
    struct fetcher fetcher;
    struct fetcher_options options;
    char base_url[64], brokers[256], endpoint[64], member[80];
    int64_t incarnation, version;
    bool target_said;
    struct place places[CITIES];
    int requests;
    int64_t same_dt_s;
    /* of the last heartbeat */
    int heartbeats, byes;
    int32_t shards_held, cities, failing;
    int64_t calls;
    /* of the topic */
    struct kafka_consumer *consumer;
    struct batch *batch;
    int64_t observations, checked, ahead, foreign, unmarked;
};

/* ---- the API ---- */

static void reply(struct httpd_request *request, int status, const struct buf *body)
{
    httpd_reply(request, status, "application/json", body->data, body->size);
}

static void reply_good(const struct fixture *fixture, struct httpd_request *request, const struct place *place,
                       bool history)
{
    struct buf body = BUF_EMPTY;
    long long now = (long long)(clock_wall_ms() / 1000),
              dt = place->mood == SAME_DT ? (long long)fixture->same_dt_s : now;
    if (history)
        buf_printf(&body,
                   "{\"cod\":\"200\",\"base\":\"recorded\",\"list\":[{\"dt\":%lld,\"main\":{\"temp\":1}},{\"dt\":%lld,"
                   "\"main\":{\"temp\":2}},"
                   "{\"dt\":%lld,\"main\":{\"temp\":3}}]}",
                   now - 1800, now - 1200, now + 60);
    else
        buf_printf(&body,
                   "{\"base\":\"simulated\",\"main\":{\"temp\":4,\"humidity\":200},\"wind\":{\"deg\":360},\"dt\":%lld,"
                   "\"cod\":200}",
                   dt);
    reply(request, 200, &body);
    buf_release(&body);
}

static void on_request(void *arg, struct httpd_request *request)
{
    struct fixture *fixture = arg;
    const char *latitude = httpd_query(request, "lat"), *key = httpd_query(request, "appid");
    assert_non_null(latitude);
    assert_string_equal(key, KEY);
    assert_string_equal(httpd_query(request, "units"), "metric");
    int index = atoi(latitude);
    assert_in_range(index, 0, CITIES - 1);
    struct place *place = &fixture->places[index];
    bool history = strcmp(httpd_path(request), "/data/2.5/history/city") == 0;
    fixture->requests++;
    place->current += !history;
    place->history += history;
    switch (place->mood) {
    case REFUSE_KEY:
        httpd_reply_problem(request, 401, "no", "no");
        break;
    case TOO_MANY:
        httpd_reply_header(request, "Retry-After", "3600");
        httpd_reply_problem(request, 429, "no", "no");
        break;
    case BAD_PLACE:
        httpd_reply(request, 404, "text/plain", "", 0);
        break;
    case BROKEN:
        httpd_reply(request, 200, "text/html", "<html>", 6);
        break;
    case HANG:
        (void)httpd_reply_stream(request, "application/json", NULL, NULL);
        break;
    default:
        reply_good(fixture, request, place, history);
        break;
    }
}

static void set_mood(struct fixture *fixture, enum mood mood)
{
    for (int i = 0; i < CITIES; i++)
        fixture->places[i].mood = mood;
}

/* ---- the coordinator ---- */

static void tell(struct fixture *fixture, Isobar__V1__Envelope *envelope)
{
    envelope->format = 1;
    envelope->member = fixture->member;
    envelope->incarnation = fixture->incarnation;
    (void)!channel_send(fixture->coordinator, envelope);
}

static void say_welcome(struct fixture *fixture)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Welcome welcome = ISOBAR__V1__WELCOME__INIT;
    welcome.term = 1;
    welcome.partitions = SHARDS;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_WELCOME;
    envelope.welcome = &welcome;
    tell(fixture, &envelope);
}

/* The shards from `first` on, and a share. */
static void say_target(struct fixture *fixture, int first, int32_t share_milli)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Target target = ISOBAR__V1__TARGET__INIT;
    Isobar__V1__Assignment list[SHARDS], *pointers[SHARDS];
    for (int s = first; s < SHARDS; s++) {
        isobar__v1__assignment__init(&list[s]);
        list[s].index = s;
        list[s].number = 10 + s;
        pointers[target.n_shards++] = &list[s];
    }
    target.term = 1;
    target.version = ++fixture->version;
    target.shards = pointers;
    target.calls_per_minute_milli = share_milli;
    target.catalogue_version = 1;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_TARGET;
    envelope.target = &target;
    tell(fixture, &envelope);
}

static void say_catalogue(struct fixture *fixture, int32_t shard)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Catalogue catalogue = ISOBAR__V1__CATALOGUE__INIT;
    Isobar__V1__City list[CITIES], *pointers[CITIES];
    static char name[] = "Somewhere";
    for (int i = 0; i < CITIES; i++) {
        if (fixture->places[i].shard != shard)
            continue;
        isobar__v1__city__init(&list[i]);
        list[i].city_id = fixture->places[i].id;
        list[i].ascii_name = name;
        list[i].latitude_e5 = i * 100000;
        pointers[catalogue.n_cities++] = &list[i];
    }
    catalogue.version = catalogue.parts = 1;
    catalogue.shard = shard;
    catalogue.cities = pointers;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_CATALOGUE;
    envelope.catalogue = &catalogue;
    tell(fixture, &envelope);
}

static void hear_heartbeat(struct fixture *fixture, const Isobar__V1__Heartbeat *heartbeat)
{
    fixture->heartbeats++;
    fixture->shards_held = (int32_t)heartbeat->n_shards;
    fixture->cities = fixture->failing = 0;
    fixture->calls = heartbeat->calls;
    for (size_t i = 0; i < heartbeat->n_shards; i++) {
        const Isobar__V1__ShardStatus *status = heartbeat->shards[i];
        assert_int_equal(status->assignment, 10 + status->shard);
        fixture->cities += status->cities;
        fixture->failing += status->cities_failing;
        if (status->catalogue_version == 0)
            say_catalogue(fixture, status->shard);
    }
}

static void on_envelope(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct fixture *fixture = arg;
    Isobar__V1__Envelope answer = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
    snprintf(fixture->member, sizeof fixture->member, "%s", envelope->member);
    fixture->incarnation = envelope->incarnation;
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HELLO) {
        assert_int_equal(envelope->hello->role, ISOBAR__V1__ROLE__FETCHER);
        say_welcome(fixture);
    } else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT) {
        hear_heartbeat(fixture, envelope->heartbeat);
        beat.term = 1;
        answer.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
        answer.heartbeat = &beat;
        tell(fixture, &answer);
    } else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_BYE) {
        fixture->byes++;
    }
}

/* ---- the topic ---- */

static void count_row(struct fixture *fixture, const struct observation *row, int32_t partition)
{
    bool checked = row->kind == ISOBAR__V1__ROW_KIND__CHECKED;
    fixture->observations += !checked;
    fixture->checked += checked;
    fixture->ahead += row->observed_at_ms > clock_wall_ms();
    fixture->foreign += shard_of_city(row->city_id, SHARDS) != partition;
    fixture->unmarked +=
        row->provider != ISOBAR__V1__PROVIDER__RECORDED && row->provider != ISOBAR__V1__PROVIDER__SIMULATED;
    if (checked)
        assert_int_equal(row->present, 0);
    else
        assert_true(observation_has(row, ISOBAR__V1__VALUE__TEMPERATURE));
}

static size_t on_records(void *arg, const struct kafka_record *records, size_t count)
{
    struct fixture *fixture = arg;
    for (size_t i = 0; i < count; i++) {
        const char *reason = NULL;
        struct observation row;
        if (batch_decode(fixture->batch, records[i].value, records[i].size, &reason) != 0)
            fail_msg("a worker would refuse it: %s", reason);
        for (size_t r = 0; r < batch_rows(fixture->batch); r++) {
            batch_row(fixture->batch, r, &row);
            count_row(fixture, &row, records[i].partition);
        }
    }
    return count;
}

static void on_partition_error(void *arg, int32_t partition, const char *reason)
{
    (void)arg;
    fail_msg("partition %d: %s", partition, reason);
}

static void on_error(void *arg, bool fatal, const char *reason)
{
    (void)arg, (void)fatal, (void)reason;
}

static void open_topic(struct fixture *fixture)
{
    struct kafka_config config = {.brokers = fixture->mock->brokers,
                                  .client_id = "reader",
                                  .group = "g",
                                  .fetch_memory = 1 << 20,
                                  .partitions = SHARDS};
    struct kafka_consumer_events events = {
        .records = on_records, .partition_error = on_partition_error, .error = on_error, .arg = fixture};
    struct buf error = BUF_EMPTY;
    fixture->batch = batch_new();
    fixture->consumer = kafka_consumer_new(fixture->loop, &config, MOCK_TOPIC, &events, &error);
    assert_non_null(fixture->consumer);
    for (int32_t p = 0; p < SHARDS; p++)
        assert_int_equal(kafka_consumer_assign(fixture->consumer, p, 0), 0);
}

/* ---- the fixture ---- */

static void on_drain(void *arg)
{
    fetcher_drain(arg);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct httpd_config listen = {
        .bind = "127.0.0.1", .connections = 50, .connections_per_address = 50, .deadline_ms = 60000};
    struct buf error = BUF_EMPTY;
    int code = 0;
    assert_non_null(fixture);
    mock_setup(state);
    fixture->mock = *state;
    fixture->page = (struct metric_page){.component = "test"};
    fixture->config = (struct daemon_config){.component = "test",
                                             .log_level = "error",
                                             .log_format = "logfmt",
                                             .admin_bind = "127.0.0.1",
                                             .admin_port = -1,
                                             .drain_limit_ms = 5000,
                                             .metrics = &fixture->page,
                                             .drain = on_drain,
                                             .arg = &fixture->fetcher};
    fixture->daemon = daemon_new(&fixture->config, &code);
    assert_non_null(fixture->daemon);
    fixture->loop = daemon_loop(fixture->daemon);
    fixture->httpd = httpd_new(fixture->loop, &listen, on_request, fixture, NULL);
    fixture->coordinator = channel_listen(fixture->loop, "tcp://127.0.0.1:0", on_envelope, fixture, &error);
    assert_non_null(fixture->httpd);
    assert_non_null(fixture->coordinator);
    for (int i = 0; i < CITIES; i++) {
        fixture->places[i].id = 100 + i;
        fixture->places[i].shard = shard_of_city(100 + i, SHARDS);
    }
    snprintf(fixture->brokers, sizeof fixture->brokers, "%s", fixture->mock->brokers);
    snprintf(fixture->endpoint, sizeof fixture->endpoint, "%s", channel_endpoint(fixture->coordinator));
    snprintf(fixture->base_url, sizeof fixture->base_url, "http://127.0.0.1:%d", httpd_port(fixture->httpd));
    static char empty[] = "", lz4[] = "lz4", topic[] = MOCK_TOPIC, replay[] = "replay", key[] = KEY, id[] = "fetcher-1";
    fixture->options = (struct fetcher_options){.id = id,
                                                .zone = empty,
                                                .capacity = 100,
                                                .kafka = fixture->brokers,
                                                .topic = topic,
                                                .compression = lz4,
                                                .coordinator = fixture->endpoint,
                                                .source = replay,
                                                .api_key = key,
                                                .base_url = fixture->base_url,
                                                .allow_http = true,
                                                .proxy = empty,
                                                .ca_file = empty,
                                                .curve_key_file = empty,
                                                .curve_server_key = empty,
                                                .interval_s = 1,
                                                .calls_per_minute = -1,
                                                .history_hours = 1,
                                                .concurrency = 8,
                                                .connect_timeout_ms = 2000,
                                                .timeout_ms = 5000};
    fixture->fetcher.options = &fixture->options;
    *state = fixture;
    return 0;
}

static void start(struct fixture *fixture)
{
    assert_int_equal(fetcher_start(&fixture->fetcher, fixture->daemon), EXIT_CODE_OK);
    open_topic(fixture);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    fetcher_release(&fixture->fetcher);
    kafka_consumer_free(fixture->consumer);
    batch_free(fixture->batch);
    channel_free(fixture->coordinator);
    httpd_free(fixture->httpd);
    daemon_free(fixture->daemon);
    *state = fixture->mock;
    free(fixture);
    return mock_teardown(state);
}

/* Runs the loop until `condition` holds. */
#define UNTIL(condition)                                                                                               \
    do {                                                                                                               \
        int64_t end_ = clock_monotonic_ms() + LIMIT_MS;                                                                \
        bool never_ = false;                                                                                           \
        while (!(condition)) {                                                                                         \
            if (clock_monotonic_ms() > end_)                                                                           \
                fail_msg("not within %d ms: %s", LIMIT_MS, #condition);                                                \
            (void)!loop_run_until(fixture->loop, &never_, 5);                                                          \
        }                                                                                                              \
    } while (0)

/* Runs the loop for so many heartbeats: time in which things that must not happen would. */
static void pass(struct fixture *fixture, int heartbeats)
{
    int until = fixture->heartbeats + heartbeats;
    UNTIL(fixture->heartbeats >= until);
}

static int fewest(const struct fixture *fixture)
{
    int least = INT32_MAX;
    for (int i = 0; i < CITIES; i++)
        least = fixture->places[i].current < least ? fixture->places[i].current : least;
    return least;
}

static void check_topic(const struct fixture *fixture)
{
    assert_int_equal(fixture->ahead, 0);
    assert_int_equal(fixture->foreign, 0);
    assert_int_equal(fixture->unmarked, 0);
}

/* ---- tests ---- */

static void test_nothing_is_polled_before_a_target(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->heartbeats > 0);
    pass(fixture, 3);
    assert_int_equal(fixture->requests, 0);
    say_target(fixture, 0, 0); /* shards, but no calls */
    UNTIL(fixture->cities == CITIES);
    pass(fixture, 3);
    assert_int_equal(fixture->requests, 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->requests > 0);
}

static void test_history_once_and_then_live(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fewest(fixture) >= 2);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(fixture->places[i].history, 1);
    UNTIL(fixture->observations >= CITIES * (2 + 2));
    assert_int_equal(fixture->fetcher.metrics.history_rows_total,
                     CITIES * 2); /* the item in the future is not among them */
    assert_int_equal(fixture->fetcher.rows.skipped, CITIES);
    assert_true(fixture->fetcher.rows.left_out >= CITIES * 2); /* humidity 200 % */
    check_topic(fixture);
    UNTIL(fixture->calls > 0);
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
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->checked >= CITIES * 2);
    assert_int_equal(fixture->observations, CITIES);
    assert_int_equal(fixture->fetcher.metrics.observations_total, CITIES);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(fixture->places[i].history, 0);
    check_topic(fixture);
    set_mood(fixture, GOOD);
    UNTIL(fixture->observations >= CITIES * 2);
}

static void test_a_wrong_place_is_parked_and_told_and_the_others_go_on(void **state)
{
    struct fixture *fixture = *state;
    fixture->places[3].mood = BAD_PLACE;
    start(fixture);
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->failing == 1);
    int asked = fixture->places[3].current;
    assert_int_equal(fixture->places[3].history, 1); /* the history's 404 alone does not park it */
    assert_int_equal(asked, 1);
    for (int round = 0; round < 2; round++) {
        int before = fixture->places[4].current;
        UNTIL(fixture->places[4].current >= before + 1);
    }
    assert_int_equal(fixture->places[3].current, asked);
    fixture->places[3].mood = GOOD;
    UNTIL(fixture->failing == 0); /* asked again after 6 intervals */
}

static void test_a_refused_key_stops_everything(void **state)
{
    struct fixture *fixture = *state;
    struct buf missing = BUF_EMPTY;
    set_mood(fixture, REFUSE_KEY);
    start(fixture);
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->requests > 0 && fixture->fetcher.gate.state == GATE_KEY_REFUSED &&
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
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fewest(fixture) >= 1);
    set_mood(fixture, TOO_MANY);
    UNTIL(fixture->fetcher.gate.state == GATE_RATE_LIMITED && transfers_running(fixture->fetcher.transfers) == 0);
    set_mood(fixture, GOOD);
    int before = fixture->requests;
    pass(fixture, 6);
    assert_int_equal(fixture->requests, before);
    assert_true(fixture->fetcher.gate.until_ms - clock_monotonic_ms() > INT64_C(3500) * 1000);
}

static void test_broken_bodies_everywhere_are_not_hammered(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.history_hours = 0;
    set_mood(fixture, BROKEN);
    start(fixture);
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->fetcher.gate.state == GATE_HOST_FAILING);
    set_mood(fixture, GOOD);
    UNTIL(fixture->fetcher.gate.state == GATE_OPEN && fewest(fixture) >= 3);
    assert_true(fixture->fetcher.answers[FETCH_BROKEN_BODY] >= GATE_HOST_FAILURES);
    UNTIL(fixture->failing == 0);
}

static void test_a_shard_that_leaves_is_not_polled_and_has_no_second_history(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fewest(fixture) >= 1);
    say_target(fixture, SHARDS, BUCKET_UNLIMITED); /* none */
    UNTIL(fixture->shards_held == 0 && transfers_running(fixture->fetcher.transfers) == 0);
    int before = fixture->requests;
    pass(fixture, 4);
    assert_int_equal(fixture->requests, before);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    int least = fewest(fixture);
    UNTIL(fewest(fixture) >= least + 1);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(fixture->places[i].history, 1);
    check_topic(fixture);
}

static void test_polling_is_held_back_while_kafka_is_away(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fewest(fixture) >= 1);
    mock_power(fixture->mock, false);
    UNTIL(outbox_stuck(fixture->fetcher.outbox) && outbox_waiting(fixture->fetcher.outbox) > 0 &&
          transfers_running(fixture->fetcher.transfers) == 0);
    int before = fixture->requests;
    pass(fixture, 4);
    assert_int_equal(fixture->requests, before);
    mock_power(fixture->mock, true);
    int least = fewest(fixture);
    UNTIL(fewest(fixture) >= least + 1);
    const struct fetcher_metrics *metrics = &fixture->fetcher.metrics;
    UNTIL(fixture->observations == metrics->observations_total + metrics->history_rows_total); /* all of them */
    assert_int_equal(metrics->rows_lost_total, 0);
}

static void test_a_drain_aborts_calls_and_says_bye(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    UNTIL(fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fewest(fixture) >= 1);
    set_mood(fixture, HANG);
    UNTIL(transfers_running(fixture->fetcher.transfers) == CITIES);
    int64_t before = clock_monotonic_ms();
    fetcher_drain(&fixture->fetcher);
    UNTIL(fixture->byes == 1 && daemon_phase(fixture->daemon) == PHASE_STOPPED);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
