/* A new leader and its predecessor, the quota, and how load and zones are levelled. */
#include "leader_kit.h"

/* ---- tests: a new leader ---- */

static void a_new_leader_keeps_what_members_hold(void **state)
{
    struct world *world = *state;
    struct person *people[] = {worker(world, 0), worker(world, 1), fetcher(world, 2)};
    run(world, 4000);
    int64_t before[3][PARTITIONS];
    for (int i = 0; i < 3; i++)
        memcpy(before[i], people[i]->number, sizeof before[i]);
    char *view = view_text(world);
    int64_t number = world->leader->partitions.number;
    drop_leader(world);
    people[1]->mute = true; /* it notices the silence late */
    take_lead(world, "c-2", 2, view);
    free(view);
    run(world, 3500); /* longer than the listening, but one is missing that was live */
    assert_int_equal(world->leader->leading, LEAD_SETTLING);
    people[1]->mute = false;
    people[1]->welcomed = false;
    run(world, 1000);
    assert_int_equal(world->leader->leading, LEAD_ACTING);
    run(world, 2000);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(before[i], people[i]->number, sizeof before[i]);
    assert_int_equal(world->leader->move_count, 0);
    assert_true(world->leader->partitions.number >= number);
    struct person *third = worker(world, 3);
    run(world, 2000);
    assert_int_equal(held(third), 8);
    for (int i = 0; i < PARTITIONS; i++)
        assert_true(third->number[i] == 0 || third->number[i] > number);
}

static void who_does_not_come_is_not_waited_for_for_ever(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = worker(world, 1);
    run(world, 3000);
    char *view = view_text(world);
    drop_leader(world);
    two->here = false; /* died with the leader */
    take_lead(world, "c-2", 2, view);
    free(view);
    run(world, 6000);
    assert_int_equal(held(one), PARTITIONS);
}

static void views_that_are_old_or_broken_are_ignored(void **state)
{
    struct world *world = *state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "7",
        "null",
        "{\"at_ms\":\"x\",\"members\":3}",
        "{\"at_ms\":9007199254740992,\"members\":[1,null,[],{}]}",
        "{\"at_ms\":1790000100000,\"members\":[{\"id\":\"a/b\",\"role\":\"worker\",\"state\":\"live\"}]}",
        "{\"at_ms\":1790000100000,\"members\":[{\"id\":\"a\",\"role\":\"king\",\"state\":\"live\"}]}",
        "{\"at_ms\":1790000100000,\"members\":[{\"id\":\"a\",\"role\":\"worker\",\"state\":\"gone\"}]}",
        "{\"at_ms\":1780000000000,\"members\":[{\"id\":\"a\",\"role\":\"worker\",\"state\":\"live\"}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        former_restore(world->leader, texts[i], strlen(texts[i]));
        if (world->leader->members.count != 0)
            fail_msg("row %zu", i);
    }
    static const char odd[] = "{\"at_ms\":1790000100000,\"members\":[{\"id\":\"a\",\"role\":\"fetcher\",\"state\":"
                              "\"live\",\"incarnation\":\"zz\","
                              "\"capacity\":-4,\"share_milli\":-9,\"pid\":1e99,\"host\":7}]}";
    former_restore(world->leader, odd, strlen(odd));
    const struct member *member = member_find(&world->leader->members, "a");
    assert_true(member && member->capacity == 1 && member->accounts[0].minute.may_milli == QUOTA_UNLIMITED &&
                member->expected);
}

static void what_is_being_released_is_not_taken_for_held(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 2000);
    int64_t before[PARTITIONS];
    memcpy(before, one->number, sizeof before);
    for (int i = 0; i < 12; i++)
        one->letting_go[i] = true; /* the former leader wanted them for somebody else */
    drop_leader(world);
    take_lead(world, "c-2", 2, NULL);
    struct person *two = worker(world, 1);
    one->welcomed = false;
    world->strict = false;
    run(world, 2000);
    assert_int_equal(held(two), 0);
    for (int32_t i = 0; i < 12; i++) {
        one->number[i] = 0;
        say_released(world, one, i, before[i]);
        hand_out(world);
        assert_int_equal(held(two), i + 1);
    }
    for (int i = 12; i < PARTITIONS; i++)
        assert_int_equal(one->number[i], before[i]);
}

static void a_drain_under_way_survives_the_leader(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = worker(world, 1);
    run(world, 3000);
    one->draining = true;
    char *view = view_text(world);
    drop_leader(world);
    take_lead(world, "c-2", 2, view);
    free(view);
    run(world, 2000);
    assert_true(held(one) == 12 && held(two) == 12);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        int64_t number = one->number[i];
        one->number[i] = 0;
        if (number)
            say_released(world, one, i, number);
        hand_out(world);
    }
    assert_int_equal(held(two), PARTITIONS);
}

/* What the plan levelled, as isobarctl why shows it: two workers of one size have two parts of a hundred. */
static void loads_are_told(const json_t *view, int64_t most)
{
    const json_t *members = json_object_get(view, "members");
    int64_t percent[2], load[2], lag = 0, behind = 0;
    double records = 0;
    assert_int_equal(json_array_size(members), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *member = json_array_get(members, i);
        percent[i] = json_integer_value(json_object_get(member, "load_percent"));
        load[i] = json_integer_value(json_object_get(member, "load"));
        lag += json_integer_value(json_object_get(member, "lag"));
        records += json_number_value(json_object_get(member, "records_per_s"));
    }
    for (size_t i = 0; i < PARTITIONS; i++)
        behind += json_integer_value(json_object_get(slot_json(view, "partition_list", i), "lag"));
    assert_int_equal(lag, behind);
    assert_true(records > 99 && records < 101); /* 100 rows each */
    assert_in_range(percent[0] + percent[1], 199, 201);
    assert_in_range(percent[percent[1] > percent[0]], 100, most);
    assert_in_range(100 * load[0] / (load[0] + load[1]), percent[0] / 2 - 1, percent[0] / 2 + 1);
}

/* One partition has most of the rows: the others go to the other worker, and stay there under the next leader. */
static void load_is_levelled_and_stays_so_under_the_next_leader(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = worker(world, 1);
    world->measured = true;
    world->rows_per_beat[0] = 5000;
    run(world, 300000);
    struct person *hot = one->number[0] ? one : two, *other = hot == one ? two : one;
    size_t kept = held(hot);
    assert_in_range(kept, 1, 6);
    assert_int_equal(held(other), PARTITIONS - kept);
    json_t *view = view_of(world);
    const json_t *move = json_array_get(json_object_get(view, "rebalances"), 0);
    const char *reason = json_string_value(json_object_get(move, "reason"));
    assert_non_null(strstr(reason, "'s load, which is "));
    assert_int_equal(strncmp(reason, "p", 1), 0);
    assert_in_range(json_integer_value(json_object_get(slot_json(view, "partition_list", 0), "load")), 10900, 11100);
    assert_int_equal(world->leader->causes[CAUSE_LOAD], 12 - kept);
    loads_are_told(view, 125);
    json_decref(view);
    char *text = view_text(world);
    drop_leader(world);
    take_lead(world, "c-2", 2, text);
    free(text);
    run(world, 120000);
    assert_int_equal(held(hot), kept);
    assert_int_equal(world->leader->move_count, 0);
    world->rows_per_beat[0] = 0;
    run(world, 600000);
    assert_in_range(held(hot), 10, 14);
}

static void a_zone_gets_its_share(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 3; i++)
        worker(world, i)->zone = "a";
    run(world, 2000);
    struct person *other = worker(world, 3);
    other->zone = "b";
    run(world, 4000);
    assert_int_equal(held(other), 9); /* a quarter of the capacity, stretched by half: losing zone a loses 15, not 18 */
    json_t *view = view_of(world);
    const json_t *moves = json_object_get(view, "rebalances");
    const char *last = json_string_value(json_object_get(json_array_get(moves, 0), "reason"));
    const char *first = json_string_value(json_object_get(json_array_get(moves, 8), "reason"));
    assert_string_equal(last, "zone b holds 8 of 24, its share is 9");
    assert_string_equal(first, "worker-3 joined: its share is 9 of 24");
    assert_int_equal(world->leader->causes[CAUSE_ZONE], 3);
    json_decref(view);
    say_bye(world, other);
    run(world, 1000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(held(&world->people[i]), 8);
}

static void a_standby_says_nothing(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 2000);
    leader_changed(world->leader, false);
    int targets = one->targets;
    one->welcomed = false;
    run(world, 5000);
    assert_false(one->welcomed);
    assert_int_equal(one->targets, targets);
    assert_int_equal(world->leader->metrics.workers, 0);
    assert_int_equal(held(one), PARTITIONS); /* it works on */
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_leader_keeps_what_members_hold),
        T(who_does_not_come_is_not_waited_for_for_ever),
        T(views_that_are_old_or_broken_are_ignored),
        T(what_is_being_released_is_not_taken_for_held),
        T(a_drain_under_way_survives_the_leader),
        T(load_is_levelled_and_stays_so_under_the_next_leader),
        T(a_zone_gets_its_share),
        T(a_standby_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
