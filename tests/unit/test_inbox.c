/* Members that come, go, drain, fall silent and lie, and the numbers and terms they bring. */
#include "leader_kit.h"

/* ---- tests: members come and go ---- */

static void hello_welcome_target(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 500);
    assert_true(one->welcomed);
    assert_int_equal(one->term, 1);
    assert_int_equal(one->targets, 0); /* the leader still listens */
    run(world, 1000);
    assert_int_equal(held(one), PARTITIONS);
    assert_int_equal(world->leader->leading, LEAD_ACTING);
    int targets = one->targets;
    run(world, 10000);
    assert_int_equal(one->targets, targets);
    assert_int_equal(one->hellos, 1);
    assert_int_equal(world->leader->metrics.workers, 1);
    assert_int_equal(world->leader->metrics.partitions_unassigned, 0);
    assert_int_equal(world->leader->metrics.shards_unassigned, PARTITIONS);
}

static void two_three_and_fewer(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 2000);
    struct person *two = worker(world, 1);
    run(world, 1000);
    assert_true(held(one) == 12 && held(two) == 12);
    struct person *three = worker(world, 2);
    run(world, 1000);
    assert_true(held(one) == 8 && held(two) == 8 && held(three) == 8);
    say_bye(world, two);
    hand_out(world);
    assert_true(held(one) == 12 && held(three) == 12); /* at once */
    one->here = false;
    run(world, MEMBER_SILENT_MS - BEAT_MS);
    assert_int_equal(held(three), 12);
    run(world, 2 * BEAT_MS);
    assert_int_equal(held(three), PARTITIONS);
    assert_int_equal(world->leader->metrics.suspicions_total, 1);
}

static void a_drain_hands_over_with_each_release(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = worker(world, 1);
    run(world, 3000);
    assert_int_equal(held(one), 12);
    one->draining = true;
    say_beat(world, one);
    hand_out(world);
    assert_true(held(one) == 12 && held(two) == 12); /* what it still commits is not given on */
    for (int32_t i = 0; i < PARTITIONS; i++) {
        int64_t number = one->number[i];
        if (number == 0)
            continue;
        size_t before = held(two);
        one->number[i] = 0;
        say_released(world, one, i, number);
        hand_out(world);
        assert_int_equal(held(two), before + 1);
    }
    run(world, 2000);
    json_t *view = view_of(world);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(view, "members"), 1), "state")), "draining");
    json_decref(view);
    say_bye(world, one);
    run(world, 1000);
    assert_int_equal(held(two), PARTITIONS);
}

/* RELEASED is only a shortcut: the heartbeat says it, too. */
static void a_lost_release_is_in_the_next_heartbeat(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 2000);
    struct person *two = worker(world, 1);
    world->strict = false;
    say_hello(world, two);
    one->deaf = true;
    hand_out(world);
    for (size_t moved = 1; moved <= 12; moved++) { /* one at a time */
        for (int32_t i = 0; i < PARTITIONS; i++) {
            if (world->leader->partitions.slots[i].state == SLOT_RELEASING)
                one->number[i] = 0;
        }
        assert_int_equal(held(one), PARTITIONS - moved);
        run(world, BEAT_MS + TICK_MS);
        assert_int_equal(held(two), moved);
    }
    run(world, 2000);
    assert_true(held(one) == 12 && held(two) == 12);
}

static void a_slot_that_was_never_taken_is_given_anew(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 2000);
    one->number[5] = 0;
    int64_t number = world->leader->partitions.slots[5].number;
    run(world, 1500);
    assert_int_equal(one->number[5], 0);
    run(world, 1500);
    assert_true(one->number[5] > number);
    assert_int_equal(held(one), PARTITIONS);
}

static void who_comes_back_gets_a_target_without_what_others_hold(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = worker(world, 1);
    run(world, 3000);
    one->mute = true;
    world->strict = false; /* it goes on, and its commits are refused by the ledger */
    run(world, 3000);
    assert_int_equal(held(two), PARTITIONS);
    assert_int_equal(held(one), 12);
    one->mute = false;
    run(world, BEAT_MS);
    assert_true(held(one) <= 12);
    run(world, 1000);
    assert_true(held(one) == 12 && held(two) == 12);
    for (int i = 0; i < PARTITIONS; i++)
        assert_true((one->number[i] == 0) != (two->number[i] == 0));
    assert_int_equal(one->hellos, 1);
}

static void a_second_process_of_the_same_name_is_not_heard(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 2000);
    struct person *twin = enter(world, 1, "worker-0", ISOBAR__V1__ROLE__WORKER);
    run(world, 5000);
    assert_int_equal(held(one), PARTITIONS);
    assert_false(twin->welcomed);
    one->here = false; /* killed: now it was the successor */
    world->strict = false;
    run(world, MEMBER_SILENT_MS + 2 * BEAT_MS);
    assert_int_equal(held(twin), PARTITIONS);
    one->here = true; /* or only stopped: it is a stranger now */
    run(world, 2000);
    assert_true(world->greets > 0);
    assert_false(one->welcomed);
    assert_int_equal(held(twin), PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++)
        assert_true(twin->number[i] > one->number[i]);
}

/* Whoever makes up ids gets nothing: only a heartbeat shows that a member is there. */
static void a_flood_of_hellos_moves_nothing(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = fetcher(world, 1);
    run(world, 3000);
    int targets = one->targets + two->targets;
    for (int i = 0; i < 3000; i++) {
        struct person stranger = {.here = true,
                                  .role = i % 2 ? ISOBAR__V1__ROLE__WORKER : ISOBAR__V1__ROLE__FETCHER,
                                  .incarnation = i + 1000};
        char id[32];
        snprintf(id, sizeof id, "made-up-%d", i);
        text_copy(stranger.id, sizeof stranger.id, id);
        say_hello(world, &stranger);
        hand_out(world);
        if (i % 500 == 0)
            run(world, TICK_MS);
    }
    run(world, 1000);
    assert_int_equal(one->targets + two->targets, targets);
    assert_true(held(one) == PARTITIONS && held(two) == PARTITIONS && two->share == 60000);
    assert_true(world->leader->members.count <= MEMBERS_MAX);
    json_t *view = view_of(world);
    json_decref(view);
    run(world, MEMBER_KEEP_MS + 2 * MEMBER_SILENT_MS);
    assert_int_equal(world->leader->members.count, 2);
}

/* ---- tests: numbers and terms ---- */

static void numbers_go_above_all_that_was_heard(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    one->number_max = 5000; /* a refusal told it */
    run(world, 3000);
    for (int i = 0; i < PARTITIONS; i++)
        assert_true(one->number[i] > 5000);
    one->number[3] = 9000; /* the ledger of 3 refused, with this number */
    run(world, 2 * BEAT_MS);
    assert_true(one->number[3] > 9000);
    assert_true(one->number[4] < 9000);
    assert_int_equal(world->leader->partitions.slots[3].number, one->number[3]);
}

static void a_term_below_what_members_know_is_raised(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    one->term = 57;
    one->target_term = 57;
    one->version = 900;
    run(world, 3000);
    assert_int_equal(world->leader->term, 58);
    assert_int_equal(one->term, 58);
    assert_int_equal(held(one), PARTITIONS);
    struct person *two = worker(world, 1); /* and one that is welcomed by a leader that we do not know */
    two->term = 70;
    two->welcomed = true;
    run(world, 3000);
    assert_int_equal(world->leader->term, 71);
    assert_true(one->term == 71 && two->term == 71);
    assert_true(held(one) == 12 && held(two) == 12);
}

/* Redis went back and gave a term a second time: the member has seen later targets of it than ours. */
static void a_term_that_was_given_twice_is_raised(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    one->term = 1;
    one->target_term = 1;
    one->version = 900;
    run(world, 3000);
    assert_int_equal(world->leader->term, 2);
    assert_int_equal(one->term, 2);
    assert_int_equal(held(one), PARTITIONS);
}

/* The version of a former term, equal to ours by chance, acknowledges nothing. */
static void a_former_terms_version_acknowledges_nothing(void **state)
{
    struct world *world = *state;
    struct person *one = fetcher(world, 0);
    run(world, 3000);
    assert_int_equal(one->share, 60000);
    struct member *member = member_find(&world->leader->members, one->id);
    member->target_changed = true;
    run(world, 1000);
    int64_t version = member->target_version;
    assert_int_equal(member->target_seen, version);
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
    beat.term = 0;
    beat.target_version = version;
    beat.calls_per_minute_milli = 99000;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &beat;
    deliver(world, one, &envelope);
    assert_int_equal(member->accounts[0].minute.may_milli,
                     99000); /* believed, and not taken for the share that we sent */
    assert_int_equal(world->leader->shards.slots[0].state, SLOT_GIVEN);
    assert_int_equal(world->leader->shards.views[0].missed_ms, 0);
    run(world, 1000);
    assert_int_equal(member->accounts[0].minute.may_milli, 60000);
}

static void numbers_out_of_all_reason_are_refused(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0);
    run(world, 2000);
    int64_t number = world->leader->partitions.number, term = world->leader->term;
    static const int64_t bad[] = {-1, COUNTER_LIMIT, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
        Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
        Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
        Isobar__V1__PartitionStatus status = ISOBAR__V1__PARTITION_STATUS__INIT, *list[] = {&status};
        envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
        envelope.heartbeat = &beat;
        for (int k = 0; k < 4; k++) {
            isobar__v1__heartbeat__init(&beat);
            beat.term = k == 0 ? bad[i] : term;
            beat.target_version = k == 1 ? bad[i] : 0;
            beat.assignment_max = k == 2 ? bad[i] : 0;
            beat.n_partitions = k == 3;
            beat.partitions = list;
            status.assignment = bad[i];
            deliver(world, one, &envelope);
        }
        envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
        envelope.hello = &hello;
        hello.role = ISOBAR__V1__ROLE__WORKER;
        hello.term = bad[i];
        deliver(world, one, &envelope);
        hello.term = 0;
        hello.role = (Isobar__V1__Role)7;
        deliver(world, one, &envelope);
        assert_int_equal(world->leader->refused, 6 * (int64_t)(i + 1));
    }
    assert_int_equal(world->leader->partitions.number, number);
    assert_int_equal(world->leader->term, term);
}

static void indexes_that_do_not_exist_are_ignored(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = fetcher(world, 1);
    run(world, 2000);
    static const int32_t bad[] = {-1, PARTITIONS, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
        Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
        Isobar__V1__PartitionStatus partition = ISOBAR__V1__PARTITION_STATUS__INIT, *partitions[] = {&partition};
        Isobar__V1__ShardStatus shard = ISOBAR__V1__SHARD_STATUS__INIT, *shards[] = {&shard};
        partition.partition = shard.shard = bad[i];
        partition.phase = (Isobar__V1__PartitionPhase)-3;
        beat.n_partitions = beat.n_shards = 1;
        beat.partitions = partitions;
        beat.shards = shards;
        envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
        envelope.heartbeat = &beat;
        deliver(world, one, &envelope);
        deliver(world, two, &envelope);
        say_released(world, one, bad[i], 1);
    }
    run(world, 4000);
    assert_true(held(one) == PARTITIONS && held(two) == PARTITIONS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(hello_welcome_target),
        T(two_three_and_fewer),
        T(a_drain_hands_over_with_each_release),
        T(a_lost_release_is_in_the_next_heartbeat),
        T(a_slot_that_was_never_taken_is_given_anew),
        T(who_comes_back_gets_a_target_without_what_others_hold),
        T(a_second_process_of_the_same_name_is_not_heard),
        T(a_flood_of_hellos_moves_nothing),
        T(numbers_go_above_all_that_was_heard),
        T(a_term_below_what_members_know_is_raised),
        T(a_term_that_was_given_twice_is_raised),
        T(a_former_terms_version_acknowledges_nothing),
        T(numbers_out_of_all_reason_are_refused),
        T(indexes_that_do_not_exist_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
