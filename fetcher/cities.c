/* See cities.h. Cities of a shard are sorted by id, so that a new catalogue is merged with the old one in one pass. */
#include "cities.h"

#include "error.h"
#include "mem.h"
#include "shard.h"
#include "text.h"

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

static void parts_free(struct cities_parts *parts)
{
    if (!parts)
        return;
    for (size_t i = 0; i < parts->count; i++)
        city_free(parts->cities[i]);
    free(parts->cities);
    free(parts->have);
    free(parts);
}

void cities_init(struct cities *cities, int32_t sources, bool want_history)
{
    *cities = (struct cities){.rules = {.sources = sources}, .want_history = want_history};
}

static void unschedule(const struct cities *cities, struct city *city)
{
    for (int32_t s = 0; s < city->sources; s++) {
        for (enum product p = 0; p < PRODUCTS; p++) {
            if (cities->schedules[s][p])
                schedule_remove(cities->schedules[s][p], &city_polls(city, s, p)->item);
        }
    }
}

void cities_release(struct cities *cities)
{
    for (int32_t s = 0; s < cities->shard_count; s++) {
        struct cities_shard *shard = &cities->shards[s];
        parts_free(shard->parts);
        for (size_t i = 0; i < shard->count; i++) {
            unschedule(cities, shard->cities[i]);
            city_free(shard->cities[i]);
        }
        free(shard->cities);
    }
    free(cities->shards);
    cities->shards = NULL;
    cities->shard_count = 0;
}

int cities_resize(struct cities *cities, int32_t shard_count)
{
    if (shard_count < 1 || shard_count > SHARD_MAX_PARTITIONS)
        return ERR_INVALID;
    if (cities->shard_count)
        return shard_count == cities->shard_count ? 0 : ERR_INVALID;
    cities->shards = mem_calloc((size_t)shard_count, sizeof *cities->shards);
    cities->shard_count = shard_count;
    return 0;
}

bool cities_wanted(const struct cities *cities, const struct city *city)
{
    return !city->gone && !city->paused && cities->shards[city->shard].held;
}

/* The sources that cannot be asked for the city, as bits. */
static uint32_t unable_of(const struct cities *cities, const struct city *city)
{
    return *city->station ? 0 : cities->need_station;
}

/* A source that cannot be asked for the city is no choice, whatever else is known of it. */
static void exclude(const struct cities *cities, struct city *city)
{
    for (int32_t s = 0; s < city->sources; s++) {
        if (unable_of(cities, city) >> s & 1)
            failover_unknown(city->failover, s);
    }
}

/* True when another source is in use than before. */
static bool decide(const struct cities *cities, struct city *city, int64_t now_ms)
{
    if (!city->failover)
        return false;
    exclude(cities, city);
    bool changed = failover_decide(city->failover, &cities->rules, now_ms);
    exclude(cities, city); /* of sources behind the one in use all was forgotten */
    return changed;
}

/* The sources that are asked for the weather: the one in use, those before it, and the second opinion. */
static uint32_t weather_of(const struct cities *cities, const struct city *city, int64_t now_ms)
{
    uint32_t asked = ((2U << city_source(city)) - 1) & ~unable_of(cities, city);
    int32_t second = cities->second_opinion && city->failover ? city_second(city, &cities->rules, now_ms) : -1;
    return second < 0 ? asked : asked | 1U << second;
}

/* The air is asked of the source in use, or of the first that has it. */
static uint32_t air_of(const struct cities *cities, const struct city *city)
{
    if (cities->schedules[city_source(city)][PRODUCT_AIR])
        return 1U << city_source(city);
    for (int32_t s = 0; s < city->sources; s++) {
        if (cities->schedules[s][PRODUCT_AIR])
            return 1U << s;
    }
    return 0;
}

bool cities_asks(const struct cities *cities, const struct city *city, int32_t source, enum product product)
{
    return cities_wanted(cities, city) && city->asked[product] >> source & 1;
}

/* Puts a city into the schedules of what it is asked of, and takes it out of the others. */
static void settle(const struct cities *cities, struct city *city, int64_t now_ms)
{
    city->asked[PRODUCT_WEATHER] = weather_of(cities, city, now_ms);
    city->asked[PRODUCT_AIR] = air_of(cities, city);
    for (int32_t s = 0; s < city->sources; s++) {
        for (enum product p = 0; p < PRODUCTS; p++) {
            struct schedule *schedule = cities->schedules[s][p];
            struct city_polls *polls = city_polls(city, s, p);
            if (schedule && !cities_asks(cities, city, s, p))
                schedule_remove(schedule, &polls->item);
            else if (schedule && !polls->item.queued && !polls->in_call)
                schedule_add(schedule, &polls->item, city->id, now_ms);
        }
    }
}

bool cities_decide(struct cities *cities, struct city *city, int64_t now_ms)
{
    bool changed = decide(cities, city, now_ms);
    if (changed) {
        city->told = false; /* its readings come as often as those of another source */
        city_forget_seen(city);
    }
    if (changed || (city->failover && city->asked[PRODUCT_WEATHER] != weather_of(cities, city, now_ms)))
        settle(cities, city, now_ms);
    return changed;
}

void cities_review(struct cities *cities, int64_t now_ms, cities_changed_fn *fn, void *arg)
{
    for (int32_t s = 0; s < cities->shard_count; s++) {
        const struct cities_shard *shard = &cities->shards[s];
        for (size_t i = 0; shard->held && i < shard->count; i++) {
            int32_t former = city_source(shard->cities[i]);
            if (cities_decide(cities, shard->cities[i], now_ms))
                fn(arg, shard->cities[i], former);
        }
    }
}

void cities_hold(struct cities *cities, int32_t shard, int64_t number, int64_t now_ms)
{
    if (shard < 0 || shard >= cities->shard_count)
        return;
    struct cities_shard *held = &cities->shards[shard];
    held->number = number;
    if (held->held)
        return;
    held->held = true;
    for (size_t i = 0; i < held->count; i++) {
        held->cities[i]->told = false; /* another fetcher has said something since, perhaps */
        settle(cities, held->cities[i], now_ms);
    }
}

void cities_drop(struct cities *cities, int32_t shard)
{
    struct cities_shard *dropped = &cities->shards[shard];
    dropped->held = false;
    parts_free(dropped->parts);
    dropped->parts = NULL;
    for (size_t i = 0; i < dropped->count; i++)
        settle(cities, dropped->cities[i], 0);
}

/* ---- catalogue ---- */

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
    unschedule(cities, city);
    city->gone = true;
    if (!city_in_call(city))
        city_free(city);
}

/* What the catalogue says anew about a city that is known. */
static void update(const struct cities *cities, struct city *city, const struct city *entry, int64_t now_ms)
{
    bool other_station = cities->need_station && strcmp(city->station, entry->station) != 0;
    memcpy(city->station, entry->station, sizeof city->station);
    if (city->latitude_e5 != entry->latitude_e5 || city->longitude_e5 != entry->longitude_e5 || other_station) {
        city->latitude_e5 = entry->latitude_e5;
        city->longitude_e5 = entry->longitude_e5;
        unschedule(cities, city);
        city_moved(city);
        if (decide(cities, city, now_ms))
            city->told = false;
    }
    if (city->zone != entry->zone || strcmp(city->country, entry->country) != 0)
        city->told = false;
    city->zone = entry->zone;
    memcpy(city->country, entry->country, sizeof city->country);
    city->paused = entry->paused;
    memcpy(city->name, entry->name, sizeof city->name);
    settle(cities, city, now_ms);
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
            (void)decide(cities, entry, now_ms); /* the first that can be asked: no change, but where it begins */
            settle(cities, entry, now_ms);
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
    parts_free(parts);
    shard->parts = NULL;
}

/* The parts of the version that `part` belongs to; NULL when they do not fit together. */
static struct cities_parts *parts_of(struct cities_shard *shard, const Isobar__V1__Catalogue *part)
{
    struct cities_parts *parts = shard->parts;
    bool other =
        parts && (part->version > parts->version || (part->version == shard->told && parts->version != shard->told));
    if (parts && (other || part->parts != parts->parts)) {
        parts_free(parts);
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

/* ---- cities ---- */

bool cities_call_ended(struct city_polls *polls)
{
    struct city *city = polls->city;
    polls->in_call = false;
    if (!city->gone)
        return true;
    if (!city_in_call(city))
        city_free(city);
    return false;
}

bool cities_complete(const struct cities *cities)
{
    for (int32_t s = 0; s < cities->shard_count; s++) {
        if (cities->shards[s].held &&
            (cities->shards[s].version == 0 || cities->shards[s].version < cities->shards[s].told))
            return false;
    }
    return true;
}

struct cities_counts cities_count_shard(const struct cities *cities, int32_t shard)
{
    struct cities_counts counts = {0};
    const struct cities_shard *held = &cities->shards[shard];
    counts.shards = held->held;
    counts.complete = held->held && held->version > 0;
    for (size_t i = 0; held->held && i < held->count; i++) {
        const struct city *city = held->cities[i];
        if (city->paused)
            continue;
        counts.cities++;
        counts.failing += city_failing(city);
        counts.parked += city_parked(city);
        counts.heard += city_heard(city);
        counts.history_wanted += !city->history_done;
        counts.stationless += unable_of(cities, city) != 0;
        counts.used[city_source(city)]++;
        for (int32_t source = 0; source < city->sources; source++)
            counts.asked[source] += city->asked[PRODUCT_WEATHER] >> source & 1;
    }
    return counts;
}

struct cities_counts cities_count(const struct cities *cities)
{
    struct cities_counts total = {0};
    for (int32_t s = 0; s < cities->shard_count; s++) {
        struct cities_counts one = cities_count_shard(cities, s);
        total.shards += one.shards;
        total.complete += one.complete;
        total.cities += one.cities;
        total.failing += one.failing;
        total.parked += one.parked;
        total.heard += one.heard;
        total.history_wanted += one.history_wanted;
        total.stationless += one.stationless;
        for (int i = 0; i < FAILOVER_SOURCES; i++) {
            total.used[i] += one.used[i];
            total.asked[i] += one.asked[i];
        }
    }
    return total;
}
