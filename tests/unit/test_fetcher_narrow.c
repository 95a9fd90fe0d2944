/*
 * A whole fetcher that asks for many places at once, as Open-Meteo has it: one place that spoils the answer for all is
 * found and left behind.
 */
#include "fetcher_fixture.h"

static struct city_polls *polls_of(struct fixture *fixture, const struct place *place)
{
    const struct cities_shard *shard = &fixture->fetcher.cities.shards[place->shard];
    for (size_t i = 0; i < shard->count; i++) {
        if (shard->cities[i]->id == place->id)
            return city_polls(shard->cities[i], 0, PRODUCT_WEATHER);
    }
    fail_msg("city %lld is not there", (long long)place->id);
    return NULL;
}

/* The others go on at once, and the one that is to blame is asked for alone from then on. */
static void check_narrowed(struct fixture *fixture, enum mood mood)
{
    fixture->places[3].mood = mood;
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fixture->fetcher.metrics.observations_total >= CITIES - 1);
    assert_true(fixture->fetcher.metrics.calls_narrowed_total > 0);
    UNTIL(fixture->loop, fixture->failing == 1);
    struct city_polls *to_blame = polls_of(fixture, &fixture->places[3]);
    assert_int_equal(to_blame->places_max, 1);
    for (int round = 0; round < 3; round++) {
        int before = fixture->places[4].current;
        UNTIL(fixture->loop, fixture->places[4].current > before);
    }
    int64_t narrowed = fixture->fetcher.metrics.calls_narrowed_total;
    int asked = fixture->places[3].current;
    UNTIL(fixture->loop, fixture->places[3].current > asked);
    pass(fixture, 1);
    assert_int_equal(fixture->fetcher.metrics.calls_narrowed_total, narrowed);
    fixture->places[3].mood = GOOD;
    UNTIL(fixture->loop, fixture->failing == 0);
}

static void test_a_bad_place_is_found(void **state)
{
    check_narrowed(*state, BAD_PLACE);
}

static void test_a_place_that_breaks_the_answer_is_found(void **state)
{
    check_narrowed(*state, BROKEN);
}

/* Found by itself, before the halves were as small as that: it goes into no call with another either. */
static void test_a_place_that_fails_alone_joins_no_call(void **state)
{
    struct fixture *fixture = *state;
    fixture->places[3].mood = BROKEN;
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fixture->failing == 1);
    struct city_polls *to_blame = polls_of(fixture, &fixture->places[3]);
    to_blame->places_max = 2;
    int asked = fixture->places[3].current;
    UNTIL(fixture->loop, fixture->places[3].current > asked && !to_blame->in_call);
    assert_int_equal(to_blame->places_max, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_bad_place_is_found),
        TEST(test_a_place_that_breaks_the_answer_is_found),
        TEST(test_a_place_that_fails_alone_joins_no_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
