/*
 * The catalogue of a shard (cities.h), in parts. Cities of a shard are sorted by id, so that a new catalogue is merged
 * with the old one in one pass.
 */
#include "cities_internal.h"

#include "error.h"
#include "mem.h"
#include "shard.h"
#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LATITUDE_MAX_E5  9000000
#define LONGITUDE_MAX_E5 18000000

/* A catalogue of which parts are missing. */
struct cities_parts {
    int64_t version;
    int32_t parts, missing;
    bool *have; /* by part */
    struct city **cities;
    size_t count, capacity;
};

void cities_parts_free(struct cities_parts *parts)
{
    if (!parts)
        return;
    for (size_t i = 0; i < parts->count; i++)
        city_free(parts->cities[i]);
    free(parts->cities);
    free(parts->have);
    free(parts);
}

static int by_id(const void *left, const void *right)
{
    const struct city *a = *(struct city *const *)left, *b = *(struct city *const *)right;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool within(int32_t degrees_e5, int32_t most_e5)
{
    return degrees_e5 >= -most_e5 && degrees_e5 <= most_e5;
}

static bool usable(const struct cities *cities, const Isobar__V1__City *city, int32_t shard)
{
    return city->city_id > 0 && shard_of_city(city->city_id, cities->shard_count) == shard &&
           within(city->latitude_e5, LATITUDE_MAX_E5) && within(city->longitude_e5, LONGITUDE_MAX_E5);
}

/* What is no location indicator is none. */
static void take_station(struct city *city, const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t size = strspn(text, letters);
    if (size == sizeof city->station - 1 && text[size] == '\0')
        memcpy(city->station, text, size);
}

static void parts_add(const struct cities *cities, struct cities_parts *parts, const Isobar__V1__City *entry,
                      int32_t shard)
{
    struct city *city = city_new(cities->rules.sources);
    city->id = entry->city_id;
    city->shard = shard;
    city->latitude_e5 = entry->latitude_e5;
    city->longitude_e5 = entry->longitude_e5;
    city->paused = entry->paused;
    city->history_done = !cities->want_history;
    city->zone = *entry->zone ? zone_get(entry->zone) : NULL;
    if (strlen(entry->country) == 2)
        memcpy(city->country, entry->country, 2);
    take_station(city, entry->station);
    text_copy(city->name, sizeof city->name, entry->ascii_name);
    if (parts->count == parts->capacity) {
        parts->capacity = parts->capacity ? parts->capacity * 2 : 16;
        parts->cities = mem_grow(parts->cities, parts->capacity, sizeof(struct city *));
    }
    parts->cities[parts->count++] = city;
}

static void leave(const struct cities *cities, struct city *city)
{
    cities_unschedule(cities, city);
    city->gone = true;
    if (!city_in_call(city))
        city_free(city);
}

/* What the catalogue says anew about a city that is known. */
static void update(struct cities *cities, struct city *city, const struct city *entry, int64_t now_ms)
{
    bool other_station = cities->need_station && strcmp(city->station, entry->station) != 0;
    memcpy(city->station, entry->station, sizeof city->station);
    if (city->latitude_e5 != entry->latitude_e5 || city->longitude_e5 != entry->longitude_e5 || other_station) {
        city->latitude_e5 = entry->latitude_e5;
        city->longitude_e5 = entry->longitude_e5;
        cities_unschedule(cities, city);
        city_moved(city);
        (void)cities_decide(cities, city, now_ms);
    }
    if (city->zone != entry->zone || strcmp(city->country, entry->country) != 0)
        city->told = false;
    city->zone = entry->zone;
    memcpy(city->country, entry->country, sizeof city->country);
    city->paused = entry->paused;
    memcpy(city->name, entry->name, sizeof city->name);
    cities_settle(cities, city, now_ms);
}

/* Merges the complete catalogue with what is known; both are ascending by id. */
static void take_over(struct cities *cities, struct cities_shard *shard, int64_t now_ms)
{
    struct cities_parts *parts = shard->parts;
    size_t old = 0, kept = 0;
    if (parts->count)
        qsort(parts->cities, parts->count, sizeof(struct city *), by_id);
    for (size_t i = 0; i < parts->count; i++) {
        struct city *entry = parts->cities[i];
        while (old < shard->count && shard->cities[old]->id < entry->id)
            leave(cities, shard->cities[old++]);
        if (kept && parts->cities[kept - 1]->id == entry->id) {
            city_free(entry); /* listed twice */
        } else if (old < shard->count && shard->cities[old]->id == entry->id) {
            update(cities, shard->cities[old], entry, now_ms);
            city_free(entry);
            parts->cities[kept++] = shard->cities[old++];
        } else {
            (void)cities_decide(cities, entry,
                                now_ms); /* the first that can be asked: no change, but where it begins */
            cities_settle(cities, entry, now_ms);
            parts->cities[kept++] = entry;
        }
    }
    while (old < shard->count)
        leave(cities, shard->cities[old++]);
    free(shard->cities);
    shard->cities = parts->cities;
    shard->count = kept;
    shard->version = parts->version;
    parts->cities = NULL;
    parts->count = 0;
    cities_parts_free(parts);
    shard->parts = NULL;
}

/* The parts of the version that `part` belongs to; NULL when they do not fit together. */
static struct cities_parts *parts_of(struct cities_shard *shard, const Isobar__V1__Catalogue *part)
{
    struct cities_parts *parts = shard->parts;
    bool other =
        parts && (part->version > parts->version || (part->version == shard->told && parts->version != shard->told));
    if (parts && (other || part->parts != parts->parts)) {
        cities_parts_free(parts);
        parts = shard->parts = NULL;
    }
    if (!parts) {
        parts = shard->parts = mem_alloc(sizeof *parts);
        parts->version = part->version;
        parts->parts = parts->missing = part->parts;
        parts->have = mem_calloc((size_t)part->parts, sizeof *parts->have);
    }
    return part->version == parts->version ? parts : NULL;
}

void cities_told(struct cities *cities, int32_t shard, int64_t version)
{
    if (shard >= 0 && shard < cities->shard_count)
        cities->shards[shard].told = version;
}

bool cities_part(struct cities *cities, const Isobar__V1__Catalogue *part, int64_t now_ms)
{
    if (part->shard < 0 || part->shard >= cities->shard_count || part->parts < 1 || part->parts > CITIES_PARTS_MAX ||
        part->part < 0 || part->part >= part->parts)
        return false;
    struct cities_shard *shard = &cities->shards[part->shard];
    if (!shard->held || part->version <= 0 || part->version == shard->version ||
        (part->version < shard->version && part->version != shard->told))
        return false;
    struct cities_parts *parts = parts_of(shard, part);
    if (!parts || parts->have[part->part] || parts->count + part->n_cities > CITIES_SHARD_MAX)
        return false;
    parts->have[part->part] = true;
    for (size_t i = 0; i < part->n_cities; i++) {
        if (usable(cities, part->cities[i], part->shard))
            parts_add(cities, parts, part->cities[i], part->shard);
        else
            cities->unusable++;
    }
    if (--parts->missing > 0)
        return false;
    take_over(cities, shard, now_ms);
    return true;
}
