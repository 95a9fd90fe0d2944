/* What a fetcher's fixture knows, and the APIs that it plays: one place a call, and many as Open-Meteo has it. */
#ifndef ISOBAR_TEST_FETCHER_API_H
#define ISOBAR_TEST_FETCHER_API_H

#include "../../fetcher/fetcher.h"

#include "channel.h"
#include "httpd.h"
#include "loop_kit.h"
#include "shard.h"

#include "test_kafka_mock.h"

#define CITIES 8
#define SHARDS MOCK_PARTITIONS
#define KEY    "0123456789abcdef"

enum mood { GOOD, SAME_DT, REFUSE_KEY, TOO_MANY, BAD_PLACE, BROKEN, HANG, NULLS };

struct place {
    int64_t id;
    int32_t shard;
    int current, history, air; /* requests */
    enum mood mood;
    bool told; /* workers were, of its zone */
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
    int32_t second_share, second_in_force; /* of the second source's account; as the target and the heartbeat have it */
    struct place places[CITIES];
    int controls;
    int requests;
    size_t widest; /* places of a request, at most */
    int64_t same_dt_s;
    bool places_good; /* moods are of the API of one place a call only */
    /* of the last heartbeat */
    int heartbeats, byes;
    int32_t shards_held, cities, failing;
    int64_t calls;
    /* of the topic */
    struct kafka_consumer *consumer;
    struct batch *batch;
    int64_t observations, checked, ahead, foreign, unmarked, air;
    int64_t of_replay[2], of_open_meteo[2]; /* readings by series */
};

static inline void reply(struct httpd_request *request, int status, const struct buf *body)
{
    httpd_reply(request, status, "application/json", body->data, body->size);
}

static inline void reply_good(const struct fixture *fixture, struct httpd_request *request, const struct place *place,
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

/* One place of Open-Meteo's answer. */
static inline void append_place(struct fixture *fixture, struct buf *body, const struct place *place, size_t index,
                                bool air)
{
    long long quarter = (long long)(clock_wall_ms() / 1000 / 900 * 900);
    long long time = place->mood == SAME_DT ? (long long)fixture->same_dt_s : quarter - fixture->requests;
    buf_text(body, index ? ",{" : "{");
    if (index)
        buf_printf(body, "\"location_id\":%zu,", index);
    buf_printf(body, "\"current\":{\"time\":%lld,\"interval\":900", time);
    if (place->mood == NULLS)
        buf_text(body, ",\"temperature_2m\":null}}");
    else
        buf_text(body, air ? ",\"european_aqi\":20,\"pm2_5\":3.5}}" : ",\"temperature_2m\":4,\"rain\":0.1}}");
}

/* Open-Meteo: one place's fault is that of the whole answer. */
static inline void on_places(struct fixture *fixture, struct httpd_request *request, bool air)
{
    struct buf body = BUF_EMPTY;
    const char *at = httpd_query(request, "latitude");
    int status = 200;
    size_t count = 0;
    assert_non_null(at);
    for (int i = 0; i < fixture->fetcher.source_count; i++) {
        const struct source *source = &fixture->fetcher.sources[i];
        assert_true(strcmp(source->provider->name, "open-meteo") != 0 || source->running == 1); /* at a time */
    }
    buf_text(&body, strchr(at, ',') ? "[" : "");
    for (char *end; *at; at = *end ? end + 1 : end) {
        int index = (int)strtol(at, &end, 10);
        end += strspn(end, ".0");
        assert_in_range(index, 0, CITIES - 1);
        struct place *place = &fixture->places[index];
        place->current += !air;
        place->air += air;
        append_place(fixture, &body, place, count++, air);
        if (fixture->places_good)
            continue;
        if (place->mood == BROKEN)
            buf_text(&body, "Unexpected error while streaming data: timeout");
        status = place->mood == BAD_PLACE ? 400 : place->mood == TOO_MANY ? 429 : status;
    }
    buf_text(&body, count > 1 ? "]" : "");
    fixture->widest = count > fixture->widest ? count : fixture->widest;
    fixture->requests++;
    if (status != 200) {
        buf_reset(&body);
        buf_printf(&body, "{\"error\":true,\"reason\":\"%s\"}",
                   status == 400 ? "Latitude must be in range of -90 to 90°. Given: 522.52."
                                 : "Hourly API request limit exceeded. Please try again in the next hour.");
    }
    reply(request, status, &body);
    buf_release(&body);
}

static inline void on_request(void *arg, struct httpd_request *request)
{
    struct fixture *fixture = arg;
    if (strncmp(httpd_path(request), "/v1/", 4) == 0) {
        on_places(fixture, request, strcmp(httpd_path(request), "/v1/air-quality") == 0);
        return;
    }
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

static inline void set_mood(struct fixture *fixture, enum mood mood)
{
    for (int i = 0; i < CITIES; i++)
        fixture->places[i].mood = mood;
}

#endif
