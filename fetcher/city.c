/* See city.h. */
#include "city.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

struct city *city_new(int32_t sources)
{
    size_t polls = (size_t)sources * PRODUCTS;
    struct city *city = mem_alloc(sizeof *city + polls * sizeof city->polls[0]);
    city->sources = sources;
    city->failover = sources > 1 ? mem_alloc(sizeof *city->failover) : NULL;
    for (size_t i = 0; i < polls; i++)
        city->polls[i].city = city;
    return city;
}

void city_free(struct city *city)
{
    free(city->failover);
    free(city);
}

enum product product_of(enum fetch_call kind)
{
    return kind == FETCH_AIR ? PRODUCT_AIR : PRODUCT_WEATHER;
}

struct city_polls *city_polls(struct city *city, int32_t source, enum product product)
{
    return &city->polls[source * PRODUCTS + (int32_t)product];
}

struct city_polls *polls_of_item(struct schedule_item *item)
{
    return (struct city_polls *)(void *)item;
}

int32_t city_source(const struct city *city)
{
    return city->failover ? city->failover->in_use : 0;
}

int32_t city_second(const struct city *city, const struct failover_rules *rules, int64_t now_ms)
{
    for (int32_t s = 0; s < city->sources; s++) {
        if (s != city_source(city) && !failover_bad(city->failover, rules, s, now_ms))
            return s;
    }
    return -1;
}

bool city_in_call(const struct city *city)
{
    for (int32_t i = 0; i < city->sources * PRODUCTS; i++) {
        if (city->polls[i].in_call)
            return true;
    }
    return false;
}

void city_moved(struct city *city)
{
    for (int32_t i = 0; i < city->sources * PRODUCTS; i++) {
        city->polls[i].item.parks = city->polls[i].item.attempt = 0; /* it may be right now */
        schedule_forget(&city->polls[i].item);
    }
    if (city->failover)
        *city->failover = (struct failover){0};
}

void city_forget_seen(struct city *city)
{
    for (int32_t i = 0; i < city->sources * PRODUCTS; i++)
        memset(city->polls[i].seen, 0, sizeof city->polls[i].seen);
}

void city_saw(struct city_polls *polls, int64_t observed_at_ms)
{
    memmove(&polls->seen[1], &polls->seen[0], (CITY_SEEN - 1) * sizeof polls->seen[0]);
    polls->seen[0] = observed_at_ms;
}

bool city_has_seen(const struct city_polls *polls, int64_t observed_at_ms)
{
    for (int i = 0; i < CITY_SEEN; i++) {
        if (polls->seen[i] == observed_at_ms)
            return true;
    }
    return false;
}

static const struct schedule_item *weather_in_use(const struct city *city)
{
    return &city->polls[city_source(city) * PRODUCTS + PRODUCT_WEATHER].item;
}

bool city_failing(const struct city *city)
{
    return city_parked(city) || weather_in_use(city)->attempt >= CITY_FAILING;
}

bool city_parked(const struct city *city)
{
    return schedule_parked(weather_in_use(city));
}

bool city_heard(const struct city *city)
{
    for (int32_t s = 0; s < city->sources; s++) {
        if (city->polls[s * PRODUCTS + PRODUCT_WEATHER].item.polled)
            return true;
    }
    return false;
}
