/* A coordinator on a real Redis that catches what it sends to a fetcher. */
#ifndef ISOBAR_TEST_COORDINATOR_FIXTURE_H
#define ISOBAR_TEST_COORDINATOR_FIXTURE_H

#include "../../coordinator/coordinator.h"

#include "loop_kit.h"
#include "mem.h"
#include "redis_client.h"

#include "city.pb-c.h"

#define SHARDS     3
#define PART_LIMIT (512 * 1024)

struct fixture {
    struct loop *loop;
    struct store *store;
    struct coordinator *coordinator;
    /* of the messages sent */
    int messages, parts, cities, seen[20000];
    int64_t version;
    int fail_after; /* messages that are sent before the way is blocked; -1: all */
};

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
    redis_do(4, words, sizes);
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

static inline int begin(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);
    static struct coordinator_options options;
    struct store_config config = {.address = server.address, .timeout_ms = 2000};
    struct buf error = BUF_EMPTY;
    REDIS_DO("FLUSHALL");
    REDIS_DO("HSET", "isobar:meta", "format", "1");
    options = (struct coordinator_options){
        .prefix = (char *)"isobar:", .redis = server.address, .calls_per_minute = 60, .settle_ms = 1000};
    fixture->fail_after = -1;
    fixture->loop = loop_new();
    fixture->store = store_new(fixture->loop, &config, NULL, NULL, &error);
    struct coordinator *coordinator = fixture->coordinator = mem_alloc(sizeof *coordinator);
    coordinator->options = &options;
    coordinator->loop = fixture->loop;
    coordinator->store = fixture->store;
    backlog_init(&coordinator->backlog, fixture->store);
    coordinator->catalogue = catalogue_new(fixture->store, "isobar:");
    coordinator->partitions = (struct slots){.kind = "partition", .role = ISOBAR__V1__ROLE__WORKER};
    coordinator->shards = (struct slots){.kind = "shard", .role = ISOBAR__V1__ROLE__FETCHER};
    coordinator->post = (struct post){catch, fixture};
    coordinator->endpoint = "tcp://127.0.0.1:1";
    snprintf(coordinator->id, sizeof coordinator->id, "c-1");
    UNTIL(fixture->loop, store_up(fixture->store));
    buf_release(&error);
    *state = fixture;
    return 0;
}

static inline int end(void **state)
{
    struct fixture *fixture = *state;
    struct coordinator *coordinator = fixture->coordinator;
    store_free(fixture->store);
    backlog_release(&coordinator->backlog);
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

#endif
