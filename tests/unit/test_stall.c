/* A leader whose workers stand still: who loses what, on a virtual clock. */
#include "leader_kit.h"

#define LIMIT 10000

/* Two or three workers that share, with the limit set. */
static void share(struct world *world, int workers)
{
    world->options.stall_ms = LIMIT;
    world->strict = false; /* one that stands still keeps what another is given; the ledger fences it */
    for (int i = 0; i < workers; i++)
        (void)worker(world, i);
    run(world, 5000);
    assert_int_equal(held(&world->people[0]), PARTITIONS / workers);
}

static int32_t one_of(const struct person *person)
{
    for (int32_t i = PARTITIONS; i-- > 0;) {
        if (person->number[i])
            return i;
    }
    fail();
    return -1;
}

static void one_partition_goes_to_another_and_stays_there(void **state)
{
    struct world *world = *state;
    share(world, 2);
    struct person *bad = &world->people[0], *good = &world->people[1];
    int32_t p = one_of(bad);
    size_t moves = world->leader->move_count;
    bad->stuck_ms[p] = world->now_ms;
    run(world, LIMIT);
    assert_true(bad->number[p] != 0 && world->leader->metrics.stalls_total == 0);
    run(world, 5000);
    assert_int_equal(bad->number[p], 0);
    assert_true(good->number[p] != 0);
    assert_int_equal(world->leader->metrics.stalls_total, 1);
    assert_int_equal(world->leader->move_count, moves + 2); /* in exchange for another: the balance stays */
    assert_true(held(bad) == 12 && held(good) == 12);
    json_t *view = view_of(world);
    const json_t *move = json_array_get(json_object_get(view, "rebalances"), 1);
    assert_int_equal(json_integer_value(json_object_get(move, "index")), p);
    assert_string_equal(json_string_value(json_object_get(move, "to")), good->id);
    assert_non_null(strstr(json_string_value(json_object_get(move, "reason")), "made no progress on partition"));
    json_decref(view);
    run(world, 1200000);
    assert_int_equal(world->leader->move_count, moves + 2);
    assert_true(good->number[p] != 0);
}

static void a_partition_that_nobody_gets_on_with_is_no_ball(void **state)
{
    struct world *world = *state;
    share(world, 3);
    int32_t p = one_of(&world->people[0]);
    size_t moves = world->leader->move_count;
    for (int i = 0; i < 3; i++)
        world->people[i].stuck_ms[p] = world->now_ms;
    run(world, 3600000); /* an hour */
    size_t count = world->leader->move_count - moves;
    assert_true(count >= 4 && count <= 2 * 12); /* 20 s, 40 s, … 10 min between them */
    for (int i = 0; i < 3; i++)
        assert_int_equal(held(&world->people[i]), 8);
}

static void a_worker_that_gets_on_with_nothing_loses_everything(void **state)
{
    struct world *world = *state;
    share(world, 2);
    struct person *bad = &world->people[0], *good = &world->people[1];
    for (int i = 0; i < PARTITIONS; i++)
        bad->stuck_ms[i] = world->now_ms;
    run(world, LIMIT + 5000);
    assert_true(held(bad) == 0 && held(good) == PARTITIONS);
    assert_int_equal(world->leader->metrics.stalls_total, 1);
    json_t *view = view_of(world);
    for (size_t i = 0; i < 2; i++) {
        const json_t *member = json_array_get(json_object_get(view, "members"), i);
        bool is_bad = strcmp(json_string_value(json_object_get(member, "id")), bad->id) == 0;
        assert_string_equal(json_string_value(json_object_get(member, "state")), is_bad ? "suspect" : "live");
    }
    json_decref(view);
    for (int i = 0; i < PARTITIONS; i++)
        bad->stuck_ms[i] = 0; /* repaired */
    run(world, 3 * LIMIT);
    assert_true(held(bad) == 12 && held(good) == 12);
    run(world, 600000);
    assert_int_equal(world->leader->metrics.stalls_total, 1);
}

static void nothing_moves_in_an_outage_of_all(void **state)
{
    struct world *world = *state;
    share(world, 3);
    size_t moves = world->leader->move_count;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < PARTITIONS * 3; i++)
            world->people[i / PARTITIONS].stuck_ms[i % PARTITIONS] = world->now_ms;
        run(world, 120000);
        for (int i = 0; i < 3; i++) { /* they come back one after the other */
            memset(world->people[i].stuck_ms, 0, sizeof world->people[i].stuck_ms);
            run(world, 4000);
        }
        run(world, 30000);
    }
    assert_int_equal(world->leader->move_count, moves);
    assert_int_equal(world->leader->metrics.stalls_total, 0);
}

static void one_worker_alone_keeps_what_it_has(void **state)
{
    struct world *world = *state;
    share(world, 1);
    int32_t p = one_of(&world->people[0]);
    world->people[0].stuck_ms[p] = world->now_ms;
    run(world, 600000);
    assert_int_equal(held(&world->people[0]), PARTITIONS);
}

static void stopped_ones_stay_where_they_are(void **state)
{
    struct world *world = *state;
    share(world, 2);
    struct person *one = &world->people[0];
    int32_t p = one_of(one);
    one->stopped[p] = true;
    one->alarm = "isobarctl partition resume";
    one->stuck_ms[p] = world->now_ms;
    run(world, 600000);
    assert_true(one->number[p] != 0 && world->leader->metrics.stalls_total == 0);
}

static void zero_turns_it_off(void **state)
{
    struct world *world = *state;
    share(world, 2);
    world->options.stall_ms = 0;
    world->people[0].stuck_ms[one_of(&world->people[0])] = world->now_ms;
    run(world, 600000);
    assert_int_equal(world->leader->metrics.stalls_total, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {T(one_partition_goes_to_another_and_stays_there),
                                       T(a_partition_that_nobody_gets_on_with_is_no_ball),
                                       T(a_worker_that_gets_on_with_nothing_loses_everything),
                                       T(nothing_moves_in_an_outage_of_all),
                                       T(one_worker_alone_keeps_what_it_has),
                                       T(stopped_ones_stay_where_they_are),
                                       T(zero_turns_it_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
