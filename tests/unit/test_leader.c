/* A new leader and its predecessor, the view, and bad connections. */
#include "leader_kit.h"

#include "channel_envelope.h"

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
    assert_true(member && member->capacity == 1 && member->quota.may_milli == QUOTA_UNLIMITED && member->expected);
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

/* ---- tests: the view ---- */

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

static const json_t *slot_json(const json_t *view, const char *list, size_t index)
{
    return json_array_get(json_object_get(view, list), index);
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

/* ---- tests: bad connections ---- */

/* Messages lost and doubled, members that come, go, die and fall silent: afterwards held = wanted within five seconds.
 */
static void held_is_wanted_after_all_that_can_happen(void **state)
{
    struct world *world = *state;
    world->strict = false;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        jitter_init(&world->random, seed);
        world->lose_percent = 30;
        world->twice_percent = 20;
        for (int i = 0; i < 60; i++) {
            int index = (int)jitter_below(&world->random, PEOPLE);
            struct person *person = &world->people[index];
            switch (jitter_below(&world->random, 5)) {
            case 0:
                if (person->here)
                    say_bye(world, person);
                break;
            case 1:
                person->here = false;
                break;
            case 2:
                person->mute = !person->mute;
                break;
            default:
                if (!person->here)
                    (void)(index % 2 ? fetcher(world, index) : worker(world, index));
            }
            hand_out(world);
            run(world, TICK_MS * (1 + jitter_below(&world->random, 8)));
        }
        world->lose_percent = world->twice_percent = 0;
        for (int i = 0; i < PEOPLE; i++)
            world->people[i].mute = false;
        run(world, 5000);
        for (int role = 0; role < 2; role++) {
            size_t sum = 0, count = 0, most = 0, least = PARTITIONS;
            for (int i = role; i < PEOPLE; i += 2) {
                if (!world->people[i].here)
                    continue;
                size_t holds = held(&world->people[i]);
                sum += holds;
                count++;
                most = holds > most ? holds : most;
                least = holds < least ? holds : least;
            }
            if (count && (sum != PARTITIONS || most - least > 1))
                fail_msg("seed %llu: %zu held by %zu, %zu to %zu each", (unsigned long long)seed, sum, count, least,
                         most);
        }
    }
}

/* Packs a message of `person` with random numbers into `bytes`; returns its size. */
static size_t pack_random(struct world *world, struct person *person, int kind, uint8_t *bytes)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
    Isobar__V1__PartitionStatus partition = ISOBAR__V1__PARTITION_STATUS__INIT,
                                *partitions[] = {&partition, &partition};
    Isobar__V1__ShardStatus shard = ISOBAR__V1__SHARD_STATUS__INIT, *shards[] = {&shard, &shard};
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    Isobar__V1__Released released = ISOBAR__V1__RELEASED__INIT;
    Isobar__V1__Command command = ISOBAR__V1__COMMAND__INIT;
    Isobar__V1__Assignment assignment = ISOBAR__V1__ASSIGNMENT__INIT, *assignments[] = {&assignment};
    assignment.index = partition.partition = shard.shard = (int32_t)jitter_below(&world->random, PARTITIONS);
    assignment.number = partition.assignment = shard.assignment = jitter_below(&world->random, 100);
    beat.term = hello.term = world->leader->term;
    beat.n_partitions = beat.n_shards = 2;
    beat.partitions = partitions;
    beat.shards = shards;
    hello.role = person->role;
    released.n_partitions = 1;
    released.partitions = assignments;
    envelope.format = 1;
    envelope.member = person->id;
    envelope.incarnation = person->incarnation;
    if (kind == 0) {
        envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
        envelope.heartbeat = &beat;
    } else if (kind == 1) {
        envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
        envelope.hello = &hello;
    } else if (kind == 2) {
        envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_RELEASED;
        envelope.released = &released;
    } else {
        command.id = assignment.number;
        command.what = (Isobar__V1__CommandWhat)jitter_below(&world->random, 6);
        command.member = person->id;
        command.partition = assignment.index;
        envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_COMMAND;
        envelope.command = &command;
    }
    return isobar__v1__envelope__pack(&envelope, bytes);
}

/* Bytes of messages with some of them changed, as far as the channel would let them pass. For the run with sanitizers.
 */
static void whatever_unpacks_does_no_harm(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = fetcher(world, 1);
    run(world, 3000);
    int passed = 0;
    world->strict = false;
    for (int i = 0; i < 30000; i++) {
        uint8_t bytes[512];
        size_t size = pack_random(world, i % 2 ? one : two, (int)jitter_below(&world->random, 4), bytes);
        for (int64_t k = jitter_below(&world->random, 4); k > 0; k--)
            bytes[jitter_below(&world->random, (int64_t)size)] = (uint8_t)jitter_below(&world->random, 256);
        Isobar__V1__Envelope *changed = isobar__v1__envelope__unpack(NULL, size, bytes);
        if (changed && channel_member_valid(changed->member) && channel_strings_valid(&changed->base)) {
            passed++;
            leader_message(world->leader, changed);
        }
        isobar__v1__envelope__free_unpacked(changed, NULL);
        hand_out(world);
        if (i % 100 == 0)
            run(world, TICK_MS);
    }
    assert_in_range(passed, 30000 / 4 + 1000, 29000); /* the unchanged ones and more, but not all */
    json_t *view = view_of(world);
    json_decref(view);
    run(world, 70000);
    assert_true(held(one) == PARTITIONS && held(two) == PARTITIONS);
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
        T(the_view_survives_all_text),
        T(every_slot_says_why_and_since_when),
        T(load_is_levelled_and_stays_so_under_the_next_leader),
        T(a_zone_gets_its_share),
        T(a_standby_says_nothing),
        T(held_is_wanted_after_all_that_can_happen),
        T(whatever_unpacks_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
