/*
 * A coordinator without a loop of its own on a real Redis, and what it sends to fetcher-1. Static functions, because
 * each unit test is one source file.
 */
#ifndef ISOBAR_TEST_CATALOGUE_KIT_H
#define ISOBAR_TEST_CATALOGUE_KIT_H

#include "../../coordinator/coordinator.h"

#include "error.h"
#include "log.h"
#include "mem.h"
#include "redis_server.h"

#include "city.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define LIMIT_MS   10000
#define SHARDS     3
#define PART_LIMIT (512 * 1024)

static struct redis_server server;
static struct store_sync *redis;

struct fixture {
    struct loop *loop;
    struct store *store;
    struct coordinator *coordinator;
    /* of the messages sent */
    int messages, parts, cities, seen[20000];
    int64_t version;
    int fail_after; /* messages that are sent before the way is blocked; -1: all */
};

static struct store_reply *ask(size_t count, const char *const *words, const size_t *sizes)
{
    struct buf error = BUF_EMPTY;
    struct store_reply *reply = store_sync_command(redis, count, words, sizes, &error);
    if (!reply)
        fail_msg("redis: %s", error.data);
    if (reply && reply->type == STORE_ERROR)
        fail_msg("redis: %s", reply->text);
    buf_release(&error);
    return reply;
}

#define REDIS(...)                                                                                                     \
    store_reply_free(ask(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__}, NULL))

static void on_flag(void *arg)
{
    *(bool *)arg = true;
}

static inline void run_for(struct fixture *fixture, int64_t ms)
{
    bool done = false;
    struct loop_timer *timer = loop_timer_new(fixture->loop, on_flag, &done);
    loop_timer_set(timer, ms, 0);
    assert_int_equal(loop_run_until(fixture->loop, &done, LIMIT_MS), 0);
    loop_timer_free(timer);
}

#define WAIT(fixture, condition)                                                                                       \
    do {                                                                                                               \
        int64_t deadline_ms = clock_monotonic_ms() + LIMIT_MS;                                                         \
        while (!(condition)) {                                                                                         \
            if (clock_monotonic_ms() > deadline_ms)                                                                    \
                fail_msg("line %d: not within %d ms: %s", __LINE__, LIMIT_MS, #condition);                             \
            run_for(fixture, 5);                                                                                       \
        }                                                                                                              \
    } while (0)

static inline void put_city(int shard, int id, size_t name_bytes)
{
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT;
    char *name = mem_alloc(name_bytes + 1), key[64], field[16];
    memset(name, 'n', name_bytes);
    city.city_id = id;
    city.name = name;
    uint8_t packed[8192];
    size_t size = isobar__v1__city__pack(&city, packed);
    snprintf(key, sizeof key, "isobar:{%d}:cities", shard);
    snprintf(field, sizeof field, "%d", id);
    const char *words[] = {"HSET", key, field, (const char *)packed};
    const size_t sizes[] = {4, strlen(key), strlen(field), size};
    store_reply_free(ask(4, words, sizes));
    free(name);
}

static inline int catch (void *arg, const Isobar__V1__Envelope *envelope)
{
    struct fixture *fixture = arg;
    if (fixture->fail_after >= 0 && fixture->messages >= fixture->fail_after)
        return ERR_UNAVAILABLE;
    const Isobar__V1__Catalogue *catalogue = envelope->catalogue;
    assert_int_equal(envelope->body_case, ISOBAR__V1__ENVELOPE__BODY_CATALOGUE);
    assert_string_equal(envelope->member, "fetcher-1");
    assert_int_equal(envelope->incarnation, 7);
    assert_true(isobar__v1__envelope__get_packed_size(envelope) <= PART_LIMIT);
    assert_int_equal(catalogue->part, fixture->messages);
    fixture->parts = catalogue->parts;
    fixture->version = catalogue->version;
    fixture->messages++;
    for (size_t i = 0; i < catalogue->n_cities; i++)
        fixture->seen[catalogue->cities[i]->city_id]++;
    fixture->cities += (int)catalogue->n_cities;
    return 0;
}

static inline void send_shard(struct fixture *fixture, int32_t shard)
{
    struct post post = {catch, fixture};
    fixture->messages = fixture->parts = fixture->cities = 0;
    memset(fixture->seen, 0, sizeof fixture->seen);
    catalogue_send(fixture->coordinator->catalogue, &post, "fetcher-1", 7, shard);
}

static int begin(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);
    static struct coordinator_options options;
    struct store_config config = {.address = server.address, .timeout_ms = 2000};
    struct buf error = BUF_EMPTY;
    REDIS("FLUSHALL");
    options = (struct coordinator_options){
        .prefix = (char *)"isobar:", .redis = server.address, .calls_per_minute = 60, .settle_ms = 1000};
    fixture->fail_after = -1;
    fixture->loop = loop_new();
    fixture->store = store_new(fixture->loop, &config, NULL, NULL, &error);
    struct coordinator *coordinator = fixture->coordinator = mem_alloc(sizeof *coordinator);
    coordinator->options = &options;
    coordinator->loop = fixture->loop;
    coordinator->store = fixture->store;
    coordinator->catalogue = catalogue_new(fixture->store, "isobar:");
    coordinator->partitions = (struct slots){.kind = "partition", .role = ISOBAR__V1__ROLE__WORKER};
    coordinator->shards = (struct slots){.kind = "shard", .role = ISOBAR__V1__ROLE__FETCHER};
    coordinator->post = (struct post){catch, fixture};
    coordinator->endpoint = "tcp://127.0.0.1:1";
    snprintf(coordinator->id, sizeof coordinator->id, "c-1");
    REDIS("HSET", "isobar:meta", "format", "1");
    WAIT(fixture, store_up(fixture->store));
    buf_release(&error);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    store_free(fixture->store);
    catalogue_free(coordinator->catalogue);
    members_clear(&coordinator->members);
    drained_clear(&coordinator->drained);
    free(coordinator->partitions.slots);
    free(coordinator->partitions.views);
    free(coordinator->partitions.loads);
    free(coordinator->progress);
    free(coordinator->shards.loads);
    free(coordinator->shards.slots);
    free(coordinator->shards.views);
    free(coordinator);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static int start(void **state)
{
    (void)state;
    struct buf error = BUF_EMPTY;
    (void)signal(SIGPIPE, SIG_IGN);
    log_setup("test", LOG_ERROR + 1, false);
    if (!redis_server_start(&server, NULL))
        return -1;
    struct store_config config = {.address = server.address, .timeout_ms = 5000};
    redis = store_sync_new(&config, &error);
    buf_release(&error);
    return redis ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    store_sync_free(redis);
    redis_server_stop(&server);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
