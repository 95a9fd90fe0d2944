/* The catalogue in memory: cities by id and by every spelling of their names, changes, and loading from Redis. */
#include "../../ctl/gazetteer.h"

#include "error.h"
#include "redis_kit.h"
#include "shard.h"

#define PARTITIONS 4

static void put(struct gazetteer *gazetteer, int64_t id, const char *name, const char *country, const char *zone)
{
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT;
    char texts[3][300];
    snprintf(texts[0], sizeof texts[0], "%s", name);
    snprintf(texts[1], sizeof texts[1], "%s", country);
    snprintf(texts[2], sizeof texts[2], "%s", zone);
    city.city_id = id;
    city.name = texts[0];
    static char zuerich[] = "Zuerich";
    city.ascii_name = texts[0];
    if (strcmp(name, "Zürich") == 0)
        city.ascii_name = zuerich;
    city.country = texts[1];
    city.zone = texts[2];
    gazetteer_add(gazetteer, &city);
}

static void fill(struct gazetteer *gazetteer)
{
    gazetteer_init(gazetteer, PARTITIONS);
    put(gazetteer, 2657896, "Zürich", "CH", "Europe/Zurich");
    put(gazetteer, 5746545, "Portland", "US", "America/Los_Angeles");
    put(gazetteer, 4975802, "Portland", "US", "America/New_York");
    put(gazetteer, 2640729, "Portland", "GB", "Europe/London");
    put(gazetteer, 2867714, "München", "DE", "Europe/Berlin");
    put(gazetteer, 3, "42", "XX", "");
    put(gazetteer, 0, "Nowhere", "XX", "");
    put(gazetteer, -5, "Nowhere", "XX", "");
}

static void cities_are_found(void **state)
{
    static const struct {
        const char *text;
        enum gazetteer_result result;
        int64_t id;
    } rows[] = {
        {"2657896", GAZETTEER_FOUND, 2657896},
        {"Zürich", GAZETTEER_FOUND, 2657896},
        {"zurich", GAZETTEER_FOUND, 2657896},
        {"ZUERICH", GAZETTEER_FOUND, 2657896},
        {"zurich,ch", GAZETTEER_FOUND, 2657896},
        {"zurich,us", GAZETTEER_NONE, 0},
        {"muenchen", GAZETTEER_FOUND, 2867714},
        {"portland", GAZETTEER_SEVERAL, 0},
        {"Portland,GB", GAZETTEER_FOUND, 2640729},
        {"Portland,US", GAZETTEER_SEVERAL, 0},
        {"42", GAZETTEER_NONE, 0}, /* digits are an id */
        {"0", GAZETTEER_NONE, 0},
        {"99999999999999999999", GAZETTEER_NONE, 0},
        {"", GAZETTEER_NONE, 0},
        {",US", GAZETTEER_NONE, 0},
        {"Nowhere", GAZETTEER_NONE, 0},
    };
    struct gazetteer gazetteer;
    (void)state;
    fill(&gazetteer);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gazetteer_city *city;
        if (gazetteer_find(&gazetteer, rows[i].text, &city) != rows[i].result)
            fail_msg("%s", rows[i].text);
        if (rows[i].result != GAZETTEER_FOUND)
            continue;
        assert_int_equal(city->id, rows[i].id);
        assert_int_equal(city->shard, shard_of_city(rows[i].id, PARTITIONS));
    }
    gazetteer_release(&gazetteer);
    assert_null(gazetteer.cities);
}

static void ids_are_whole_numbers(void **state)
{
    (void)state;
    assert_int_equal(gazetteer_id("1"), 1);
    assert_int_equal(gazetteer_id("9007199254740991"), INT64_C(9007199254740991));
    static const char *const others[] = {"", "0", "9007199254740992", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(gazetteer_id(others[i]), 0);
}

static void what_changed_is_told_again(void **state)
{
    struct gazetteer gazetteer;
    struct gazetteer_city *city, *other;
    (void)state;
    fill(&gazetteer);
    assert_int_equal(gazetteer_find(&gazetteer, "zurich", &city), GAZETTEER_FOUND);
    assert_false(city->told);
    city->told = true;
    put(&gazetteer, 2657896, "Zürich", "CH", "Europe/Zurich");
    assert_true(city->told);
    put(&gazetteer, 2657896, "Turicum", "CH", "Europe/Zurich"); /* workers do not know names */
    assert_true(city->told);
    assert_int_equal(gazetteer_find(&gazetteer, "zurich", &other), GAZETTEER_NONE);
    assert_int_equal(gazetteer_find(&gazetteer, "turicum", &other), GAZETTEER_FOUND);
    assert_ptr_equal(city, other);
    put(&gazetteer, 2657896, "Turicum", "CH", "Europe/Rome");
    assert_false(city->told);
    assert_string_equal(city->zone, "Europe/Rome");
    other = gazetteer_take(&gazetteer, 77); /* one that the catalogue does not have, and then has */
    assert_string_equal(other->zone, "");
    other->told = true;
    put(&gazetteer, 77, "New", "NZ", "Pacific/Auckland");
    assert_false(other->told);
    assert_string_equal(other->country, "NZ");
    assert_int_equal(gazetteer_find(&gazetteer, "new", &city), GAZETTEER_FOUND);
    assert_ptr_equal(city, other);
    gazetteer_release(&gazetteer);
}

static void store(int64_t id, const char *name)
{
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT;
    char key[64], field[24], text[64];
    uint8_t bytes[512];
    snprintf(text, sizeof text, "%s", name);
    city.city_id = id;
    city.name = text;
    size_t size = isobar__v1__city__pack(&city, bytes);
    snprintf(key, sizeof key, "x:{%d}:cities", shard_of_city(id, PARTITIONS));
    snprintf(field, sizeof field, "%lld", (long long)id);
    const char *words[] = {"HSET", key, field, (const char *)bytes};
    size_t sizes[] = {4, strlen(key), strlen(field), size};
    store_reply_free(redis_call(4, words, sizes));
}

static void the_catalogue_is_loaded(void **state)
{
    struct context context = {.command = "test", .redis = server.address, .prefix = "x:", .store = redis};
    struct gazetteer gazetteer;
    struct gazetteer_city *city;
    (void)state;
    REDIS_DO("FLUSHALL");
    for (int64_t id = 1; id <= 50; id++)
        store(id, id == 33 ? "Thirty-three" : "Other");
    REDIS_DO("HSET", "x:{1}:cities", "99", "junk that is no city");
    gazetteer_init(&gazetteer, PARTITIONS);
    assert_int_equal(gazetteer_load(&gazetteer, &context), EXIT_CODE_OK);
    assert_int_equal(HASH_COUNT(gazetteer.cities), 50);
    assert_int_equal(gazetteer_find(&gazetteer, "thirty-three", &city), GAZETTEER_FOUND);
    assert_int_equal(city->id, 33);
    gazetteer_release(&gazetteer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cities_are_found),
        cmocka_unit_test(ids_are_whole_numbers),
        cmocka_unit_test(what_changed_is_told_again),
        cmocka_unit_test(the_catalogue_is_loaded),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
