/* Cities and sources that need a station: who is asked for what, and how the catalogue changes it. */
#include "../../fetcher/cities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOW    INT64_C(1000000)
#define LATER  (NOW + 3600000)
#define CITIES 4
#define MODEL  0 /* a source of every place */
#define METAR  1 /* one of stations */

struct world {
    struct schedule schedules[3];
    struct cities cities;
    int64_t version;
};

/* `sources` of them, of which those in `need` (bits) need a station. */
static struct world *begin(int32_t sources, uint8_t need)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    cities_init(&world.cities, sources, false);
    world.cities.need_station = need;
    for (int32_t s = 0; s < sources; s++) {
        schedule_init(&world.schedules[s], 600000, 0, 1);
        world.cities.schedules[s][PRODUCT_WEATHER] = &world.schedules[s];
        world.cities.rules.stale_ms[s] = 2400000;
    }
    assert_int_equal(cities_resize(&world.cities, 1), 0);
    cities_hold(&world.cities, 0, 1, NOW);
    return &world;
}

static void end(struct world *world)
{
    int32_t sources = world->cities.rules.sources;
    cities_release(&world->cities);
    for (int32_t s = 0; s < sources; s++) {
        assert_int_equal(world->schedules[s].count, 0);
        schedule_release(&world->schedules[s]);
    }
}

/* A catalogue with the cities 1 to CITIES and these stations. */
static void give(struct world *world, const char *const stations[CITIES])
{
    Isobar__V1__Catalogue part = ISOBAR__V1__CATALOGUE__INIT;
    Isobar__V1__City list[CITIES], *pointers[CITIES];
    char text[CITIES][16];
    for (int i = 0; i < CITIES; i++) {
        isobar__v1__city__init(&list[i]);
        list[i].city_id = i + 1;
        snprintf(text[i], sizeof text[i], "%s", stations[i]);
        list[i].station = text[i];
        pointers[i] = &list[i];
    }
    part.version = ++world->version;
    part.parts = 1;
    part.n_cities = CITIES;
    part.cities = pointers;
    assert_true(cities_part(&world->cities, &part, NOW));
}

static const struct city *city_at(const struct world *world, int index)
{
    return world->cities.shards[0].cities[index];
}

static bool asks(const struct world *world, int index, int32_t source)
{
    return cities_asks(&world->cities, city_at(world, index), source, PRODUCT_WEATHER);
}

static const char *const mixed[CITIES] = {"KSEA", "", "EGLL", ""};

static void test_a_city_without_a_station_is_not_asked_for(void **state)
{
    (void)state;
    struct world *world = begin(1, 1);
    give(world, mixed);
    assert_string_equal(city_at(world, 0)->station, "KSEA");
    assert_int_equal(world->schedules[0].count, 2);
    for (int i = 0; i < CITIES; i++)
        assert_int_equal(asks(world, i, 0), *mixed[i] != '\0');
    struct cities_counts counts = cities_count(&world->cities);
    assert_int_equal(counts.cities, CITIES);
    assert_int_equal(counts.stationless, 2);
    assert_int_equal(counts.failing, 0);
    assert_int_equal(counts.asked[0], 2);
    /* one gets a station, another loses it, the third changes */
    give(world, (const char *const[]){"", "KBFI", "EGLC", ""});
    assert_int_equal(world->schedules[0].count, 2);
    assert_false(asks(world, 0, 0));
    assert_true(asks(world, 1, 0));
    assert_string_equal(city_at(world, 2)->station, "EGLC");
    assert_int_equal(cities_count(&world->cities).stationless, 2);
    end(world);
}

static void test_what_is_no_station_is_none(void **state)
{
    (void)state;
    struct world *world = begin(1, 1);
    give(world, (const char *const[]){"ksea", "KSE", "KSEAX", "K&id"});
    for (int i = 0; i < CITIES; i++)
        assert_string_equal(city_at(world, i)->station, "");
    assert_int_equal(cities_count(&world->cities).stationless, CITIES);
    assert_int_equal(world->schedules[0].count, 0);
    end(world);
}

static void test_other_sources_need_none(void **state)
{
    (void)state;
    struct world *world = begin(1, 0);
    give(world, mixed);
    assert_int_equal(world->schedules[0].count, CITIES);
    assert_int_equal(cities_count(&world->cities).stationless, 0);
    end(world);
}

/* Learnt at one station, it holds for no other; where no source needs one, nothing is forgotten. */
static void test_another_station_is_another_place(void **state)
{
    (void)state;
    for (uint8_t need = 0; need < 2; need++) {
        struct world *world = begin(1, need);
        give(world, mixed);
        struct city *city = world->cities.shards[0].cities[0];
        city->polls[0].item.attempt = 2;
        give(world, (const char *const[]){"KBFI", "", "EGLL", ""});
        assert_int_equal(city->polls[0].item.attempt, need ? 0 : 2);
        end(world);
    }
}

static void test_a_preferred_source_of_stations(void **state)
{
    (void)state;
    struct world *world = begin(2, 1); /* the first needs a station */
    give(world, mixed);
    for (int i = 0; i < CITIES; i++) {
        bool has = *mixed[i] != '\0';
        assert_int_equal(city_source(city_at(world, i)), has ? 0 : 1);
        assert_int_equal(asks(world, i, 0), has);
        assert_int_equal(asks(world, i, 1), !has);
    }
    /* no time makes that good, and nothing is a change */
    for (int64_t now = NOW; now < LATER; now += 60000) {
        for (int i = 0; i < CITIES; i++)
            assert_false(cities_decide(&world->cities, world->cities.shards[0].cities[i], now));
    }
    assert_false(asks(world, 1, 0));
    give(world, (const char *const[]){"", "KBFI", "EGLL", ""});
    assert_int_equal(city_source(city_at(world, 0)), 1);
    assert_int_equal(city_source(city_at(world, 1)), 0);
    assert_true(asks(world, 1, 0) && !asks(world, 1, 1) && !asks(world, 0, 0) && asks(world, 0, 1));
    end(world);
}

static void test_a_second_opinion_of_stations(void **state)
{
    (void)state;
    struct world *world = begin(3, 1 << METAR);
    world->cities.second_opinion = true;
    give(world, mixed);
    for (int i = 0; i < CITIES; i++) {
        bool has = *mixed[i] != '\0';
        assert_int_equal(city_source(city_at(world, i)), MODEL);
        assert_true(asks(world, i, MODEL));
        assert_int_equal(asks(world, i, METAR), has); /* else the one behind it is the second */
        assert_int_equal(asks(world, i, 2), !has);
    }
    /* the first fails: it is followed by what can be asked */
    for (int i = 0; i < CITIES; i++) {
        struct city *city = world->cities.shards[0].cities[i];
        failover_unknown(city->failover, MODEL);
        assert_true(cities_decide(&world->cities, city, NOW));
        assert_int_equal(city_source(city), *mixed[i] ? METAR : 2);
        assert_int_equal(asks(world, i, METAR), *mixed[i] != '\0');
    }
    end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_city_without_a_station_is_not_asked_for),
        cmocka_unit_test(test_what_is_no_station_is_none),
        cmocka_unit_test(test_other_sources_need_none),
        cmocka_unit_test(test_another_station_is_another_place),
        cmocka_unit_test(test_a_preferred_source_of_stations),
        cmocka_unit_test(test_a_second_opinion_of_stations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
