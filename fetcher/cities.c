/* See cities.h: shards that come and go, and which source each city's readings come from. */
#include "cities_internal.h"

#include "error.h"
#include "mem.h"
#include "shard.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

void cities_init(struct cities *cities, int32_t sources, bool want_history)
{
    *cities = (struct cities){.rules = {.sources = sources}, .want_history = want_history};
}

void cities_unschedule(const struct cities *cities, struct city *city)
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
        cities_parts_free(shard->parts);
        for (size_t i = 0; i < shard->count; i++) {
            cities_unschedule(cities, shard->cities[i]);
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

void cities_settle(const struct cities *cities, struct city *city, int64_t now_ms)
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
    if (!city->failover)
        return false;
    exclude(cities, city);
    bool changed = failover_decide(city->failover, &cities->rules, now_ms);
    exclude(cities, city); /* of sources behind the one in use all was forgotten */
    if (changed) {
        city->told = false; /* its readings come as often as those of another source */
        city_forget_seen(city);
    }
    if (changed || city->asked[PRODUCT_WEATHER] != weather_of(cities, city, now_ms))
        cities_settle(cities, city, now_ms);
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
        cities_settle(cities, held->cities[i], now_ms);
    }
}

void cities_drop(struct cities *cities, int32_t shard)
{
    struct cities_shard *dropped = &cities->shards[shard];
    dropped->held = false;
    cities_parts_free(dropped->parts);
    dropped->parts = NULL;
    for (size_t i = 0; i < dropped->count; i++)
        cities_settle(cities, dropped->cities[i], 0);
}

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
