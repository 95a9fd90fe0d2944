/* See catalogue.h. Cities stay unpacked messages: an Envelope packs them as they are. */
#include "catalogue.h"

#include "city.pb-c.h"
#include "error.h"
#include "log.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES (512 * 1024)
#define CITY_BYTES 4096

struct shard_cities {
    struct catalogue *catalogue;
    Isobar__V1__City **cities;
    size_t count, capacity;
};

struct catalogue {
    struct store *store;
    char *prefix;
    struct shard_cities *shards;
    int32_t shard_count, outstanding;
    int64_t version, reading; /* complete; being read */
    bool failed;
};

struct catalogue *catalogue_new(struct store *store, const char *prefix)
{
    struct catalogue *catalogue = mem_alloc(sizeof *catalogue);
    catalogue->store = store;
    catalogue->prefix = mem_strdup(prefix);
    return catalogue;
}

static void shard_clear(struct shard_cities *shard)
{
    for (size_t i = 0; i < shard->count; i++)
        isobar__v1__city__free_unpacked(shard->cities[i], NULL);
    shard->count = 0;
}

void catalogue_clear(struct catalogue *catalogue)
{
    for (int32_t i = 0; i < catalogue->shard_count; i++)
        shard_clear(&catalogue->shards[i]);
    catalogue->version = 0;
}

void catalogue_free(struct catalogue *catalogue)
{
    if (!catalogue)
        return;
    catalogue_clear(catalogue);
    for (int32_t i = 0; i < catalogue->shard_count; i++)
        free(catalogue->shards[i].cities);
    free(catalogue->shards);
    free(catalogue->prefix);
    free(catalogue);
}

static void take(struct shard_cities *shard, const struct store_reply *value)
{
    Isobar__V1__City *city = value->type == STORE_TEXT && value->size <= CITY_BYTES ? isobar__v1__city__unpack(NULL, value->size, (const uint8_t *)value->text) : NULL;
    if (!city) {
        log_warn("bad_city_record", LOG_INT("shard", shard - shard->catalogue->shards));
        return;
    }
    if (shard->count == shard->capacity) {
        shard->capacity = shard->capacity ? shard->capacity * 2 : 16;
        shard->cities = mem_grow(shard->cities, shard->capacity, sizeof(Isobar__V1__City *));
    }
    shard->cities[shard->count++] = city;
}

static void on_shard(void *arg, int status, const struct store_reply *reply)
{
    struct shard_cities *shard = arg;
    struct catalogue *catalogue = shard->catalogue;
    bool good = status == 0 && reply->type == STORE_ARRAY;
    shard_clear(shard);
    for (size_t i = 0; good && i < reply->count; i++)
        take(shard, reply->elements[i]);
    catalogue->failed |= !good;
    if (--catalogue->outstanding == 0 && !catalogue->failed) {
        catalogue->version = catalogue->reading;
        size_t cities = 0;
        for (int32_t i = 0; i < catalogue->shard_count; i++)
            cities += catalogue->shards[i].count;
        log_info("catalogue_read", LOG_INT("version", catalogue->version), LOG_INT("cities", cities));
    }
}

void catalogue_want(struct catalogue *catalogue, int64_t version, int32_t partitions)
{
    if (catalogue->outstanding > 0 || version == catalogue->version || version <= 0)
        return;
    if (catalogue->shard_count == 0) {
        catalogue->shards = mem_calloc((size_t)partitions, sizeof *catalogue->shards);
        catalogue->shard_count = partitions;
    }
    catalogue->reading = version;
    catalogue->failed = false;
    catalogue->version = 0;
    catalogue->outstanding = catalogue->shard_count;
    for (int32_t i = 0; i < catalogue->shard_count; i++) {
        char key[256];
        catalogue->shards[i].catalogue = catalogue;
        snprintf(key, sizeof key, "%s{%d}:cities", catalogue->prefix, i);
        store_send(catalogue->store, on_shard, &catalogue->shards[i], "HVALS", key, NULL);
    }
}

int64_t catalogue_version(const struct catalogue *catalogue)
{
    return catalogue->version;
}

/* How many cities from `from` fit into a part. */
static size_t part_end(const struct shard_cities *shard, size_t from)
{
    size_t bytes = 0, end = from;
    while (end < shard->count && bytes < PART_BYTES)
        bytes += isobar__v1__city__get_packed_size(shard->cities[end++]) + 8;
    return end;
}

void catalogue_send(const struct catalogue *catalogue, struct channel *channel, const char *member, int64_t incarnation, int32_t shard_index)
{
    if (catalogue->version == 0 || shard_index < 0 || shard_index >= catalogue->shard_count)
        return;
    const struct shard_cities *shard = &catalogue->shards[shard_index];
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Catalogue message = ISOBAR__V1__CATALOGUE__INIT;
    int32_t parts = 1;
    for (size_t at = part_end(shard, 0); at < shard->count; at = part_end(shard, at))
        parts++;
    envelope.format = 1;
    envelope.member = (char *)(uintptr_t)member;
    envelope.incarnation = incarnation;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_CATALOGUE;
    envelope.catalogue = &message;
    message.version = catalogue->version;
    message.shard = shard_index;
    message.parts = parts;
    size_t from = 0;
    for (message.part = 0; message.part < parts; message.part++) {
        size_t end = part_end(shard, from);
        message.n_cities = end - from;
        message.cities = shard->cities ? shard->cities + from : NULL;
        if (channel_send(channel, &envelope) != 0)
            return; /* the next heartbeat shows that it is missing */
        from = end;
    }
}
