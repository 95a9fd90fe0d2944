/*
 * See catalogue.h. A read fills an edition of its own, which takes the place of the one served when its last answer is
 * in. Cities stay unpacked messages: an Envelope packs them as they are.
 */
#include "catalogue.h"

#include "channel_envelope.h"
#include "city.pb-c.h"
#include "log.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES (512 * 1024 - 256) /* of cities; the rest is for the message around them */
#define CITY_BYTES 4096
#define KEY_BYTES  8 /* at most, of a field's tag and length */

struct shard_cities {
    struct edition *edition;
    Isobar__V1__City **cities;
    size_t count, capacity;
};

/* All cities of one version. */
struct edition {
    struct catalogue *catalogue;
    int64_t version;
    int32_t shard_count, outstanding;
    size_t cities, bad;
    bool failed;
    struct shard_cities *shards;
};

struct catalogue {
    struct store *store;
    char *prefix;
    struct edition *served, *coming; /* NULL: none */
};

struct catalogue *catalogue_new(struct store *store, const char *prefix)
{
    struct catalogue *catalogue = mem_alloc(sizeof *catalogue);
    catalogue->store = store;
    catalogue->prefix = mem_strdup(prefix);
    return catalogue;
}

static void edition_free(struct edition *edition)
{
    for (int32_t i = 0; edition && i < edition->shard_count; i++) {
        for (size_t k = 0; k < edition->shards[i].count; k++)
            isobar__v1__city__free_unpacked(edition->shards[i].cities[k], NULL);
        free(edition->shards[i].cities);
    }
    if (edition)
        free(edition->shards);
    free(edition);
}

void catalogue_free(struct catalogue *catalogue)
{
    if (!catalogue)
        return;
    edition_free(catalogue->served);
    edition_free(catalogue->coming);
    free(catalogue->prefix);
    free(catalogue);
}

/* A record that no fetcher could read is left out: it would cost its whole shard. */
static void take(struct shard_cities *shard, const struct store_reply *value)
{
    Isobar__V1__City *city = NULL;
    if (value->type == STORE_TEXT && value->size <= CITY_BYTES)
        city = isobar__v1__city__unpack(NULL, value->size, (const uint8_t *)value->text);
    if (!city || !channel_strings_valid(&city->base)) {
        isobar__v1__city__free_unpacked(city, NULL);
        shard->edition->bad++;
        return;
    }
    if (shard->count == shard->capacity) {
        shard->capacity = shard->capacity ? shard->capacity * 2 : 16;
        shard->cities = mem_grow(shard->cities, shard->capacity, sizeof(Isobar__V1__City *));
    }
    shard->cities[shard->count++] = city;
    shard->edition->cities++;
}

static void complete(struct catalogue *catalogue)
{
    struct edition *edition = catalogue->coming;
    catalogue->coming = NULL;
    if (edition->failed) {
        edition_free(edition);
        return;
    }
    if (edition->bad)
        log_warn("bad_city_records", LOG_INT("version", edition->version), LOG_INT("left_out", edition->bad));
    log_info("catalogue_read", LOG_INT("version", edition->version), LOG_INT("cities", edition->cities));
    edition_free(catalogue->served);
    catalogue->served = edition;
}

static void answered(struct edition *edition, bool good)
{
    edition->failed |= !good;
    if (--edition->outstanding == 0)
        complete(edition->catalogue);
}

static void on_shard(void *arg, int status, const struct store_reply *reply)
{
    struct shard_cities *shard = arg;
    bool good = status == 0 && reply->type == STORE_ARRAY;
    for (size_t i = 0; good && i < reply->count; i++)
        take(shard, reply->elements[i]);
    answered(shard->edition, good);
}

/* Cities that are not there are no catalogue without cities when the installation has gone meanwhile. */
static void on_still_there(void *arg, int status, const struct store_reply *reply)
{
    answered(arg, status == 0 && reply->type == STORE_INT && reply->integer == 1);
}

void catalogue_want(struct catalogue *catalogue, int64_t version, int32_t shards)
{
    const struct edition *served = catalogue->served;
    if (catalogue->coming || version <= 0 || (served && served->version == version && served->shard_count == shards))
        return;
    struct edition *edition = mem_alloc(sizeof *edition);
    *edition =
        (struct edition){.catalogue = catalogue, .version = version, .shard_count = shards, .outstanding = shards + 1};
    edition->shards = mem_calloc((size_t)shards, sizeof *edition->shards);
    catalogue->coming = edition;
    for (int32_t i = 0; i < shards; i++) {
        char key[256];
        edition->shards[i].edition = edition;
        snprintf(key, sizeof key, "%s{%d}:cities", catalogue->prefix, i);
        store_send(catalogue->store, on_shard, &edition->shards[i], "HVALS", key, NULL);
    }
    char meta[256];
    snprintf(meta, sizeof meta, "%smeta", catalogue->prefix);
    store_send(catalogue->store, on_still_there, edition, "EXISTS", meta, NULL);
}

int64_t catalogue_version(const struct catalogue *catalogue)
{
    return catalogue->served ? catalogue->served->version : 0;
}

/* The end of a part that begins with city `from`; it has at least one city when there is one. */
static size_t part_end(const struct shard_cities *shard, size_t from)
{
    size_t bytes = 0, end = from;
    for (; end < shard->count; end++) {
        bytes += isobar__v1__city__get_packed_size(shard->cities[end]) + KEY_BYTES;
        if (bytes > PART_BYTES && end > from)
            break;
    }
    return end;
}

void catalogue_send(const struct catalogue *catalogue, const struct post *post, const char *member, int64_t incarnation,
                    int32_t shard_index)
{
    const struct edition *edition = catalogue->served;
    if (!edition || shard_index < 0 || shard_index >= edition->shard_count)
        return;
    const struct shard_cities *shard = &edition->shards[shard_index];
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Catalogue message = ISOBAR__V1__CATALOGUE__INIT;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_CATALOGUE;
    envelope.catalogue = &message;
    message.version = edition->version;
    message.shard = shard_index;
    message.parts = 1;
    for (size_t at = part_end(shard, 0); at < shard->count; at = part_end(shard, at))
        message.parts++;
    size_t from = 0;
    for (message.part = 0; message.part < message.parts; message.part++) {
        size_t end = part_end(shard, from);
        message.n_cities = end - from;
        message.cities = shard->cities ? shard->cities + from : NULL;
        if (post_send(post, &envelope, member, incarnation) != 0)
            return; /* the next heartbeat shows that it is missing */
        from = end;
    }
}
