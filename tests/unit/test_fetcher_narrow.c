/*
 * A whole fetcher that asks for many places at once, as Open-Meteo has it: one place that spoils the answer for all is
 * found and left behind.
 */
#include "fetcher_fixture.h"

/* The others go on at once, and the one that is to blame is asked for alone from then on. */
static void check_narrowed(struct fixture *fixture, enum mood mood)
{
    fixture->places[3].mood = mood;
    start_with_all_due(fixture);
    UNTIL(fixture->loop, fixture->fetcher.metrics.observations_total >= CITIES - 1);
    assert_true(fixture->fetcher.metrics.calls_narrowed_total > 0);
    UNTIL(fixture->loop, fixture->failing == 1);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_bad_place_is_found),
        TEST(test_a_place_that_breaks_the_answer_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
