/*
 * Catalogues as a fetcher gets them, in parts, while shards come and go. The input is a list of steps: a letter, two
 * bytes of length, low first, and so many bytes.
 */
#include "../../fetcher/cities.h"
#include "channel_envelope.h"
#include "fuzz.h"
#include "text.h"

#include <string.h>

#define SHARDS  4
#define SOURCES 2 /* the first has air */
#define STEPS   64

static void check_polls(const struct cities *cities, struct city *city)
{
    for (int32_t s = 0; s < SOURCES; s++) {
        bool able = *city->station || !(cities->need_station >> s & 1), asked = city->asked[PRODUCT_WEATHER] >> s & 1;
        FUZZ_CHECK(able || !asked);
        FUZZ_CHECK(asked || !able || s != city_source(city));
        for (enum product p = 0; p < PRODUCTS; p++) {
            const struct city_polls *polls = city_polls(city, s, p);
            bool asks = cities->schedules[s][p] && cities_asks(cities, city, s, p);
            FUZZ_CHECK(polls->item.queued == (asks && !polls->in_call));
        }
    }
}

static void check_cities(const struct cities *cities)
{
    int64_t count = 0;
    for (int32_t s = 0; s < cities->shard_count; s++) {
        const struct cities_shard *shard = &cities->shards[s];
        for (size_t i = 0; i < shard->count; i++) {
            const struct city *city = shard->cities[i];
            FUZZ_CHECK(city->id > 0 && city->shard == s && (i == 0 || shard->cities[i - 1]->id < city->id));
            FUZZ_CHECK(city->latitude_e5 >= -9000000 && city->latitude_e5 <= 9000000);
            FUZZ_CHECK(city->longitude_e5 >= -18000000 && city->longitude_e5 <= 18000000);
            FUZZ_CHECK(strlen(city->country) <= 2 && text_is_utf8(city->name));
            FUZZ_CHECK(strlen(city->station) == 0 || strlen(city->station) == 4);
            check_polls(cities, shard->cities[i]);
            count += shard->held && !city->paused;
        }
    }
    FUZZ_CHECK(cities_count(cities).cities == count);
}

/* Calls under way: one for each source's weather, one for the air. */
struct calls {
    struct cities *cities;
    int64_t now_ms;
    struct city_polls *of[SOURCES][PRODUCTS];
};

static void end_call(struct calls *calls, int32_t source, enum product product, int64_t now_ms)
{
    struct city_polls *polls = calls->of[source][product];
    calls->of[source][product] = NULL;
    if (polls && cities_call_ended(polls) && cities_asks(calls->cities, polls->city, source, product))
        schedule_add(calls->cities->schedules[source][product], &polls->item, polls->city->id, now_ms);
}

/* A city goes into a call; what was in one before comes back. */
static void begin_call(struct calls *calls, int32_t source, enum product product, int32_t shard, int64_t now_ms)
{
    const struct cities_shard *of = &calls->cities->shards[shard];
    struct schedule *schedule = calls->cities->schedules[source][product];
    end_call(calls, source, product, now_ms);
    for (size_t i = 0; schedule && i < of->count; i++) {
        struct city_polls *polls = city_polls(of->cities[i], source, product);
        if (!polls->item.queued)
            continue;
        schedule_remove(schedule, &polls->item);
        polls->in_call = true;
        calls->of[source][product] = polls;
        return;
    }
}

/* What a source says of the shard's first city, while it is in a call or not. */
static void judge(struct calls *calls, int32_t source, int32_t shard, int letter, int64_t now_ms)
{
    struct cities_shard *of = &calls->cities->shards[shard];
    if (of->count == 0)
        return;
    struct failover *failover = of->cities[0]->failover;
    if (letter == 'g')
        failover_answered(failover, &calls->cities->rules, source, 1000, now_ms);
    else if (letter == 'u')
        failover_unknown(failover, source);
    else
        failover_failed(failover, source);
    (void)cities_decide(calls->cities, of->cities[0], now_ms);
}

static void on_changed(void *arg, const struct city *city, int32_t former)
{
    (void)arg;
    FUZZ_CHECK(city_source(city) != former && city_source(city) < SOURCES);
}

static void take_part(struct cities *cities, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    Isobar__V1__Catalogue *part = isobar__v1__catalogue__unpack(NULL, size, bytes);
    if (part && channel_strings_valid(&part->base)) /* as of every message that came in */
        (void)cities_part(cities, part, now_ms);
    isobar__v1__catalogue__free_unpacked(part, NULL);
}

static void step(struct calls *calls, int letter, const uint8_t *bytes, size_t size)
{
    int64_t now_ms = calls->now_ms += 1 + (int64_t)size * 1000;
    int32_t first = size ? *bytes : 0, shard = first % SHARDS, source = first >> 4 & 1;
    switch (letter) {
    case 'h':
        cities_hold(calls->cities, first, now_ms, now_ms);
        break;
    case 'd':
        cities_drop(calls->cities, shard);
        break;
    case 't':
        cities_told(calls->cities, shard, first / SHARDS);
        break;
    case 'c':
    case 'a':
        begin_call(calls, source, letter == 'a' ? PRODUCT_AIR : PRODUCT_WEATHER, shard, now_ms);
        break;
    case 'e':
        end_call(calls, source, first & 1 ? PRODUCT_AIR : PRODUCT_WEATHER, now_ms);
        break;
    case 'f':
    case 'g':
    case 'u':
        judge(calls, source, shard, letter, now_ms);
        break;
    case 's':
        calls->cities->rules.open_ms[source] = first & 1 ? FAILOVER_SHUT : now_ms;
        cities_review(calls->cities, now_ms, on_changed, NULL);
        break;
    default:
        take_part(calls->cities, bytes, size, now_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schedule weather[SOURCES] = {0}, air = {0};
    struct cities cities;
    struct calls calls = {.cities = &cities, .now_ms = 1000};
    cities_init(&cities, SOURCES, true);
    for (int s = 0; s < SOURCES; s++) {
        schedule_init(&weather[s], 600000, 0, 1);
        cities.schedules[s][PRODUCT_WEATHER] = &weather[s];
        cities.rules.stale_ms[s] = 30000;
    }
    schedule_init(&air, 3600000, 0, 1);
    cities.schedules[0][PRODUCT_AIR] = &air;
    cities.rules.back_ms = 5000;
    cities.second_opinion = size & 1;
    cities.need_station = size >> 1 & 3;
    FUZZ_CHECK(cities_resize(&cities, SHARDS) == 0);
    for (int steps = 0; size >= 3 && steps < STEPS; steps++) {
        size_t length = (size_t)data[1] | (size_t)data[2] << 8;
        length = length < size - 3 ? length : size - 3;
        step(&calls, data[0], data + 3, length);
        check_cities(&cities);
        data += 3 + length;
        size -= 3 + length;
    }
    for (int s = 0; s < SOURCES; s++) {
        end_call(&calls, s, PRODUCT_WEATHER, calls.now_ms);
        end_call(&calls, s, PRODUCT_AIR, calls.now_ms);
    }
    cities_release(&cities);
    for (int s = 0; s < SOURCES; s++)
        schedule_release(&weather[s]);
    schedule_release(&air);
    return 0;
}
