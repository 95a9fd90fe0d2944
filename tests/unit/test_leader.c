/*
 * A leader and the members around it, on a virtual clock and without sockets: what it sends is caught, and members of the test
 * answer as the link and a worker or fetcher would. Messages can be lost, come twice, and come late.
 */
#include "../../coordinator/coordinator.h"

#include "channel_envelope.h"
#include "entropy.h"
#include "loop.h"
#include "mem.h"
#include "text.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define PARTITIONS 24
#define PEOPLE     6
#define TICK_MS    250
#define BEAT_MS    500

/* A worker or fetcher, with what common/link.c knows. */
struct person {
    char id[16];
    int64_t incarnation;
    Isobar__V1__Role role;
    bool here, mute, welcomed, draining; /* mute: it lives, but nothing passes */
    bool deaf;                           /* acknowledges targets and does not do what they say */
    int64_t term, target_term, version, beat_ms, number_max;
    int32_t share;
    int64_t number[PARTITIONS];          /* under which it holds a slot; 0: not held */
    bool letting_go[PARTITIONS];         /* it still commits what it is to release */
    int64_t catalogue;
    int hellos, targets;
    const char *alarm;
};

struct world {
    struct coordinator *leader;
    struct coordinator_options options;
    struct loop *loop;
    struct store *store;
    struct person people[PEOPLE];
    int64_t now_ms;
    struct jitter random;
    int lose_percent, twice_percent;
    int greets;
    bool strict; /* nobody is to hold what another holds */
};

/* ---- from the members ---- */

static void deliver(struct world *world, const struct person *person, Isobar__V1__Envelope *envelope)
{
    envelope->format = 1;
    envelope->member = (char *)person->id;
    envelope->incarnation = person->incarnation;
    if (person->mute || jitter_below(&world->random, 100) < world->lose_percent)
        return;
    leader_message(world->leader, envelope);
    if (jitter_below(&world->random, 100) < world->twice_percent)
        leader_message(world->leader, envelope);
}

static void say_hello(struct world *world, struct person *person)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    hello.role = person->role;
    hello.capacity = 100;
    hello.term = person->term;
    hello.host = (char *)"host";
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    person->hellos++;
    deliver(world, person, &envelope);
}

static void say_beat(struct world *world, struct person *person)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
    Isobar__V1__PartitionStatus partitions[PARTITIONS], *partition_list[PARTITIONS];
    Isobar__V1__ShardStatus shards[PARTITIONS], *shard_list[PARTITIONS];
    if (!person->welcomed) {
        say_hello(world, person);
        return;
    }
    beat.term = person->term;
    beat.target_version = person->target_term == person->term ? person->version : 0;
    beat.calls_per_minute_milli = person->share;
    beat.assignment_max = person->number_max;
    beat.draining = person->draining;
    beat.partitions = partition_list;
    beat.shards = shard_list;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (person->number[i] == 0)
            continue;
        if (person->role == ISOBAR__V1__ROLE__WORKER) {
            Isobar__V1__PartitionStatus *status = &partitions[beat.n_partitions];
            isobar__v1__partition_status__init(status);
            status->partition = i;
            status->assignment = person->number[i];
            status->phase = person->draining || person->letting_go[i] ? ISOBAR__V1__PARTITION_PHASE__RELEASING : ISOBAR__V1__PARTITION_PHASE__RUNNING;
            status->lag = 7;
            if (person->alarm)
                status->alarm = (char *)person->alarm;
            partition_list[beat.n_partitions++] = status;
        } else {
            Isobar__V1__ShardStatus *status = &shards[beat.n_shards];
            isobar__v1__shard_status__init(status);
            status->shard = i;
            status->assignment = person->number[i];
            status->catalogue_version = person->catalogue;
            shard_list[beat.n_shards++] = status;
        }
    }
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &beat;
    deliver(world, person, &envelope);
}

static void say_released(struct world *world, struct person *person, int32_t index, int64_t number)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Released released = ISOBAR__V1__RELEASED__INIT;
    Isobar__V1__Assignment assignment = ISOBAR__V1__ASSIGNMENT__INIT, *list[] = {&assignment};
    assignment.index = index;
    assignment.number = number;
    released.n_partitions = 1;
    released.partitions = list;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_RELEASED;
    envelope.released = &released;
    deliver(world, person, &envelope);
}

static void say_bye(struct world *world, struct person *person)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Bye bye = ISOBAR__V1__BYE__INIT;
    bye.reason = (char *)"drained";
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_BYE;
    envelope.bye = &bye;
    memset(person->number, 0, sizeof person->number);
    deliver(world, person, &envelope);
    person->here = false;
}

/* ---- to the members: put aside, and handled when the leader is done ---- */

struct letter {
    Isobar__V1__Envelope *envelope;
    struct letter *next;
};

static struct letter *letters, **letters_end = &letters;

static int catch_letter(void *arg, const Isobar__V1__Envelope *envelope)
{
    (void)arg;
    size_t size = isobar__v1__envelope__get_packed_size(envelope);
    uint8_t *bytes = mem_alloc(size);
    (void)isobar__v1__envelope__pack(envelope, bytes);
    struct letter *letter = mem_alloc(sizeof *letter);
    letter->envelope = isobar__v1__envelope__unpack(NULL, size, bytes);
    *letters_end = letter;
    letters_end = &letter->next;
    free(bytes);
    return 0;
}

static void check_alone(const struct world *world, const struct person *person, int32_t index)
{
    for (int i = 0; i < PEOPLE; i++) {
        const struct person *other = &world->people[i];
        if (other != person && other->here && other->role == person->role && other->number[index] != 0)
            fail_msg("%s is told to hold %d, which %s holds", person->id, index, other->id);
    }
}

static void on_target(struct world *world, struct person *person, const Isobar__V1__Target *target)
{
    bool worker = person->role == ISOBAR__V1__ROLE__WORKER;
    if (target->term < person->term || (target->term == person->target_term && target->version <= person->version))
        return;
    person->term = person->target_term = target->term;
    person->version = target->version;
    person->share = target->calls_per_minute_milli;
    person->targets++;
    int64_t before[PARTITIONS];
    memcpy(before, person->number, sizeof before);
    if (!person->deaf && !person->draining) {
        for (int i = 0; i < PARTITIONS; i++)
            person->number[i] = person->letting_go[i] ? person->number[i] : 0;
        for (size_t i = 0; i < (worker ? target->n_partitions : target->n_shards); i++) {
            const Isobar__V1__Assignment *assignment = worker ? target->partitions[i] : target->shards[i];
            if (world->strict)
                check_alone(world, person, assignment->index);
            assert_true(assignment->number >= before[assignment->index]);
            person->number[assignment->index] = assignment->number;
            person->number_max = assignment->number > person->number_max ? assignment->number : person->number_max;
        }
    }
    for (int32_t i = 0; worker && i < PARTITIONS; i++) {
        if (before[i] != 0 && person->number[i] == 0)
            say_released(world, person, i, before[i]);
    }
    say_beat(world, person);
}

static void hear(struct world *world, const Isobar__V1__Envelope *envelope)
{
    struct person *person = NULL;
    for (int i = 0; i < PEOPLE; i++) {
        if (world->people[i].here && strcmp(world->people[i].id, envelope->member) == 0 && world->people[i].incarnation == envelope->incarnation)
            person = &world->people[i];
    }
    if (!person || person->mute || jitter_below(&world->random, 100) < world->lose_percent)
        return;
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_WELCOME && envelope->welcome->term >= person->term) {
        person->term = envelope->welcome->term;
        person->welcomed = true;
        say_beat(world, person);
    } else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_TARGET) {
        on_target(world, person, envelope->target);
    } else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT && envelope->heartbeat->term >= person->term) {
        world->greets += envelope->heartbeat->greet;
        if (person->welcomed && (envelope->heartbeat->greet || envelope->heartbeat->term > person->term)) {
            person->welcomed = false;
            say_beat(world, person);
        }
    }
}

static void hand_out(struct world *world)
{
    while (letters) {
        struct letter *letter = letters;
        letters = letter->next;
        if (!letters)
            letters_end = &letters;
        hear(world, letter->envelope);
        isobar__v1__envelope__free_unpacked(letter->envelope, NULL);
        free(letter);
    }
}

/* ---- time ---- */

static void run(struct world *world, int64_t duration_ms)
{
    int64_t end_ms = world->now_ms + duration_ms;
    while (world->now_ms < end_ms) {
        world->now_ms += TICK_MS;
        world->leader->now_ms = world->now_ms;
        world->leader->wall_ms = INT64_C(1790000000000) + world->now_ms;
        for (int i = 0; i < PEOPLE; i++) {
            struct person *person = &world->people[i];
            if (person->here && world->now_ms - person->beat_ms >= BEAT_MS) {
                person->beat_ms = world->now_ms;
                say_beat(world, person);
            }
            hand_out(world);
        }
        leader_tick(world->leader);
        hand_out(world);
    }
}

static size_t held(const struct person *person)
{
    size_t count = 0;
    for (int i = 0; i < PARTITIONS; i++)
        count += person->here && person->number[i] != 0;
    return count;
}

static struct person *enter(struct world *world, int index, const char *id, Isobar__V1__Role role)
{
    static int64_t incarnations;
    struct person *person = &world->people[index];
    *person = (struct person){.here = true, .role = role, .incarnation = ++incarnations};
    text_copy(person->id, sizeof person->id, id);
    return person;
}

static struct person *worker(struct world *world, int index)
{
    char id[16];
    snprintf(id, sizeof id, "worker-%d", index);
    return enter(world, index, id, ISOBAR__V1__ROLE__WORKER);
}

static struct person *fetcher(struct world *world, int index)
{
    char id[16];
    snprintf(id, sizeof id, "fetcher-%d", index);
    return enter(world, index, id, ISOBAR__V1__ROLE__FETCHER);
}

/* ---- life of a world ---- */

/* Another coordinator takes the lead under `term`; with the former leader's `view` when there is one. */
static void take_lead(struct world *world, const char *id, int64_t term, const char *view)
{
    struct coordinator *leader = mem_alloc(sizeof *leader);
    leader->options = &world->options;
    leader->loop = world->loop;
    leader->store = world->store;
    leader->catalogue = catalogue_new(world->store, "isobar:");
    leader->partitions = (struct slots){.kind = "partition", .role = ISOBAR__V1__ROLE__WORKER};
    leader->shards = (struct slots){.kind = "shard", .role = ISOBAR__V1__ROLE__FETCHER};
    leader->post = (struct post){catch_letter, world};
    leader->endpoint = "tcp://127.0.0.1:7070";
    text_copy(leader->id, sizeof leader->id, id);
    leader->now_ms = world->now_ms;
    leader->wall_ms = INT64_C(1790000000000) + world->now_ms;
    leader->leading = LEAD_READING;
    leader_begin(leader, PARTITIONS, "weather.observations", term);
    if (view)
        former_restore(leader, view, strlen(view));
    world->leader = leader;
}

static void drop_leader(struct world *world)
{
    struct coordinator *leader = world->leader;
    catalogue_free(leader->catalogue);
    members_clear(&leader->members);
    free(leader->partitions.slots);
    free(leader->partitions.views);
    free(leader->shards.slots);
    free(leader->shards.views);
    free(leader);
    world->leader = NULL;
}

static int begin(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct buf error = BUF_EMPTY;
    struct store_config config = {.address = "127.0.0.1:1", .timeout_ms = 1000};
    log_setup("test", LOG_ERROR, false);
    world->loop = loop_new(); /* never runs: the store is never up */
    world->store = store_new(world->loop, &config, NULL, NULL, &error);
    world->options = (struct coordinator_options){.prefix = (char *)"isobar:", .calls_per_minute = 60, .settle_ms = 1000, .redis = (char *)"none"};
    world->now_ms = 100000;
    world->strict = true;
    jitter_init(&world->random, 1);
    take_lead(world, "c-1", 1, NULL);
    buf_release(&error);
    *state = world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    hand_out(world);
    drop_leader(world);
    store_free(world->store);
    loop_free(world->loop);
    free(world);
    return 0;
}

static json_t *view_of(struct world *world)
{
    struct buf text = BUF_EMPTY;
    publish_view(world->leader, &text);
    json_t *view = json_loadb(text.data, text.size, 0, NULL);
    assert_non_null(view);
    buf_release(&text);
    return view;
}

static char *view_text(struct world *world)
{
    struct buf text = BUF_EMPTY;
    publish_view(world->leader, &text);
    return buf_take(&text);
}

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
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(view, "members"), 1), "state")), "draining");
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
    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (world->leader->partitions.slots[i].state == SLOT_RELEASING)
            one->number[i] = 0;
    }
    assert_int_equal(held(one), 12);
    run(world, BEAT_MS + TICK_MS);
    assert_int_equal(held(two), 12);
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
        struct person stranger = {.here = true, .role = i % 2 ? ISOBAR__V1__ROLE__WORKER : ISOBAR__V1__ROLE__FETCHER, .incarnation = i + 1000};
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
    assert_int_equal(member->quota.may_milli, 99000); /* believed, and not taken for the share that we sent */
    assert_int_equal(world->leader->shards.slots[0].state, SLOT_GIVEN);
    assert_int_equal(world->leader->shards.views[0].missed_ms, 0);
    run(world, 1000);
    assert_int_equal(member->quota.may_milli, 60000);
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
        "", "{", "[]", "7", "null", "{\"at_ms\":\"x\",\"members\":3}", "{\"at_ms\":9007199254740992,\"members\":[1,null,[],{}]}",
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
    static const char odd[] = "{\"at_ms\":1790000100000,\"members\":[{\"id\":\"a\",\"role\":\"fetcher\",\"state\":\"live\",\"incarnation\":\"zz\","
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

/* ---- tests: quota and catalogue ---- */

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

static void a_new_leader_does_not_give_away_what_is_in_use(void **state)
{
    struct world *world = *state;
    struct person *one = fetcher(world, 0), *two = fetcher(world, 1);
    run(world, 3000);
    char *view = view_text(world);
    drop_leader(world);
    two->mute = true; /* cut off, and polling on */
    world->strict = false;
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
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(view, "shard_list"), 0), "owner")), "");
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

/* Messages lost and doubled, members that come, go, die and fall silent: afterwards held = wanted within five seconds. */
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
                fail_msg("seed %llu: %zu held by %zu, %zu to %zu each", (unsigned long long)seed, sum, count, least, most);
        }
    }
}

/* Packs a message of `person` with random numbers into `bytes`; returns its size. */
static size_t pack_random(struct world *world, struct person *person, int kind, uint8_t *bytes)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Heartbeat beat = ISOBAR__V1__HEARTBEAT__INIT;
    Isobar__V1__PartitionStatus partition = ISOBAR__V1__PARTITION_STATUS__INIT, *partitions[] = {&partition, &partition};
    Isobar__V1__ShardStatus shard = ISOBAR__V1__SHARD_STATUS__INIT, *shards[] = {&shard, &shard};
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    Isobar__V1__Released released = ISOBAR__V1__RELEASED__INIT;
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
    } else {
        envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_RELEASED;
        envelope.released = &released;
    }
    return isobar__v1__envelope__pack(&envelope, bytes);
}

/* Bytes of messages with some of them changed, as far as the channel would let them pass. For the run with sanitizers. */
static void whatever_unpacks_does_no_harm(void **state)
{
    struct world *world = *state;
    struct person *one = worker(world, 0), *two = fetcher(world, 1);
    run(world, 3000);
    int passed = 0;
    world->strict = false;
    for (int i = 0; i < 30000; i++) {
        uint8_t bytes[512];
        size_t size = pack_random(world, i % 2 ? one : two, i % 3, bytes);
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
        T(a_former_terms_version_acknowledges_nothing),
        T(numbers_out_of_all_reason_are_refused),
        T(indexes_that_do_not_exist_are_ignored),
        T(a_new_leader_keeps_what_members_hold),
        T(who_does_not_come_is_not_waited_for_for_ever),
        T(views_that_are_old_or_broken_are_ignored),
        T(what_is_being_released_is_not_taken_for_held),
        T(a_drain_under_way_survives_the_leader),
        T(the_quota_is_never_given_twice),
        T(a_new_leader_does_not_give_away_what_is_in_use),
        T(no_limit_and_none),
        T(the_view_survives_all_text),
        T(a_standby_says_nothing),
        T(held_is_wanted_after_all_that_can_happen),
        T(whatever_unpacks_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
