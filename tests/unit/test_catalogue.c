/* The catalogue from a real Redis to the messages that fetchers get; and all else that a new leader reads. */
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

static void run_for(struct fixture *fixture, int64_t ms)
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

static void put_city(int shard, int id, size_t name_bytes)
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

static int catch (void *arg, const Isobar__V1__Envelope *envelope)
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

static void send_shard(struct fixture *fixture, int32_t shard)
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

/* ---- the catalogue ---- */

static void all_shards_the_empty_ones_too(void **state)
{
    struct fixture *fixture = *state;
    struct catalogue *catalogue = fixture->coordinator->catalogue;
    for (int id = 1; id <= 40; id++)
        put_city(id % 2, id, 10); /* none in shard 2 */
    send_shard(fixture, 0);
    assert_int_equal(fixture->messages, 0); /* nothing was read yet */
    catalogue_want(catalogue, 0, SHARDS);
    assert_int_equal(store_outstanding(fixture->store), 0); /* 0: there is none */
    catalogue_want(catalogue, 5, SHARDS);
    catalogue_want(catalogue, 5, SHARDS);
    assert_int_equal(store_outstanding(fixture->store), SHARDS + 1);
    assert_int_equal(catalogue_version(catalogue), 0);
    WAIT(fixture, catalogue_version(catalogue) == 5);
    for (int32_t shard = 0; shard < SHARDS; shard++) {
        send_shard(fixture, shard);
        assert_true(fixture->messages == 1 && fixture->parts == 1 && fixture->version == 5);
        assert_int_equal(fixture->cities, shard == 2 ? 0 : 20);
        for (int id = 1; id <= 40; id++)
            assert_int_equal(fixture->seen[id], id % 2 == shard);
    }
    send_shard(fixture, -1);
    send_shard(fixture, SHARDS);
    assert_int_equal(fixture->messages, 0);
    catalogue_want(catalogue, 5, SHARDS);
    assert_int_equal(store_outstanding(fixture->store), 0);
}

static void big_shards_come_in_parts(void **state)
{
    struct fixture *fixture = *state;
    for (int id = 1; id <= 1000; id++)
        put_city(0, id, 1 + (size_t)(id * 37) % 3000);
    catalogue_want(fixture->coordinator->catalogue, 1, SHARDS);
    WAIT(fixture, catalogue_version(fixture->coordinator->catalogue) == 1);
    send_shard(fixture, 0);
    assert_true(fixture->parts >= 3 && fixture->parts <= 4); /* 1.5 MB */
    assert_int_equal(fixture->messages, fixture->parts);
    for (int id = 1; id <= 1000; id++)
        assert_int_equal(fixture->seen[id], 1);
    fixture->fail_after = 1;
    send_shard(fixture, 0); /* the connection is full: the rest comes with the next heartbeat */
    assert_int_equal(fixture->messages, 1);
}

static void the_old_version_is_served_until_the_new_one_is_whole(void **state)
{
    struct fixture *fixture = *state;
    struct catalogue *catalogue = fixture->coordinator->catalogue;
    put_city(0, 1, 5);
    catalogue_want(catalogue, 1, SHARDS);
    WAIT(fixture, catalogue_version(catalogue) == 1);
    put_city(0, 2, 5);
    catalogue_want(catalogue, 2, SHARDS);
    catalogue_want(catalogue, 3, SHARDS); /* while a read is on its way: later */
    assert_int_equal(store_outstanding(fixture->store), SHARDS + 1);
    assert_int_equal(catalogue_version(catalogue), 1);
    send_shard(fixture, 0);
    assert_true(fixture->cities == 1 && fixture->version == 1);
    WAIT(fixture, catalogue_version(catalogue) == 2);
    catalogue_want(catalogue, 3, SHARDS);
    WAIT(fixture, catalogue_version(catalogue) == 3);
    send_shard(fixture, 0);
    assert_int_equal(fixture->cities, 2);
    catalogue_want(catalogue, 1, SHARDS + 2); /* Redis went back, and to another installation */
    WAIT(fixture, catalogue_version(catalogue) == 1);
    send_shard(fixture, SHARDS + 1);
    assert_int_equal(fixture->messages, 1);
}

static void a_read_that_fails_is_begun_anew(void **state)
{
    struct fixture *fixture = *state;
    struct catalogue *catalogue = fixture->coordinator->catalogue;
    put_city(0, 1, 5);
    REDIS("SET", "isobar:{1}:cities", "not a hash");
    catalogue_want(catalogue, 1, SHARDS);
    WAIT(fixture, store_outstanding(fixture->store) == 0);
    assert_int_equal(catalogue_version(catalogue), 0);
    REDIS("DEL", "isobar:{1}:cities");
    catalogue_want(catalogue, 1, SHARDS);
    WAIT(fixture, catalogue_version(catalogue) == 1);
    catalogue_want(catalogue, 2, SHARDS);
    store_reconnect(fixture->store, "test"); /* with the answers on their way */
    WAIT(fixture, store_up(fixture->store) && store_outstanding(fixture->store) == 0);
    assert_int_equal(catalogue_version(catalogue), 1);
    catalogue_want(catalogue, 2, SHARDS);
    WAIT(fixture, catalogue_version(catalogue) == 2);
}

/* Redis is emptied between the version and the cities: that is no catalogue without cities. */
static void a_redis_that_was_emptied_has_no_catalogue(void **state)
{
    struct fixture *fixture = *state;
    struct catalogue *catalogue = fixture->coordinator->catalogue;
    REDIS("FLUSHALL");
    catalogue_want(catalogue, 1, SHARDS);
    WAIT(fixture, store_outstanding(fixture->store) == 0);
    assert_int_equal(catalogue_version(catalogue), 0);
    REDIS("HSET", "isobar:meta", "format", "1");
    put_city(0, 1, 5);
    catalogue_want(catalogue, 1, SHARDS);
    WAIT(fixture, catalogue_version(catalogue) == 1);
    send_shard(fixture, 0);
    assert_int_equal(fixture->cities, 1);
}

static void bad_records_do_not_cost_the_others(void **state)
{
    struct fixture *fixture = *state;
    char large[4099]; /* decodes, but is too long */
    memset(large, 'x', sizeof large - 1);
    large[4098] = '\0';
    put_city(0, 1, 5);
    REDIS("HSET", "isobar:{0}:cities", "2", "\xff\xff\xff", "3", large, "4", "\x1a\x02\xc3\xc3", "5",
          "\x1a\x03\xe2\x82"); /* name no UTF-8; cut off */
    catalogue_want(fixture->coordinator->catalogue, 1, SHARDS);
    WAIT(fixture, catalogue_version(fixture->coordinator->catalogue) == 1);
    send_shard(fixture, 0);
    assert_true(fixture->cities == 1 && fixture->seen[1] == 1);
}

/* A fetcher gets the shards it holds as soon as it reports another version, and again until it has them, ever more
 * seldom. */
static void fetchers_are_served_what_they_lack(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    struct member like = {.incarnation = 7, .role = ISOBAR__V1__ROLE__FETCHER, .capacity = 100};
    snprintf(like.id, sizeof like.id, "fetcher-1");
    put_city(0, 1, 5);
    leader_begin(coordinator, SHARDS, "t", 1);
    catalogue_want(coordinator->catalogue, 4, SHARDS);
    WAIT(fixture, catalogue_version(coordinator->catalogue) == 4);
    const struct member *member = member_restore(&coordinator->members, &like, 0);
    coordinator->shards.slots[0] = (struct slot){.state = SLOT_GIVEN, .owner = member->key, .number = 1};
    coordinator->shards.slots[1] = (struct slot){.state = SLOT_RELEASING, .owner = member->key, .number = 1};
    coordinator->shards.slots[2] = (struct slot){.state = SLOT_GIVEN, .owner = member->key + 1, .number = 1};
    Isobar__V1__ShardStatus statuses[5], *list[5];
    static const int32_t shards[] = {0, 1, 2, -1, SHARDS};
    for (int i = 0; i < 5; i++) {
        isobar__v1__shard_status__init(&statuses[i]);
        statuses[i].shard = shards[i];
        statuses[i].catalogue_version = 3;
        list[i] = &statuses[i];
    }
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    heartbeat.n_shards = 5;
    heartbeat.shards = list;
    int sent = 0;
    for (coordinator->now_ms = 1000; coordinator->now_ms < 61000; coordinator->now_ms += 500) {
        fixture->messages = 0;
        report_serve(coordinator, member, &heartbeat);
        assert_true(coordinator->now_ms > 1000 || fixture->messages == 1); /* shard 0 only, at once */
        sent += fixture->messages;
    }
    assert_int_equal(sent, 6); /* at 0, 1, 3, 7, 15 and 31 s */
    statuses[0].catalogue_version = 4;
    fixture->messages = 0;
    report_serve(coordinator, member, &heartbeat);
    assert_int_equal(fixture->messages, 0);
    catalogue_want(coordinator->catalogue, 5, SHARDS); /* a new version: at once again */
    WAIT(fixture, catalogue_version(coordinator->catalogue) == 5);
    report_serve(coordinator, member, &heartbeat);
    assert_int_equal(fixture->messages, 1);
    statuses[0].catalogue_version = 9; /* Redis went back: it gets what is there now */
    coordinator->now_ms += 1000;
    fixture->messages = 0;
    report_serve(coordinator, member, &heartbeat);
    assert_int_equal(fixture->messages, 1);
}

/* ---- what a new leader reads ---- */

static void make_installation(const char *number)
{
    REDIS("HSET", "isobar:meta", "partitions", "3", "topic", "weather.observations", "catalogue_version", "4");
    REDIS("HSET", "isobar:{0}:ledger", "number", "7");
    REDIS("HSET", "isobar:{1}:ledger", "number", number);
    REDIS("SET", "isobar:term", "11");
}

static void tick(struct fixture *fixture)
{
    coordinator_wake(fixture->coordinator);
    leader_tick(fixture->coordinator);
    run_for(fixture, 20);
}

static void lead(struct fixture *fixture)
{
    coordinator_wake(fixture->coordinator);
    leader_changed(fixture->coordinator, true);
}

static void a_new_leader_reads_all_numbers(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("900");
    char view[256];
    snprintf(
        view, sizeof view,
        "{\"at_ms\":%lld,\"members\":[{\"id\":\"w\",\"role\":\"worker\",\"state\":\"live\",\"incarnation\":\"1f\"}]}",
        (long long)clock_wall_ms());
    REDIS("SET", "isobar:cluster", view);
    lead(fixture);
    WAIT(fixture, coordinator->leading == LEAD_SETTLING);
    assert_int_equal(coordinator->term, 12);
    assert_int_equal(coordinator->partition_count, 3);
    assert_int_equal(coordinator->partitions.number, 900);
    assert_string_equal(coordinator->topic, "weather.observations");
    const struct member *member = member_find(&coordinator->members, "w");
    assert_true(member && member->expected && member->incarnation == 0x1f);
    WAIT(fixture, catalogue_version(coordinator->catalogue) == 4);
    coordinator_wake(coordinator);
    leader_changed(coordinator, false);
    assert_int_equal(coordinator->leading, LEAD_NOT);
    lead(fixture); /* and once more */
    WAIT(fixture, coordinator->leading == LEAD_SETTLING);
    assert_int_equal(coordinator->term, 13);
}

/* A number that could not be read must not be given again: all of it is asked anew. */
static void no_lead_without_every_number(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("not a number");
    lead(fixture);
    for (int i = 0; i < 10; i++)
        tick(fixture);
    WAIT(fixture, store_outstanding(fixture->store) == 0);
    assert_int_equal(coordinator->leading, LEAD_READING);
    REDIS("SET", "isobar:{2}:ledger", "of another type");
    REDIS("HSET", "isobar:{1}:ledger", "number", "41");
    for (int i = 0; i < 60; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_READING);
    REDIS("DEL", "isobar:{2}:ledger"); /* none is none: workers raise the alarm */
    for (int i = 0; i < 120 && coordinator->leading == LEAD_READING; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_SETTLING);
    assert_int_equal(coordinator->partitions.number, 41);
}

static void a_connection_lost_while_reading_is_no_dead_end(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("5");
    lead(fixture);
    WAIT(fixture, coordinator->reading != NULL || coordinator->leading == LEAD_SETTLING);
    if (coordinator->reading)
        store_reconnect(fixture->store, "test");
    for (int i = 0; i < 200 && coordinator->leading == LEAD_READING; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_SETTLING);
    assert_int_equal(coordinator->partitions.number, 7);
}

static void an_installation_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    lead(fixture);
    static const char *const bad[] = {"0", "-3", "4097", "24x", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REDIS("HSET", "isobar:meta", "partitions", bad[i], "topic", "t", "catalogue_version", "1");
        coordinator->asked_ms = INT64_MIN / 2;
        for (int k = 0; k < 3; k++)
            tick(fixture);
        assert_int_equal(coordinator->leading, LEAD_READING);
        assert_null(coordinator->reading);
    }
    make_installation("1");
    for (int i = 0; i < 120 && coordinator->leading == LEAD_READING; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_SETTLING);
}

/* Redis went back behind a term that we have had, and is told. */
static void a_term_that_was_lost_is_noted(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("1");
    coordinator->term = 50;
    lead(fixture);
    WAIT(fixture, coordinator->leading == LEAD_SETTLING);
    assert_int_equal(coordinator->term, 51);
    leader_raise(coordinator, 50);
    assert_int_equal(coordinator->term, 51);
    leader_raise(coordinator, 80);
    assert_int_equal(coordinator->term, 81);
    WAIT(fixture, store_outstanding(fixture->store) == 0);
    const char *words[] = {"GET", "isobar:term"};
    struct store_reply *reply = ask(2, words, NULL);
    assert_string_equal(reply->text, "81");
    store_reply_free(reply);
}

/* The view, the audit and the lead itself, as others find them in Redis. */
static void what_others_read(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    make_installation("1");
    lead(fixture);
    WAIT(fixture, coordinator->leading == LEAD_SETTLING);
    for (int i = 0; i < 150 && coordinator->leading == LEAD_SETTLING; i++)
        tick(fixture);
    assert_int_equal(coordinator->leading, LEAD_ACTING);
    WAIT(fixture, store_outstanding(fixture->store) == 0);
    const char *get[] = {"GET", "isobar:cluster"}, *range[] = {"XRANGE", "isobar:audit", "-", "+"};
    struct store_reply *reply = ask(2, get, NULL);
    assert_non_null(strstr(reply->text, "\"leader\":\"c-1\""));
    assert_non_null(strstr(reply->text, "\"term\":12"));
    store_reply_free(reply);
    reply = ask(4, range, NULL);
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->elements[0]->elements[1]->elements[1]->text, "leader");
    store_reply_free(reply);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_shards_the_empty_ones_too),
        T(big_shards_come_in_parts),
        T(the_old_version_is_served_until_the_new_one_is_whole),
        T(a_read_that_fails_is_begun_anew),
        T(bad_records_do_not_cost_the_others),
        T(a_redis_that_was_emptied_has_no_catalogue),
        T(fetchers_are_served_what_they_lack),
        T(a_new_leader_reads_all_numbers),
        T(no_lead_without_every_number),
        T(a_connection_lost_while_reading_is_no_dead_end),
        T(an_installation_is_waited_for),
        T(a_term_that_was_lost_is_noted),
        T(what_others_read),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
