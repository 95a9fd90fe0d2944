/* A fetcher between an API, a coordinator and a topic that the test plays. */
#ifndef ISOBAR_TEST_FETCHER_FIXTURE_H
#define ISOBAR_TEST_FETCHER_FIXTURE_H

#include "fetcher_api.h"

/* ---- the coordinator ---- */

static inline void tell(struct fixture *fixture, Isobar__V1__Envelope *envelope)
{
    envelope->format = 1;
    envelope->member = fixture->member;
    envelope->incarnation = fixture->incarnation;
    (void)!channel_send(fixture->coordinator, envelope);
}

static inline void say_welcome(struct fixture *fixture)
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
static inline void say_target(struct fixture *fixture, int first, int32_t share_milli)
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
    Isobar__V1__QuotaShare second = ISOBAR__V1__QUOTA_SHARE__INIT, *shares[] = {&second};
    target.calls_per_minute_milli = share_milli;
    if (fixture->fetcher.source_count > 1) {
        second.account = (char *)(uintptr_t)fixture->fetcher.sources[1].provider->account;
        second.calls_per_minute_milli = fixture->second_share;
        target.n_quota_shares = 1;
        target.quota_shares = shares;
    }
    target.catalogue_version = 1;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_TARGET;
    envelope.target = &target;
    tell(fixture, &envelope);
}

static inline void say_catalogue(struct fixture *fixture, int32_t shard)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Catalogue catalogue = ISOBAR__V1__CATALOGUE__INIT;
    Isobar__V1__City list[CITIES], *pointers[CITIES];
    static char name[] = "Somewhere", zone[] = "Asia/Kathmandu", country[] = "NP";
    for (int i = 0; i < CITIES; i++) {
        if (fixture->places[i].shard != shard)
            continue;
        isobar__v1__city__init(&list[i]);
        list[i].city_id = fixture->places[i].id;
        list[i].ascii_name = name;
        list[i].zone = zone;
        list[i].country = country;
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

static inline void hear_heartbeat(struct fixture *fixture, const Isobar__V1__Heartbeat *heartbeat)
{
    fixture->heartbeats++;
    fixture->shards_held = (int32_t)heartbeat->n_shards;
    fixture->cities = fixture->failing = 0;
    fixture->calls = heartbeat->calls;
    fixture->second_in_force = heartbeat->n_quota_shares ? heartbeat->quota_shares[0]->calls_per_minute_milli : 0;
    for (size_t i = 0; i < heartbeat->n_shards; i++) {
        const Isobar__V1__ShardStatus *status = heartbeat->shards[i];
        assert_int_equal(status->assignment, 10 + status->shard);
        fixture->cities += status->cities;
        fixture->failing += status->cities_failing;
        if (status->catalogue_version == 0)
            say_catalogue(fixture, status->shard);
    }
}

static inline void on_envelope(void *arg, const Isobar__V1__Envelope *envelope)
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

static inline struct place *place_of(struct fixture *fixture, int64_t id)
{
    for (int i = 0; i < CITIES; i++)
        if (fixture->places[i].id == id)
            return &fixture->places[i];
    fail_msg("a row of city %lld, which is none", (long long)id);
    return NULL;
}

/* What is said of a city comes before its first reading. */
static inline void hear_control(struct fixture *fixture, const struct observation *row, size_t index)
{
    struct control control;
    assert_true(batch_control(fixture->batch, index, &control));
    assert_string_equal(control.zone, "Asia/Kathmandu");
    assert_string_equal(control.country, "NP");
    assert_true(control.interval_s > 0);
    place_of(fixture, row->city_id)->told = true;
    fixture->controls++;
}

static inline void count_row(struct fixture *fixture, const struct observation *row, int32_t partition)
{
    assert_true(place_of(fixture, row->city_id)->told);
    bool checked = row->kind == ISOBAR__V1__ROW_KIND__CHECKED;
    if (row->provider == ISOBAR__V1__PROVIDER__OPEN_METEO_AIR) {
        fixture->air++;
        assert_true(checked || observation_has(row, ISOBAR__V1__VALUE__PM2_5));
        return;
    }
    if (!checked && row->provider == ISOBAR__V1__PROVIDER__OPEN_METEO)
        fixture->of_open_meteo[row->series]++;
    else if (!checked)
        fixture->of_replay[row->series]++;
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

static inline size_t on_records(void *arg, const struct kafka_record *records, size_t count)
{
    struct fixture *fixture = arg;
    for (size_t i = 0; i < count; i++) {
        const char *reason = NULL;
        struct observation row;
        if (batch_decode(fixture->batch, records[i].value, records[i].size, &reason) != 0)
            fail_msg("a worker would refuse it: %s", reason);
        for (size_t r = 0; r < batch_rows(fixture->batch); r++) {
            batch_row(fixture->batch, r, &row);
            if (row.kind == ISOBAR__V1__ROW_KIND__CONTROL)
                hear_control(fixture, &row, r);
            else
                count_row(fixture, &row, records[i].partition);
        }
    }
    return count;
}

/* ---- the fixture ---- */

static inline void on_drain(void *arg)
{
    fetcher_drain(arg);
}

static inline void set_options(struct fixture *fixture)
{
    static char off[] = "off", on[] = "on", empty[] = "", lz4[] = "lz4", topic[] = MOCK_TOPIC, replay[] = "replay",
                key[] = KEY, id[] = "fetcher-1";
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
                                                .allow_net = empty,
                                                .curve_key_file = empty,
                                                .curve_server_key = empty,
                                                .air = off,
                                                .air_base_url = empty,
                                                .interval_s = 1,
                                                .rhythm = on,
                                                .calls_per_minute = -1,
                                                .history_hours = 1,
                                                .concurrency = 8,
                                                .connect_timeout_ms = 2000,
                                                .timeout_ms = 5000};
}

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct httpd_config listen = {
        .bind = "127.0.0.1", .connections = 60, .streams = 10, .connections_per_address = 50, .deadline_ms = 60000};
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
    set_options(fixture);
    fixture->fetcher.options = &fixture->options;
    fixture->second_share = BUCKET_UNLIMITED;
    *state = fixture;
    return 0;
}

static inline void start(struct fixture *fixture)
{
    assert_int_equal(fetcher_start(&fixture->fetcher, fixture->daemon), EXIT_CODE_OK);
    fixture->batch = batch_new();
    fixture->consumer = mock_read(fixture->mock, fixture->loop, on_records, fixture);
}

static inline int teardown(void **state)
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

/* Runs the loop for so many heartbeats: time in which things that must not happen would. */
static inline void pass(struct fixture *fixture, int heartbeats)
{
    int until = fixture->heartbeats + heartbeats;
    UNTIL(fixture->loop, fixture->heartbeats >= until);
}

/* Asks Open-Meteo, whose calls are for many places, and is in touch with its coordinator. */
static inline void start_open_meteo(struct fixture *fixture)
{
    static char open_meteo[] = "open-meteo";
    fixture->options.source = open_meteo;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
}

/* Calls are allowed when all cities are due: they go into one. */
static inline void start_with_all_due(struct fixture *fixture)
{
    start_open_meteo(fixture);
    say_target(fixture, 0, 0);
    UNTIL(fixture->loop, fixture->cities == CITIES);
    pass(fixture, 3); /* longer than an interval */
    assert_int_equal(fixture->requests, 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
}

static inline int fewest(const struct fixture *fixture)
{
    int least = INT32_MAX;
    for (int i = 0; i < CITIES; i++)
        least = fixture->places[i].current < least ? fixture->places[i].current : least;
    return least;
}

static inline void check_topic(const struct fixture *fixture)
{
    assert_int_equal(fixture->ahead, 0);
    assert_int_equal(fixture->foreign, 0);
    assert_int_equal(fixture->unmarked, 0);
}

#endif
