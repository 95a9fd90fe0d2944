/*
 * A leader and the members around it, on a virtual clock and without sockets: what it sends is caught, and members of
 * the test answer as the link and a worker or fetcher would. Messages can be lost, come twice, and come late. Static
 * functions, because each unit test is one source file.
 */
#ifndef ISOBAR_TEST_LEADER_KIT_H
#define ISOBAR_TEST_LEADER_KIT_H

#include "../../coordinator/coordinator.h"

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
#define WALL_MS    INT64_C(1790000000000) /* at the beginning */

/* A worker or fetcher, with what common/link.c knows. */
struct person {
    char id[16];
    int64_t incarnation;
    Isobar__V1__Role role;
    bool here, mute, welcomed, draining; /* mute: it lives, but nothing passes */
    const char *zone;
    bool deaf; /* acknowledges targets and does not do what they say */
    int64_t term, target_term, version, beat_ms, number_max;
    const char *accounts[2];     /* that a fetcher calls; NULL: it does not say */
    int32_t share, second_share; /* of a minute, of each */
    int64_t number[PARTITIONS];  /* under which it holds a slot; 0: not held */
    bool letting_go[PARTITIONS]; /* it still commits what it is to release */
    int64_t catalogue;
    int hellos, targets;
    const char *alarm;
    int64_t stuck_ms[PARTITIONS]; /* since when it gets on no more with a partition; 0: it does */
    bool stopped[PARTITIONS];     /* with `alarm`; a new number ends it */
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
    int greets, answers;
    bool redis_away;  /* it does not take the view */
    int64_t ahead_ms; /* the leader's wall clock is ahead of Redis' by that */
    bool answer_ok;
    int64_t answer_id, answer_number; /* of the last answer to an operator */
    char answer_text[192];
    int64_t rows[PARTITIONS], rows_per_beat[PARTITIONS]; /* ledgers, and what a heartbeat adds */
    bool measured;                                       /* offsets follow the rows, else the clock */
    bool strict;                                         /* nobody is to hold what another holds */
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
    if (person->zone)
        hello.zone = (char *)person->zone;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    person->hellos++;
    deliver(world, person, &envelope);
}

/* What a fetcher says of its accounts; the lists are valid until the next call. */
static void say_accounts(const struct person *person, Isobar__V1__Heartbeat *beat)
{
    static Isobar__V1__QuotaAsk asks[2], *ask_list[] = {&asks[0], &asks[1]};
    static Isobar__V1__QuotaShare share, *share_list[] = {&share};
    for (size_t i = 0; i < 2 && person->accounts[i]; i++) {
        isobar__v1__quota_ask__init(&asks[i]);
        asks[i].account = (char *)(uintptr_t)person->accounts[i];
        beat->n_asks = i + 1;
        beat->asks = ask_list;
    }
    if (beat->n_asks < 2)
        return;
    isobar__v1__quota_share__init(&share);
    share.account = (char *)(uintptr_t)person->accounts[1];
    share.calls_per_minute_milli = person->second_share;
    beat->n_quota_shares = 1;
    beat->quota_shares = share_list;
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
    say_accounts(person, &beat);
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
            status->phase = person->draining || person->letting_go[i] ? ISOBAR__V1__PARTITION_PHASE__RELEASING
                                                                      : ISOBAR__V1__PARTITION_PHASE__RUNNING;
            status->lag = 7;
            world->rows[i] += person->stuck_ms[i] ? 0 : world->rows_per_beat[i];
            status->rows = world->rows[i];
            int64_t offset = world->measured ? world->rows[i] / 100 : world->now_ms;
            status->offset = person->stuck_ms[i] ? person->stuck_ms[i] : offset;
            status->progress_age_ms = person->stuck_ms[i] ? world->now_ms - person->stuck_ms[i] : 0;
            if (person->stopped[i])
                status->phase = ISOBAR__V1__PARTITION_PHASE__STOPPED;
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

static inline void say_bye(struct world *world, struct person *person)
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
    person->second_share = target->n_quota_shares ? target->quota_shares[0]->calls_per_minute_milli : 0;
    person->targets++;
    if (drained_holds(&world->leader->drained, person->id, person->incarnation))
        assert_true(target->n_partitions == 0 && target->n_shards == 0 && target->calls_per_minute_milli == 0);
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
            if (assignment->number > before[assignment->index])
                person->stopped[assignment->index] = false;
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
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_ANSWER) {
        world->answers++;
        world->answer_ok = envelope->answer->ok;
        world->answer_id = envelope->answer->id;
        world->answer_number = envelope->answer->number;
        text_copy(world->answer_text, sizeof world->answer_text, envelope->answer->text);
        return;
    }
    for (int i = 0; i < PEOPLE; i++) {
        if (world->people[i].here && strcmp(world->people[i].id, envelope->member) == 0 &&
            world->people[i].incarnation == envelope->incarnation)
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
    } else if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT &&
               envelope->heartbeat->term >= person->term) {
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

/* Redis has the view, unless it is away. */
static void note_shares(struct world *world)
{
    if (world->redis_away)
        return;
    share_note(world->leader);
    orders_noted(world->leader);
    hand_out(world);
}

static void run(struct world *world, int64_t duration_ms)
{
    int64_t end_ms = world->now_ms + duration_ms;
    while (world->now_ms < end_ms) {
        world->now_ms += TICK_MS;
        world->leader->now_ms = world->now_ms;
        world->leader->wall_ms = WALL_MS + world->ahead_ms + world->now_ms;
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
        note_shares(world);
    }
}

static inline size_t held(const struct person *person)
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

static inline struct person *worker(struct world *world, int index)
{
    char id[24];
    snprintf(id, sizeof id, "worker-%d", index);
    return enter(world, index, id, ISOBAR__V1__ROLE__WORKER);
}

static inline struct person *fetcher(struct world *world, int index)
{
    char id[24];
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
    backlog_init(&leader->backlog, world->store);
    leader->catalogue = catalogue_new(world->store, "isobar:");
    leader->partitions = (struct slots){.kind = "partition", .role = ISOBAR__V1__ROLE__WORKER};
    leader->shards = (struct slots){.kind = "shard", .role = ISOBAR__V1__ROLE__FETCHER};
    leader->post = (struct post){catch_letter, world};
    leader->endpoint = "tcp://127.0.0.1:7070";
    text_copy(leader->id, sizeof leader->id, id);
    leader->now_ms = world->now_ms;
    leader->wall_ms = WALL_MS + world->ahead_ms + world->now_ms;
    leader->redis_ahead_ms = WALL_MS;
    leader->leading = LEAD_READING;
    leader_begin(leader, PARTITIONS, "weather.observations", term);
    if (view)
        former_restore(leader, view, strlen(view));
    world->leader = leader;
}

static void drop_leader(struct world *world)
{
    struct coordinator *leader = world->leader;
    backlog_release(&leader->backlog);
    catalogue_free(leader->catalogue);
    members_clear(&leader->members);
    drained_clear(&leader->drained);
    free(leader->progress);
    free(leader->partitions.slots);
    free(leader->partitions.views);
    free(leader->partitions.loads);
    free(leader->shards.slots);
    free(leader->shards.views);
    free(leader->shards.loads);
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
    world->options = (struct coordinator_options){
        .prefix = (char *)"isobar:", .calls_per_minute = 60, .settle_ms = 1000, .redis = (char *)"none"};
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
    store_free(world->store); /* first, as the process does: its callbacks refer to the leader */
    hand_out(world);
    drop_leader(world);
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

static inline const json_t *slot_json(const json_t *view, const char *list, size_t index)
{
    return json_array_get(json_object_get(view, list), index);
}

static inline char *view_text(struct world *world)
{
    struct buf text = BUF_EMPTY;
    publish_view(world->leader, &text);
    return buf_take(&text);
}

#endif
