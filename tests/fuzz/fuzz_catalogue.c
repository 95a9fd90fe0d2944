/*
 * Catalogues as a fetcher gets them, in parts, while shards come and go. The input is a list of steps: a letter, two
 * bytes of length, low first, and so many bytes.
 */
#include "../../fetcher/cities.h"
#include "channel_envelope.h"
#include "fuzz.h"
#include "text.h"

#include <string.h>

#define SHARDS 4
#define STEPS  64

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
            for (enum product p = 0; p < PRODUCTS; p++) {
                const struct city_polls *polls = city_polls(shard->cities[i], 0, p);
                FUZZ_CHECK(polls->item.queued == (cities_wanted(cities, city) && !polls->in_call));
            }
            count += shard->held && !city->paused;
        }
    }
    FUZZ_CHECK(cities_count(cities).cities == count);
}

/* Calls under way: one for weather, one for air. */
struct calls {
    struct cities *cities;
    struct city_polls *of[PRODUCTS];
};

static void end_call(struct calls *calls, enum product product, int64_t now_ms)
{
    struct city_polls *polls = calls->of[product];
    calls->of[product] = NULL;
    if (polls && cities_call_ended(polls) && cities_asks(calls->cities, polls->city, 0, product))
        schedule_add(calls->cities->schedules[0][product], &polls->item, polls->city->id, now_ms);
}

/* A city goes into a call; what was in one before comes back. */
static void begin_call(struct calls *calls, enum product product, int32_t shard, int64_t now_ms)
{
    const struct cities_shard *of = &calls->cities->shards[shard];
    end_call(calls, product, now_ms);
    for (size_t i = 0; i < of->count; i++) {
        struct city_polls *polls = city_polls(of->cities[i], 0, product);
        if (!cities_wanted(calls->cities, of->cities[i]))
            continue;
        schedule_remove(calls->cities->schedules[0][product], &polls->item);
        polls->in_call = true;
        calls->of[product] = polls;
        return;
    }
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
    int64_t now_ms = 1000 + (int64_t)size;
    int32_t first = size ? *bytes : 0, shard = first % SHARDS;
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
        begin_call(calls, letter == 'a' ? PRODUCT_AIR : PRODUCT_WEATHER, shard, now_ms);
        break;
    case 'e':
        end_call(calls, first & 1 ? PRODUCT_AIR : PRODUCT_WEATHER, now_ms);
        break;
    default:
        take_part(calls->cities, bytes, size, now_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schedule weather = {0}, air = {0};
    struct cities cities;
    struct calls calls = {.cities = &cities};
    schedule_init(&weather, 600000, 0, 1);
    schedule_init(&air, 3600000, 0, 1);
    cities_init(&cities, 1, true);
    cities.schedules[0][PRODUCT_WEATHER] = &weather;
    cities.schedules[0][PRODUCT_AIR] = &air;
    FUZZ_CHECK(cities_resize(&cities, SHARDS) == 0);
    for (int steps = 0; size >= 3 && steps < STEPS; steps++) {
        size_t length = (size_t)data[1] | (size_t)data[2] << 8;
        length = length < size - 3 ? length : size - 3;
        step(&calls, data[0], data + 3, length);
        check_cities(&cities);
        data += 3 + length;
        size -= 3 + length;
    }
    end_call(&calls, PRODUCT_WEATHER, 0);
    end_call(&calls, PRODUCT_AIR, 0);
    cities_release(&cities);
    schedule_release(&weather);
    schedule_release(&air);
    return 0;
}
