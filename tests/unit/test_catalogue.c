/* The catalogue from a real Redis to the messages that fetchers get. */
#include "coordinator_fixture.h"

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
    assert_int_equal(store_outstanding(fixture->store), 1); /* the versions of the shards, then these */
    assert_int_equal(catalogue_version(catalogue), 0);
    UNTIL(fixture->loop, catalogue_version(catalogue) == 5);
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
    UNTIL(fixture->loop, catalogue_version(fixture->coordinator->catalogue) == 1);
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
    UNTIL(fixture->loop, catalogue_version(catalogue) == 1);
    put_city(0, 2, 5);
    catalogue_want(catalogue, 2, SHARDS);
    catalogue_want(catalogue, 3, SHARDS); /* while a read is on its way: later */
    assert_int_equal(store_outstanding(fixture->store), 1);
    assert_int_equal(catalogue_version(catalogue), 1);
    send_shard(fixture, 0);
    assert_true(fixture->cities == 1 && fixture->version == 1);
    UNTIL(fixture->loop, catalogue_version(catalogue) == 2);
    catalogue_want(catalogue, 3, SHARDS);
    UNTIL(fixture->loop, catalogue_version(catalogue) == 3);
    send_shard(fixture, 0);
    assert_int_equal(fixture->cities, 2);
    catalogue_want(catalogue, 1, SHARDS + 2); /* Redis went back, and to another installation */
    UNTIL(fixture->loop, catalogue_version(catalogue) == 1);
    send_shard(fixture, SHARDS + 1);
    assert_int_equal(fixture->messages, 1);
}

static void a_read_that_fails_is_begun_anew(void **state)
{
    struct fixture *fixture = *state;
    struct catalogue *catalogue = fixture->coordinator->catalogue;
    put_city(0, 1, 5);
    REDIS_DO("SET", "isobar:{1}:cities", "not a hash");
    catalogue_want(catalogue, 1, SHARDS);
    UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
    assert_int_equal(catalogue_version(catalogue), 0);
    REDIS_DO("DEL", "isobar:{1}:cities");
    catalogue_want(catalogue, 1, SHARDS);
    UNTIL(fixture->loop, catalogue_version(catalogue) == 1);
    catalogue_want(catalogue, 2, SHARDS);
    store_reconnect(fixture->store, "test"); /* with the answers on their way */
    UNTIL(fixture->loop, store_up(fixture->store) && store_outstanding(fixture->store) == 0);
    assert_int_equal(catalogue_version(catalogue), 1);
    catalogue_want(catalogue, 2, SHARDS);
    UNTIL(fixture->loop, catalogue_version(catalogue) == 2);
}

/* Redis is emptied between the version and the cities: that is no catalogue without cities. */
static void a_redis_that_was_emptied_has_no_catalogue(void **state)
{
    struct fixture *fixture = *state;
    struct catalogue *catalogue = fixture->coordinator->catalogue;
    REDIS_DO("FLUSHALL");
    catalogue_want(catalogue, 1, SHARDS);
    UNTIL(fixture->loop, store_outstanding(fixture->store) == 0);
    assert_int_equal(catalogue_version(catalogue), 0);
    REDIS_DO("HSET", "isobar:meta", "format", "1");
    put_city(0, 1, 5);
    catalogue_want(catalogue, 1, SHARDS);
    UNTIL(fixture->loop, catalogue_version(catalogue) == 1);
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
    REDIS_DO("HSET", "isobar:{0}:cities", "2", "\xff\xff\xff", "3", large, "4", "\x1a\x02\xc3\xc3", "5",
             "\x1a\x03\xe2\x82"); /* name no UTF-8; cut off */
    catalogue_want(fixture->coordinator->catalogue, 1, SHARDS);
    UNTIL(fixture->loop, catalogue_version(fixture->coordinator->catalogue) == 1);
    send_shard(fixture, 0);
    assert_true(fixture->cities == 1 && fixture->seen[1] == 1);
}

static void put_versions(int64_t version, const char *first, const char *second, const char *third)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)version);
    REDIS_DO("HSET", "isobar:meta", "catalogue_version", text, "catalogue_shards", text, "catalogue_of_0", first,
             "catalogue_of_1", second, "catalogue_of_2", third);
}

static void want(struct fixture *fixture, int64_t version)
{
    catalogue_want(fixture->coordinator->catalogue, version, SHARDS);
    UNTIL(fixture->loop, catalogue_version(fixture->coordinator->catalogue) == version);
}

static int cities_in(struct fixture *fixture, int32_t shard)
{
    send_shard(fixture, shard);
    assert_int_equal(fixture->version, catalogue_shard_version(fixture->coordinator->catalogue, shard));
    return (int)fixture->cities;
}

/* What is in Redis beside the shard that changed tells whether it was read. */
static void only_shards_that_changed_are_read(void **state)
{
    struct fixture *fixture = *state;
    const struct catalogue *catalogue = fixture->coordinator->catalogue;
    assert_int_equal(catalogue_shard_version(catalogue, 0), 0);
    put_city(0, 1, 5);
    put_city(1, 2, 5);
    put_versions(3, "1", "2", "3");
    want(fixture, 3);
    assert_true(catalogue_shard_version(catalogue, 0) == 1 && catalogue_shard_version(catalogue, 2) == 3);
    assert_true(catalogue_shard_version(catalogue, -1) == 0 && catalogue_shard_version(catalogue, SHARDS) == 0);
    put_city(0, 3, 5);
    put_city(1, 4, 5);
    put_versions(4, "1", "4", "3");
    want(fixture, 4);
    assert_true(cities_in(fixture, 0) == 1 && cities_in(fixture, 1) == 2 && cities_in(fixture, 2) == 0);
    put_versions(5, "1", "4", "5"); /* and what moved over moves over again */
    want(fixture, 5);
    assert_true(cities_in(fixture, 0) == 1 && cities_in(fixture, 1) == 2);
}

/* Whoever does not say which shard changed, or says it of another version, has all of them read. */
static void without_versions_of_shards_all_are_read(void **state)
{
    struct fixture *fixture = *state;
    const struct catalogue *catalogue = fixture->coordinator->catalogue;
    put_city(0, 1, 5);
    put_versions(2, "1", "2", "2");
    want(fixture, 2);
    put_city(0, 2, 5);
    REDIS_DO("HSET", "isobar:meta", "catalogue_version", "3"); /* an older isobarctl */
    want(fixture, 3);
    assert_true(cities_in(fixture, 0) == 2 && catalogue_shard_version(catalogue, 0) == 3);
    put_city(0, 3, 5);
    put_versions(4, "x", "", "3"); /* damaged */
    want(fixture, 4);
    assert_true(cities_in(fixture, 0) == 3 && catalogue_shard_version(catalogue, 1) == 4);
    put_city(2, 4, 5);
    REDIS_DO("HSET", "isobar:meta", "installation", "another");
    put_versions(5, "5", "5", "3");
    want(fixture, 5);
    assert_int_equal(cities_in(fixture, 2), 1);
}

/* A fetcher that holds a shard gets it when it changes, without a heartbeat; once. */
static void what_changed_is_pushed(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    struct member like = {.incarnation = 7, .role = ISOBAR__V1__ROLE__FETCHER, .capacity = 100};
    snprintf(like.id, sizeof like.id, "fetcher-1");
    put_versions(4, "4", "4", "4");
    leader_begin(coordinator, SHARDS, "t", 1);
    want(fixture, 4);
    struct member *member = member_restore(&coordinator->members, &like, 0);
    member->state = MEMBER_LIVE;
    for (int32_t i = 0; i < SHARDS; i++) {
        coordinator->shards.slots[i] =
            (struct slot){.state = i == 2 ? SLOT_RELEASING : SLOT_GIVEN, .owner = member->key, .number = 1};
        coordinator->shards.views[i].catalogue_version = i == 1 ? 0 : 4; /* it has not said that it has shard 1 */
    }
    fixture->messages = 0;
    report_push(coordinator);
    assert_int_equal(fixture->messages, 0); /* it has what there is */
    put_city(0, 1, 5);
    put_versions(5, "5", "5", "5");
    want(fixture, 5);
    report_push(coordinator);
    assert_true(fixture->messages == 1 && fixture->version == 5 && fixture->cities == 1);
    report_push(coordinator);
    assert_int_equal(fixture->messages, 1);
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
    UNTIL(fixture->loop, catalogue_version(coordinator->catalogue) == 4);
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
    UNTIL(fixture->loop, catalogue_version(coordinator->catalogue) == 5);
    report_serve(coordinator, member, &heartbeat);
    assert_int_equal(fixture->messages, 1);
    statuses[0].catalogue_version = 9; /* Redis went back: it gets what is there now */
    coordinator->now_ms += 1000;
    fixture->messages = 0;
    report_serve(coordinator, member, &heartbeat);
    assert_int_equal(fixture->messages, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_shards_the_empty_ones_too),
        T(big_shards_come_in_parts),
        T(the_old_version_is_served_until_the_new_one_is_whole),
        T(a_read_that_fails_is_begun_anew),
        T(a_redis_that_was_emptied_has_no_catalogue),
        T(bad_records_do_not_cost_the_others),
        T(only_shards_that_changed_are_read),
        T(without_versions_of_shards_all_are_read),
        T(what_changed_is_pushed),
        T(fetchers_are_served_what_they_lack),
    };
    return cmocka_run_group_tests(tests, redis_client_start, redis_client_stop);
}
