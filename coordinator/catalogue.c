/*
 * See catalogue.h. A read fills an edition of its own, which takes the place of the one served when its last answer is
 * in: first the versions of the shards, then those shards that differ; the others move over from the edition served.
 */
#include "catalogue.h"

#include "buf.h"
#include "channel_envelope.h"
#include "city.pb-c.h"
#include "log.h"
#include "mem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES   (512 * 1024 - 256) /* of cities; the rest is for the message around them */
#define CITY_BYTES   4096
#define KEY_BYTES    8 /* at most, of a field's tag and length */
#define ID_BYTES     64
#define FIELD_BYTES  32
#define FIELDS_FIRST 3 /* of meta, before those of the shards */

struct shard_cities {
    struct edition *edition;
    int64_t version;
    bool kept;          /* not read: the edition served has it */
    struct buf records; /* each behind its size, a uint16_t */
    size_t count;
};

/* All cities of one version. */
struct edition {
    struct catalogue *catalogue;
    int64_t version;
    char installation[ID_BYTES]; /* "": older than these ids */
    int32_t shard_count, outstanding, read;
    size_t bad;
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
    for (int32_t i = 0; edition && i < edition->shard_count; i++)
        buf_release(&edition->shards[i].records);
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

/* ---- reading ---- */

/* A record that no fetcher could read is left out: it would cost its whole shard. */
static void take(struct shard_cities *shard, const struct store_reply *value)
{
    Isobar__V1__City *city = NULL;
    if (value->type == STORE_TEXT && value->size <= CITY_BYTES)
        city = isobar__v1__city__unpack(NULL, value->size, (const uint8_t *)value->text);
    if (city && channel_strings_valid(&city->base)) {
        uint16_t size = (uint16_t)value->size;
        buf_append(&shard->records, &size, sizeof size);
        buf_append(&shard->records, value->text, value->size);
        shard->count++;
    } else {
        shard->edition->bad++;
    }
    isobar__v1__city__free_unpacked(city, NULL);
}

static size_t cities_of(const struct edition *edition)
{
    size_t count = 0;
    for (int32_t i = 0; i < edition->shard_count; i++)
        count += edition->shards[i].count;
    return count;
}

static void complete(struct catalogue *catalogue)
{
    struct edition *edition = catalogue->coming;
    catalogue->coming = NULL;
    if (edition->failed) {
        edition_free(edition);
        return;
    }
    for (int32_t i = 0; i < edition->shard_count; i++) {
        struct shard_cities *shard = &edition->shards[i];
        if (!shard->kept)
            continue;
        shard->records = catalogue->served->shards[i].records;
        shard->count = catalogue->served->shards[i].count;
        catalogue->served->shards[i].records = BUF_EMPTY;
    }
    if (edition->bad)
        log_warn("bad_city_records", LOG_INT("version", edition->version), LOG_INT("left_out", edition->bad));
    log_info("catalogue_read", LOG_INT("version", edition->version), LOG_INT("cities", cities_of(edition)),
             LOG_INT("shards_read", edition->read));
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

static void read_shards(struct edition *edition)
{
    struct catalogue *catalogue = edition->catalogue;
    char key[256];
    edition->outstanding++; /* on_still_there */
    for (int32_t i = 0; i < edition->shard_count; i++) {
        if (edition->shards[i].kept)
            continue;
        edition->outstanding++;
        edition->read++;
        snprintf(key, sizeof key, "%s{%d}:cities", catalogue->prefix, i);
        store_send(catalogue->store, on_shard, &edition->shards[i], "HVALS", key, NULL);
    }
    snprintf(key, sizeof key, "%smeta", catalogue->prefix);
    store_send(catalogue->store, on_still_there, edition, "EXISTS", key, NULL);
}

/* ---- versions ---- */

/* A version above 0, or 0. */
static int64_t version_of(const struct store_reply *value)
{
    char *end = NULL;
    if (value->type != STORE_TEXT || value->size == 0)
        return 0;
    errno = 0;
    long long version = strtoll(value->text, &end, 10);
    return errno == 0 && *end == '\0' && version > 0 ? version : 0;
}

/* What meta says of the shards is of the version wanted, or else nothing is known of them. */
static bool versions_known(const struct edition *edition, const struct store_reply *reply)
{
    return version_of(reply->elements[0]) == edition->version && version_of(reply->elements[1]) == edition->version;
}

static void on_versions(void *arg, int status, const struct store_reply *reply)
{
    struct edition *edition = arg;
    const struct edition *served = edition->catalogue->served;
    if (status != 0 || reply->type != STORE_ARRAY || reply->count != FIELDS_FIRST + (size_t)edition->shard_count) {
        answered(edition, false);
        return;
    }
    snprintf(edition->installation, sizeof edition->installation, "%s", reply->elements[2]->text);
    bool known = versions_known(edition, reply);
    bool comparable = known && served && served->shard_count == edition->shard_count &&
                      strcmp(served->installation, edition->installation) == 0;
    for (int32_t i = 0; i < edition->shard_count; i++) {
        struct shard_cities *shard = &edition->shards[i];
        int64_t version = known ? version_of(reply->elements[FIELDS_FIRST + i]) : 0;
        shard->version = version ? version : edition->version;
        shard->kept = comparable && version && served->shards[i].version == version;
    }
    read_shards(edition);
    answered(edition, true);
}

static void ask_versions(struct edition *edition)
{
    size_t count = 2 + FIELDS_FIRST;
    char key[256];
    const char **words = mem_calloc(count + (size_t)edition->shard_count, sizeof *words);
    char(*fields)[FIELD_BYTES] = mem_calloc((size_t)edition->shard_count, sizeof *fields);
    snprintf(key, sizeof key, "%smeta", edition->catalogue->prefix);
    memcpy(words, (const char *[]){"HMGET", key, "catalogue_version", "catalogue_shards", "installation"},
           count * sizeof *words);
    for (int32_t i = 0; i < edition->shard_count; i++) {
        snprintf(fields[i], sizeof fields[i], "catalogue_of_%d", i);
        words[count++] = fields[i];
    }
    store_command(edition->catalogue->store, count, words, NULL, on_versions, edition);
    free(fields);
    free(words);
}

void catalogue_want(struct catalogue *catalogue, int64_t version, int32_t shards)
{
    const struct edition *served = catalogue->served;
    if (catalogue->coming || version <= 0 || (served && served->version == version && served->shard_count == shards))
        return;
    struct edition *edition = mem_alloc(sizeof *edition);
    *edition = (struct edition){.catalogue = catalogue, .version = version, .shard_count = shards, .outstanding = 1};
    edition->shards = mem_calloc((size_t)shards, sizeof *edition->shards);
    for (int32_t i = 0; i < shards; i++) {
        edition->shards[i].edition = edition;
        buf_init(&edition->shards[i].records);
    }
    catalogue->coming = edition;
    ask_versions(edition);
}

int64_t catalogue_cities(const struct catalogue *catalogue)
{
    return catalogue->served ? (int64_t)cities_of(catalogue->served) : 0;
}

int64_t catalogue_version(const struct catalogue *catalogue)
{
    return catalogue->served ? catalogue->served->version : 0;
}

int64_t catalogue_shard_version(const struct catalogue *catalogue, int32_t shard)
{
    const struct edition *served = catalogue->served;
    return served && shard >= 0 && shard < served->shard_count ? served->shards[shard].version : 0;
}

/* ---- sending ---- */

/* A place in the records of a shard. */
struct place {
    size_t offset, index;
};

static size_t record_at(const struct shard_cities *shard, size_t offset, const char **record)
{
    uint16_t size;
    memcpy(&size, shard->records.data + offset, sizeof size);
    *record = shard->records.data + offset + sizeof size;
    return size;
}

/* The end of a part that begins at `from`; it has at least one city when there is one. */
static struct place part_end(const struct shard_cities *shard, struct place from)
{
    size_t bytes = 0;
    struct place end = from;
    while (end.index < shard->count) {
        const char *record;
        size_t size = record_at(shard, end.offset, &record);
        bytes += size + KEY_BYTES;
        if (bytes > PART_BYTES && end.index > from.index)
            break;
        end = (struct place){end.offset + sizeof(uint16_t) + size, end.index + 1};
    }
    return end;
}

static int32_t parts_of(const struct shard_cities *shard)
{
    int32_t parts = 1;
    for (struct place at = part_end(shard, (struct place){0}); at.index < shard->count; at = part_end(shard, at))
        parts++;
    return parts;
}

/* The cities in [from, to), whose records could be unpacked when they were read. */
static Isobar__V1__City **unpack(const struct shard_cities *shard, struct place from, struct place to)
{
    size_t count = to.index - from.index;
    Isobar__V1__City **cities = mem_calloc(count + 1, sizeof(Isobar__V1__City *));
    for (size_t i = 0, offset = from.offset; i < count; i++) {
        const char *record;
        size_t size = record_at(shard, offset, &record);
        cities[i] = isobar__v1__city__unpack(NULL, size, (const uint8_t *)record);
        assert(cities[i]);
        offset += sizeof(uint16_t) + size;
    }
    return cities;
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
    message.version = shard->version;
    message.shard = shard_index;
    message.parts = parts_of(shard);
    int status = 0; /* else the next heartbeat shows that it is missing */
    for (struct place from = {0}; message.part < message.parts && status == 0; message.part++) {
        struct place end = part_end(shard, from);
        message.n_cities = end.index - from.index;
        message.cities = unpack(shard, from, end);
        status = post_send(post, &envelope, member, incarnation);
        for (size_t i = 0; i < message.n_cities; i++)
            isobar__v1__city__free_unpacked(message.cities[i], NULL);
        free(message.cities);
        from = end;
    }
}
