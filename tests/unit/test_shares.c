/* Shares of the quota as a leader gives them to fetchers: never more than the total, across leaders and losses. */
#include "leader_kit.h"

static int64_t in_force(const struct world *world)
{
    int64_t sum = 0;
    for (int i = 0; i < PEOPLE; i++)
        sum += world->people[i].here ? world->people[i].share : 0;
    return sum;
}

static void the_quota_is_never_given_twice(void **state)
{
    struct world *world = *state;
    struct person *one = fetcher(world, 0);
    run(world, 2000);
    assert_int_equal(one->share, 60000);
    struct person *two = fetcher(world, 1), *three = fetcher(world, 2);
    for (int i = 0; i < 12; i++) {
        run(world, TICK_MS);
        assert_true(in_force(world) <= 60000);
    }
    assert_true(one->share == 20000 && two->share == 20000 && three->share == 20000);
    three->mute = true; /* it goes on with its share, and its shards, which others get */
    world->strict = false;
    for (int i = 0; i < 230; i++) {
        run(world, TICK_MS);
        assert_true(in_force(world) <= 60000);
    }
    assert_int_equal(one->share, 20000);
    three->here = false;
    run(world, 5000);
    assert_true(one->share == 30000 && two->share == 30000); /* by time alone, nothing else happens */
    say_bye(world, two);
    run(world, TICK_MS);
    assert_int_equal(one->share, 60000);
}

/* A fetcher that is lost within the time between two views, and a leader who knows of it from the view only. */
static void a_share_is_raised_when_it_is_noted(void **state)
{
    struct world *world = *state;
    struct person *one = fetcher(world, 0);
    world->redis_away = true;
    run(world, 5000);
    assert_int_equal(one->share, 0);
    char *view = view_text(world);
    assert_non_null(strstr(view, "\"share_milli\":60000")); /* as it is to be noted */
    free(view);
    world->redis_away = false;
    run(world, TICK_MS);
    assert_int_equal(one->share, 60000);
    world->redis_away = true; /* lower shares wait for nothing */
    struct person *two = fetcher(world, 1);
    run(world, 3000);
    assert_true(one->share == 30000 && two->share == 0);
    drop_leader(world);
    take_lead(world, "c-2", 2, NULL);
    run(world, 5000);
    assert_int_equal(one->share, 30000); /* what was in force already is not taken away for want of a note */
    world->redis_away = false;
    run(world, 3000);
    assert_true(one->share == 30000 && two->share == 30000);
}

static void a_new_leader_does_not_give_away_what_is_in_use(void **state)
{
    struct world *world = *state;
    struct person *one = fetcher(world, 0), *two = fetcher(world, 1);
    run(world, 3000);
    char *view = view_text(world);
    drop_leader(world);
    two->mute = true; /* cut off, and polling on */
    world->strict = false;
    world->ahead_ms = INT64_C(3600000); /* nor does it take the view for an old one because of its own clock */
    take_lead(world, "c-2", 2, view);
    free(view);
    struct person *three = fetcher(world, 2);
    for (int i = 0; i < 220; i++) {
        run(world, TICK_MS);
        assert_true(in_force(world) <= 60000);
    }
    assert_true(one->share == 15000 && three->share == 15000);
    two->mute = false;
    for (int i = 0; i < 20; i++) {
        run(world, TICK_MS);
        assert_true(in_force(world) <= 60000);
    }
    assert_true(one->share == 20000 && two->share == 20000 && three->share == 20000);
}

static void no_limit_and_none(void **state)
{
    struct world *world = *state;
    world->options.calls_per_minute = -1;
    struct person *one = fetcher(world, 0);
    run(world, 2000);
    assert_int_equal(one->share, -1);
    world->options.calls_per_minute = 0;
    run(world, 2000);
    assert_int_equal(one->share, 0);
    json_t *view = view_of(world);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(view, "quota"), "calls_per_minute")), 0);
    json_decref(view);
}

static struct person *caller(struct world *world, int index, const char *first, const char *second)
{
    struct person *person = fetcher(world, index);
    person->accounts[0] = first;
    person->accounts[1] = second;
    return person;
}

/* The calls a minute of account `b`: that of some is the first, of others the second. */
static int64_t of_b(const struct world *world)
{
    int64_t sum = 0;
    for (int i = 0; i < PEOPLE; i++) {
        const struct person *person = &world->people[i];
        if (person->here && person->accounts[0])
            sum += strcmp(person->accounts[0], "b") == 0 ? person->share : person->second_share;
    }
    return sum;
}

static void each_account_has_its_own_calls(void **state)
{
    struct world *world = *state;
    const struct person *one = caller(world, 0, "a", "b"), *two = caller(world, 1, "a", "b");
    run(world, 3000);
    assert_true(one->share == 30000 && two->share == 30000 && one->second_share == 30000 && two->second_share == 30000);
    const struct person *three = caller(world, 2, "b", NULL);
    for (int i = 0; i < 12; i++) {
        run(world, TICK_MS);
        assert_true(of_b(world) <= 60000);
    }
    assert_true(one->share == 30000 && one->second_share == 20000 && three->share == 20000 && three->second_share == 0);
}

/* Too few calls of the second account: a fetcher goes on with its first, and keeps its shards. */
static void who_has_none_of_the_second_account_is_no_spare(void **state)
{
    struct world *world = *state;
    struct buf error = BUF_EMPTY;
    assert_int_equal(accounts_parse(&world->leader->accounts, "b=1/m", &error), 0);
    const struct person *one = caller(world, 0, "a", "b"), *two = caller(world, 1, "a", "b");
    run(world, 4000);
    assert_int_equal(one->second_share + two->second_share, 1000);
    assert_true(one->share == 30000 && two->share == 30000);
    assert_false(world->leader->members.first->spare || world->leader->members.first->next->spare);
    buf_release(&error);
    accounts_release(&world->leader->accounts);
}

static void a_new_leader_keeps_back_every_account(void **state)
{
    struct world *world = *state;
    (void)caller(world, 0, "a", "b");
    struct person *two = caller(world, 1, "a", "b");
    run(world, 3000);
    char *view = view_text(world);
    drop_leader(world);
    two->mute = true;
    world->strict = false;
    take_lead(world, "c-2", 2, view);
    free(view);
    const struct person *three = caller(world, 2, "a", "b");
    for (int i = 0; i < 220; i++) {
        run(world, TICK_MS);
        assert_true(in_force(world) <= 60000 && of_b(world) <= 60000);
    }
    assert_true(three->share == 15000 && three->second_share == 15000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {T(the_quota_is_never_given_twice),
                                       T(a_share_is_raised_when_it_is_noted),
                                       T(a_new_leader_does_not_give_away_what_is_in_use),
                                       T(no_limit_and_none),
                                       T(each_account_has_its_own_calls),
                                       T(who_has_none_of_the_second_account_is_no_spare),
                                       T(a_new_leader_keeps_back_every_account)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
