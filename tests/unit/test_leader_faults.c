/* A leader with bad connections: messages lost, doubled and broken, members that come and go. */
#include "leader_kit.h"

#include "channel_envelope.h"

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
        T(held_is_wanted_after_all_that_can_happen),
        T(whatever_unpacks_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
