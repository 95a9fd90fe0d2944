/* The view that a leader publishes. */
#include "leader_kit.h"

static void the_view_survives_all_text(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    char alarm[600];
    for (size_t i = 0; i + 4 < sizeof alarm; i += 3)
        memcpy(alarm + i, "\xe2\x82\xac", 4); /* the limit is inside a character */
    one->alarm = alarm;
    run(world, 3000);
    json_t *view = view_of(world);
    const json_t *partitions = json_object_get(view, "partition_list");
    assert_int_equal(json_array_size(partitions), PARTITIONS);
    assert_int_equal(json_string_length(json_object_get(json_array_get(partitions, 0), "alarm")), 255);
    assert_string_equal(json_string_value(json_object_get(json_array_get(partitions, 0), "owner")), "worker-0");
    assert_string_equal(json_string_value(json_object_get(json_array_get(partitions, 0), "phase")), "running");
    assert_int_equal(json_array_size(json_object_get(view, "shard_list")), PARTITIONS);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(view, "shard_list"), 0), "owner")), "");
    assert_int_equal(json_array_size(json_object_get(view, "rebalances")), PARTITIONS);
    const json_t *member = json_array_get(json_object_get(view, "members"), 0);
    assert_int_equal(json_integer_value(json_object_get(member, "held")), PARTITIONS);
    assert_string_equal(json_string_value(json_object_get(member, "role")), "worker");
    json_decref(view);
    int i = 0;
    for (; i < 20; i++) { /* more moves than are kept */
        struct person *two = worker(world, 1);
        run(world, 2000);
        say_bye(world, two);
        run(world, 1000);
    }
    view = view_of(world);
    const json_t *moves = json_object_get(view, "rebalances");
    assert_int_equal(json_array_size(moves), MOVES_KEPT);
    int64_t at_ms = json_integer_value(json_object_get(json_array_get(moves, 0), "at_ms"));
    assert_true(at_ms >= json_integer_value(json_object_get(json_array_get(moves, MOVES_KEPT - 1), "at_ms")));
    assert_string_equal(json_string_value(json_object_get(json_array_get(moves, 0), "reason")), "worker-1 left");
    assert_string_equal(json_string_value(json_object_get(json_array_get(moves, 0), "from")), "worker-1");
    assert_string_equal(json_string_value(json_object_get(json_array_get(moves, 0), "to")), "worker-0");
    json_decref(view);
}

static const char *reason_at(const json_t *view, size_t index)
{
    return json_string_value(json_object_get(slot_json(view, "partition_list", index), "reason"));
}

static void every_slot_says_why_and_since_when(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 2000);
    json_t *view = view_of(world);
    assert_string_equal(reason_at(view, 0), "c-1 took the lead");
    json_int_t began = json_integer_value(json_object_get(slot_json(view, "partition_list", 0), "since"));
    assert_int_equal(json_integer_value(json_object_get(slot_json(view, "partition_list", 0), "load")), -1);
    json_decref(view);
    struct person *two = worker(world, 1);
    run(world, 3000);
    view = view_of(world);
    assert_string_equal(reason_at(view, 23), "worker-1 joined: its share is 12 of 24");
    assert_true(json_integer_value(json_object_get(slot_json(view, "partition_list", 23), "since")) > began);
    assert_string_equal(reason_at(view, 0), "c-1 took the lead"); /* it has not moved */
    assert_int_equal(json_integer_value(json_object_get(slot_json(view, "partition_list", 0), "since")), began);
    assert_int_equal(world->leader->causes[CAUSE_FIRST], 24);
    assert_int_equal(world->leader->causes[CAUSE_JOIN], 12);
    json_decref(view);
    char *text = view_text(world);
    drop_leader(world); /* the next leader knows it, too */
    take_lead(world, "c-2", 2, text);
    free(text);
    run(world, 2000);
    view = view_of(world);
    assert_string_equal(reason_at(view, 23), "worker-1 joined: its share is 12 of 24");
    assert_string_equal(reason_at(view, 0), "c-1 took the lead");
    assert_int_equal(json_integer_value(json_object_get(slot_json(view, "partition_list", 0), "since")), began);
    json_decref(view);
    one->deaf = one->draining = true;
    run(world, 1000);
    view = view_of(world);
    assert_string_equal(reason_at(view, 0), "worker-0 drains");
    json_decref(view);
    say_bye(world, one);
    run(world, 1000);
    view = view_of(world);
    assert_string_equal(reason_at(view, 0), "worker-0 drains");
    assert_int_equal(held(two), PARTITIONS);
    assert_int_equal(world->leader->causes[CAUSE_DRAIN], 12);
    two->here = false;
    run(world, 3000);
    json_decref(view);
    view = view_of(world);
    assert_string_equal(reason_at(view, 0), "worker-1 fell silent");
    json_decref(view);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_view_survives_all_text),
        T(every_slot_says_why_and_since_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
