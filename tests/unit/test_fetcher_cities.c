/* The catalogue in parts, shards that come and go, and what is remembered of a city. */
#include "../../fetcher/cities.h"

#include "error.h"
#include "shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 4
#define NOW    INT64_C(1000000)
#define MANY   64

static char somewhere[] = "Somewhere";

static struct city_polls *weather_of(struct city *city)
{
    return city_polls(city, 0, PRODUCT_WEATHER);
}

struct world {
    struct schedule schedule;
    struct cities cities;
    int64_t ids[SHARDS][MANY]; /* ids of each shard, ascending */
};

static int setup(void **state)
{
    static struct world world;
    int counts[SHARDS] = {0};
    memset(&world, 0, sizeof world);
    schedule_init(&world.schedule, 600000, 0, 1);
    cities_init(&world.cities, 1, true);
    world.cities.schedules[0][PRODUCT_WEATHER] = &world.schedule;
    assert_int_equal(cities_resize(&world.cities, SHARDS), 0);
    for (int64_t id = 1, full = 0; full < SHARDS; id++) {
        int32_t shard = shard_of_city(id, SHARDS);
        if (counts[shard] < MANY)
            world.ids[shard][counts[shard]++] = id;
        full += counts[shard] == MANY && world.ids[shard][MANY - 1] == id;
    }
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    cities_release(&world->cities);
    assert_int_equal(world->schedule.count, 0);
    schedule_release(&world->schedule);
    return 0;
}

/* Hands over one part with cities first … first + count − 1 of the shard. */
static bool give(struct world *world, int32_t shard, int64_t version, int32_t part, int32_t parts, int first, int count)
{
    Isobar__V1__Catalogue message = ISOBAR__V1__CATALOGUE__INIT;
    Isobar__V1__City list[MANY], *pointers[MANY];
    for (int i = 0; i < count; i++) {
        isobar__v1__city__init(&list[i]);
        list[i].city_id = world->ids[shard][first + i];
        list[i].ascii_name = somewhere;
        list[i].latitude_e5 = 4700000;
        list[i].longitude_e5 = -12200000;
        pointers[i] = &list[i];
    }
    message.version = version;
    message.shard = shard;
    message.part = part;
    message.parts = parts;
    message.n_cities = (size_t)count;
    message.cities = pointers;
    return cities_part(&world->cities, &message, NOW);
}

static struct cities_counts counts(const struct world *world)
{
    return cities_count(&world->cities);
}

static void test_the_number_of_shards_is_set_once(void **state)
{
    struct world *world = *state;
    assert_int_equal(cities_resize(&world->cities, SHARDS), 0);
    assert_int_equal(cities_resize(&world->cities, SHARDS + 1), ERR_INVALID);
    assert_int_equal(cities_resize(&world->cities, 0), ERR_INVALID);
    assert_int_equal(cities_resize(&world->cities, SHARD_MAX_PARTITIONS + 1), ERR_INVALID);
    assert_int_equal(world->cities.shard_count, SHARDS);
}

static void test_a_catalogue_is_taken_over_when_it_is_whole(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 1, 5, NOW);
    assert_false(give(world, 1, 1, 2, 3, 20, 10));
    assert_false(give(world, 1, 1, 0, 3, 0, 10));
    assert_false(give(world, 1, 1, 0, 3, 0, 10)); /* repeated */
    assert_int_equal(counts(world).cities, 0);
    assert_int_equal(counts(world).complete, 0);
    assert_true(give(world, 1, 1, 1, 3, 10, 10));
    assert_int_equal(counts(world).cities, 30);
    assert_int_equal(counts(world).complete, 1);
    assert_int_equal(counts(world).history_wanted, 30);
    assert_int_equal(world->schedule.count, 30);
    assert_int_equal(world->cities.shards[1].version, 1);
    assert_true(cities_complete(&world->cities));
    cities_told(&world->cities, 1, 2);
    assert_false(cities_complete(&world->cities)); /* there is a newer one */
    cities_told(&world->cities, 1, 1);
    assert_true(cities_complete(&world->cities));
    cities_hold(&world->cities, 2, 6, NOW);
    assert_false(cities_complete(&world->cities)); /* the new shard has none yet */
    cities_drop(&world->cities, 2);
    assert_false(give(world, 1, 1, 0, 1, 0, 5)); /* not newer */
    assert_int_equal(counts(world).cities, 30);
    for (size_t i = 1; i < 30; i++)
        assert_true(world->cities.shards[1].cities[i - 1]->id < world->cities.shards[1].cities[i]->id);
}

static void test_parts_of_two_versions_are_not_mixed(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 0, 1, NOW);
    assert_false(give(world, 0, 7, 0, 2, 0, 10));
    assert_false(give(world, 0, 8, 1, 2, 10, 5));  /* begins anew */
    assert_false(give(world, 0, 7, 1, 2, 10, 10)); /* late part of the older one */
    assert_int_equal(counts(world).cities, 0);
    assert_false(give(world, 0, 8, 0, 3, 0, 4)); /* another number of parts: begins anew */
    assert_false(give(world, 0, 8, 1, 3, 4, 4));
    assert_true(give(world, 0, 8, 2, 3, 8, 4));
    assert_int_equal(counts(world).cities, 12);
}

/* Redis has gone back: what the leader names is taken, though it is lower, and nothing else that is. */
static void test_a_lower_version_is_taken_when_the_leader_names_it(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 0, 1, NOW);
    cities_told(&world->cities, 0, 9);
    assert_true(give(world, 0, 9, 0, 1, 0, 20));
    assert_false(give(world, 0, 4, 0, 1, 0, 5));  /* a late part of an older one */
    assert_false(give(world, 0, 10, 0, 2, 0, 5)); /* of a newer one that is not there any more, either */
    cities_told(&world->cities, 0, 4);
    assert_false(give(world, 0, 3, 0, 1, 0, 5));
    assert_false(give(world, 0, 4, 0, 2, 0, 5));
    assert_false(give(world, 0, 4, 0, 2, 0, 5));
    assert_true(give(world, 0, 4, 1, 2, 5, 5));
    assert_int_equal(counts(world).cities, 10);
    assert_int_equal(world->cities.shards[0].version, 4);
    assert_true(give(world, 0, 5, 0, 1, 0, 3)); /* newer ones are taken as ever */
    cities_told(&world->cities, 1, 3);          /* of another shard */
    assert_false(give(world, 0, 3, 0, 1, 0, 2));
    cities_told(&world->cities, -1, 3);
    cities_told(&world->cities, 99, 3);
    cities_told(&world->cities, 0, 0);
    assert_false(give(world, 0, 0, 0, 1, 0, 1));
    assert_false(give(world, 0, -1, 0, 1, 0, 1));
    assert_int_equal(counts(world).cities, 3);
}

static void test_an_empty_shard_is_complete_too(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 0, 1, NOW);
    assert_true(give(world, 0, 1, 0, 1, 0, 0));
    assert_int_equal(counts(world).complete, 1);
    assert_int_equal(counts(world).cities, 0);
    assert_true(give(world, 0, 2, 0, 1, 0, 3));
    assert_true(give(world, 0, 3, 0, 1, 0, 0));
    assert_int_equal(counts(world).cities, 0);
    assert_int_equal(world->schedule.count, 0);
}

static void test_a_name_is_cut_between_characters(void **state)
{
    struct world *world = *state;
    char name[] = "46 bytes and then a letter of two, half of whi\xc3\xa9";
    Isobar__V1__Catalogue message = ISOBAR__V1__CATALOGUE__INIT;
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT, *list = &city;
    cities_hold(&world->cities, 0, 1, NOW);
    city.city_id = world->ids[0][0];
    city.ascii_name = name;
    message.version = message.parts = 1;
    message.n_cities = 1;
    message.cities = &list;
    assert_true(cities_part(&world->cities, &message, NOW));
    assert_string_equal(world->cities.shards[0].cities[0]->name, "46 bytes and then a letter of two, half of whi");
}

static void test_impossible_parts_and_cities_are_ignored(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 0, 1, NOW);
    assert_false(give(world, 1, 1, 0, 1, 0, 3)); /* not held */
    assert_false(give(world, 0, 1, 1, 1, 0, 3));
    assert_false(give(world, 0, 1, -1, 1, 0, 3));
    assert_false(give(world, 0, 1, 0, 0, 0, 3));
    assert_false(give(world, 0, 1, 0, CITIES_PARTS_MAX + 1, 0, 3));
    assert_false(give(world, 0, 0, 0, 1, 0, 3));
    assert_int_equal(counts(world).cities, 0);
    Isobar__V1__Catalogue message = ISOBAR__V1__CATALOGUE__INIT;
    Isobar__V1__City list[6], *pointers[6];
    for (int i = 0; i < 6; i++) {
        isobar__v1__city__init(&list[i]);
        list[i].city_id = world->ids[0][i];
        list[i].ascii_name = somewhere;
        pointers[i] = &list[i];
    }
    list[1].latitude_e5 = 9000001;
    list[2].longitude_e5 = INT32_MIN;   /* which has no absolute value */
    list[3].city_id = world->ids[1][0]; /* of another shard */
    list[4].city_id = -5;
    list[5].city_id = list[0].city_id; /* listed twice */
    message.version = message.parts = 1;
    message.n_cities = 6;
    message.cities = pointers;
    assert_true(cities_part(&world->cities, &message, NOW));
    assert_int_equal(counts(world).cities, 1);
    assert_int_equal(world->cities.unusable, 4);
    message.shard = SHARDS;
    assert_false(cities_part(&world->cities, &message, NOW));
    message.shard = -1;
    assert_false(cities_part(&world->cities, &message, NOW));
}

static void test_a_new_catalogue_keeps_what_is_known_of_its_cities(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 2, 1, NOW);
    assert_true(give(world, 2, 1, 0, 1, 0, 10));
    struct city *city = world->cities.shards[2].cities[5];
    city_saw(weather_of(city), 77);
    city->history_done = true;
    assert_true(give(world, 2, 2, 0, 1, 3, 20)); /* three are gone, thirteen are new */
    assert_int_equal(counts(world).cities, 20);
    assert_int_equal(world->schedule.count, 20);
    assert_ptr_equal(world->cities.shards[2].cities[2], city);
    assert_true(city_has_seen(weather_of(city), 77));
    assert_int_equal(counts(world).history_wanted, 19);
}

/* Workers are told of a city when its shard comes, and when the catalogue says something else. */
static void test_what_workers_must_know_is_told_again(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 2, 1, NOW);
    assert_true(give(world, 2, 1, 0, 1, 0, 2));
    struct city *city = world->cities.shards[2].cities[0];
    assert_false(city->told);
    assert_null(city->zone);
    city->told = true;
    assert_true(give(world, 2, 2, 0, 1, 0, 2)); /* nothing new */
    assert_true(city->told);
    city->zone = zone_get("Asia/Tokyo"); /* the catalogue says none */
    assert_true(give(world, 2, 3, 0, 1, 0, 2));
    assert_false(city->told);
    city->told = true;
    memcpy(city->country, "JP", 3);
    assert_true(give(world, 2, 4, 0, 1, 0, 2));
    assert_false(city->told);
    assert_string_equal(city->country, "");
    city->told = true;
    cities_hold(&world->cities, 2, 2, NOW); /* another number of the same shard */
    assert_true(city->told);
    cities_drop(&world->cities, 2);
    cities_hold(&world->cities, 2, 3, NOW);
    assert_false(city->told);
}

static void test_zones_of_the_catalogue(void **state)
{
    struct world *world = *state;
    static char names[][20] = {"Asia/Kathmandu", "Mars/Olympus"}, country[] = "NP", longer[] = "NPL";
    Isobar__V1__City list[2], *pointers[] = {&list[0], &list[1]};
    Isobar__V1__Catalogue message = ISOBAR__V1__CATALOGUE__INIT;
    cities_hold(&world->cities, 2, 1, NOW);
    for (int64_t i = 0, id = 1; i < 2; id++) {
        if (shard_of_city(id, SHARDS) != 2)
            continue;
        isobar__v1__city__init(&list[i]);
        list[i].city_id = id;
        list[i].zone = names[i];
        list[i].country = i ? longer : country;
        i++;
    }
    message.shard = 2;
    message.version = message.parts = 1;
    message.n_cities = 2;
    message.cities = pointers;
    assert_true(cities_part(&world->cities, &message, NOW));
    const struct cities_shard *shard = &world->cities.shards[2];
    assert_string_equal(zone_name(shard->cities[0]->zone), "Asia/Kathmandu");
    assert_string_equal(shard->cities[0]->country, "NP");
    assert_null(shard->cities[1]->zone); /* not known: nothing is said of it */
    assert_string_equal(shard->cities[1]->country, "");
}

static void test_a_corrected_place_is_not_parked_any_more(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 2, 1, NOW);
    assert_true(give(world, 2, 1, 0, 1, 0, 2));
    struct city *city = world->cities.shards[2].cities[0];
    schedule_remove(&world->schedule, &weather_of(city)->item);
    schedule_park(&world->schedule, &weather_of(city)->item, NOW);
    assert_true(city_failing(city));
    assert_int_equal(counts(world).parked, 1);
    city->latitude_e5 = 1; /* the catalogue says another one */
    assert_true(give(world, 2, 2, 0, 1, 0, 2));
    assert_int_equal(counts(world).parked, 0);
    assert_int_equal(city->latitude_e5, 4700000);
    assert_true(weather_of(city)->item.due_ms < NOW + 600000);
}

static void test_paused_cities_are_not_polled(void **state)
{
    struct world *world = *state;
    Isobar__V1__Catalogue message = ISOBAR__V1__CATALOGUE__INIT;
    Isobar__V1__City one = ISOBAR__V1__CITY__INIT, *list = &one;
    cities_hold(&world->cities, 0, 1, NOW);
    one.city_id = world->ids[0][0];
    message.parts = 1;
    message.n_cities = 1;
    message.cities = &list;
    for (message.version = 1; message.version < 6; message.version++) {
        one.paused = message.version % 2 == 0;
        assert_true(cities_part(&world->cities, &message, NOW));
        assert_int_equal(counts(world).cities, !one.paused);
        assert_int_equal(world->schedule.count, !one.paused);
    }
}

static void test_a_shard_that_comes_back_goes_on_where_it_was(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 3, 9, NOW);
    assert_true(give(world, 3, 1, 0, 1, 0, 5));
    struct city *city = world->cities.shards[3].cities[0];
    schedule_remove(&world->schedule, &weather_of(city)->item);
    weather_of(city)->item.begun_ms = NOW;
    schedule_polled(&world->schedule, &weather_of(city)->item, NOW);
    city->history_done = true;
    cities_drop(&world->cities, 3);
    assert_int_equal(world->schedule.count, 0);
    assert_int_equal(counts(world).cities, 0);
    assert_false(cities_wanted(&world->cities, city));
    assert_false(give(world, 3, 2, 0, 1, 0, 5)); /* not held */
    cities_hold(&world->cities, 3, 12, NOW + 1000);
    assert_int_equal(world->schedule.count, 5);
    assert_int_equal(world->cities.shards[3].version, 1);
    assert_int_equal(world->cities.shards[3].number, 12);
    assert_true(city->history_done);
    assert_true(weather_of(city)->item.due_ms >= NOW + 600000);
    cities_hold(&world->cities, 3, 13, NOW + 1000); /* only renumbered */
    assert_int_equal(world->schedule.count, 5);
    cities_hold(&world->cities, SHARDS, 1, NOW); /* ignored */
    cities_hold(&world->cities, -1, 1, NOW);
}

static void test_a_half_catalogue_does_not_survive_the_shard(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 0, 1, NOW);
    assert_false(give(world, 0, 1, 0, 2, 0, 5));
    cities_drop(&world->cities, 0);
    cities_hold(&world->cities, 0, 2, NOW);
    assert_false(give(world, 0, 1, 1, 2, 5, 5));
    assert_int_equal(counts(world).cities, 0);
    assert_true(give(world, 0, 1, 0, 2, 0, 5));
    assert_int_equal(counts(world).cities, 10);
}

static void test_a_city_in_a_call_outlives_its_catalogue_entry(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 0, 1, NOW);
    assert_true(give(world, 0, 1, 0, 1, 0, 2));
    struct city *leaving = world->cities.shards[0].cities[0], *staying = world->cities.shards[0].cities[1];
    schedule_remove(&world->schedule, &weather_of(leaving)->item);
    schedule_remove(&world->schedule, &weather_of(staying)->item);
    weather_of(leaving)->in_call = weather_of(staying)->in_call = true;
    assert_true(give(world, 0, 2, 0, 1, 1, 1));
    assert_int_equal(world->schedule.count, 0); /* a city in a call is put back by its end */
    assert_true(leaving->gone);
    assert_false(cities_wanted(&world->cities, leaving));
    assert_false(cities_call_ended(weather_of(leaving))); /* freed */
    assert_true(cities_call_ended(weather_of(staying)));
    assert_true(cities_wanted(&world->cities, staying));
}

/* Weather and air are polled each by itself, and a city lives until both calls have ended. */
static void test_air_has_a_schedule_of_its_own(void **state)
{
    struct world *world = *state;
    struct schedule air;
    schedule_init(&air, 3600000, 0, 1);
    world->cities.schedules[0][PRODUCT_AIR] = &air;
    cities_hold(&world->cities, 0, 1, NOW);
    assert_true(give(world, 0, 1, 0, 1, 0, 3));
    assert_int_equal(world->schedule.count, 3);
    assert_int_equal(air.count, 3);
    struct city_polls *of_air = polls_of_item(schedule_next(&air));
    struct city *city = of_air->city;
    assert_ptr_equal(city_polls(city, 0, product_of(FETCH_AIR)), of_air);
    assert_ptr_equal(city_polls(city, 0, product_of(FETCH_HISTORY)), weather_of(city));
    assert_ptr_equal(weather_of(city)->city, city);
    assert_null(polls_of_item(NULL));
    city_saw(of_air, 5);
    assert_false(city_has_seen(weather_of(city), 5));
    schedule_begin(&air, &of_air->item, NOW);
    schedule_begin(&world->schedule, &weather_of(city)->item, NOW);
    of_air->in_call = weather_of(city)->in_call = true;
    cities_drop(&world->cities, 0);
    assert_int_equal(air.count, 0);
    cities_hold(&world->cities, 0, 2, NOW);
    assert_int_equal(air.count, 2); /* the one in a call is put back by its end */
    assert_true(give(world, 0, 2, 0, 1, 5, 1));
    assert_int_equal(air.count, 1);
    assert_true(city->gone);
    assert_false(cities_call_ended(of_air));
    assert_false(of_air->in_call);
    assert_false(cities_call_ended(weather_of(city))); /* freed */
    cities_drop(&world->cities, 0);
    assert_int_equal(air.count, 0);
    world->cities.schedules[0][PRODUCT_AIR] = NULL;
    schedule_release(&air);
}

static void test_the_last_readings_are_remembered(void **state)
{
    (void)state;
    struct city_polls polls = {0};
    /* Times of the real thing, which goes back and forth. */
    static const int64_t times[] = {374, 448, 394, 374, 448, 500};
    static const bool seen[] = {false, false, false, true, true, false};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_int_equal(city_has_seen(&polls, times[i]), seen[i]);
        if (!seen[i])
            city_saw(&polls, times[i]);
    }
    for (int64_t t = 1000; t < 1000 + CITY_SEEN; t++)
        city_saw(&polls, t);
    assert_false(city_has_seen(&polls, 500));
    assert_true(city_has_seen(&polls, 1000));
}

static void test_failing_cities_are_counted(void **state)
{
    struct world *world = *state;
    cities_hold(&world->cities, 0, 1, NOW);
    assert_true(give(world, 0, 1, 0, 1, 0, 3));
    struct city *city = world->cities.shards[0].cities[0];
    for (int i = 1; i <= CITY_FAILING; i++) {
        schedule_remove(&world->schedule, &weather_of(city)->item);
        schedule_failed(&world->schedule, &weather_of(city)->item, NOW);
        assert_int_equal(counts(world).failing, i == CITY_FAILING);
    }
    assert_int_equal(cities_count_shard(&world->cities, 0).failing, 1);
    assert_int_equal(cities_count_shard(&world->cities, 1).failing, 0);
    schedule_remove(&world->schedule, &weather_of(city)->item);
    schedule_polled(&world->schedule, &weather_of(city)->item, NOW);
    assert_int_equal(counts(world).failing, 0);
    assert_int_equal(counts(world).heard, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_number_of_shards_is_set_once),
        TEST(test_a_catalogue_is_taken_over_when_it_is_whole),
        TEST(test_parts_of_two_versions_are_not_mixed),
        TEST(test_a_lower_version_is_taken_when_the_leader_names_it),
        TEST(test_an_empty_shard_is_complete_too),
        TEST(test_a_name_is_cut_between_characters),
        TEST(test_impossible_parts_and_cities_are_ignored),
        TEST(test_a_new_catalogue_keeps_what_is_known_of_its_cities),
        TEST(test_what_workers_must_know_is_told_again),
        TEST(test_zones_of_the_catalogue),
        TEST(test_a_corrected_place_is_not_parked_any_more),
        TEST(test_paused_cities_are_not_polled),
        TEST(test_a_shard_that_comes_back_goes_on_where_it_was),
        TEST(test_a_half_catalogue_does_not_survive_the_shard),
        TEST(test_a_city_in_a_call_outlives_its_catalogue_entry),
        TEST(test_air_has_a_schedule_of_its_own),
        TEST(test_the_last_readings_are_remembered),
        TEST(test_failing_cities_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
