/*
 * A member's side of the control plane against a coordinator played by the test: real sockets on loopback, one loop,
 * real time, since silence is what the link measures.
 */
#include "link.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define LIMIT_MS 10000
#define ME       "worker-1"
#define SELF     INT64_C(77)

struct heard {
    int hellos, heartbeats, released, byes;
    int64_t hello_term, term, target_version, number;
    int32_t share, partition;
    char reason[32];
};

struct fixture {
    struct loop *loop;
    struct channel *coordinators[2];
    struct heard heard[2];
    struct link *link;
    int welcomes, targets, messages, ups, downs, asked;
    int64_t last_term, last_version;
    bool mute;  /* the coordinators answer nothing by themselves */
    bool large; /* heartbeats are */
    int64_t answer_term;
    const char *redirect[2]; /* a coordinator stands by, and says that another leads */
    int64_t redirect_term;
};

/* ---- the coordinator's side ---- */

static void send_to_member(struct channel *channel, Isobar__V1__Envelope *envelope)
{
    envelope->format = 1;
    envelope->member = (char *)ME;
    envelope->incarnation = SELF;
    (void)!channel_send(channel, envelope);
}

static void say_welcome(struct channel *channel, int64_t term)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Welcome welcome = ISOBAR__V1__WELCOME__INIT;
    welcome.term = term;
    welcome.partitions = 24;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_WELCOME;
    envelope.welcome = &welcome;
    send_to_member(channel, &envelope);
}

static void say_target(struct channel *channel, int64_t term, int64_t version)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Target target = ISOBAR__V1__TARGET__INIT;
    target.term = term;
    target.version = version;
    target.calls_per_minute_milli = (int32_t)(term * 1000 + version);
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_TARGET;
    envelope.target = &target;
    send_to_member(channel, &envelope);
}

static void say_heartbeat(struct channel *channel, int64_t term, bool greet)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    heartbeat.term = term;
    heartbeat.greet = greet;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &heartbeat;
    send_to_member(channel, &envelope);
}

static void say_redirect(struct channel *channel, const char *endpoint, int64_t term)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Redirect redirect = ISOBAR__V1__REDIRECT__INIT;
    redirect.leader = (char *)"c";
    redirect.endpoint = (char *)endpoint;
    redirect.term = term;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_REDIRECT;
    envelope.redirect = &redirect;
    send_to_member(channel, &envelope);
}

static void say_catalogue(struct channel *channel)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Catalogue catalogue = ISOBAR__V1__CATALOGUE__INIT;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_CATALOGUE;
    envelope.catalogue = &catalogue;
    send_to_member(channel, &envelope);
}

static void hear(struct fixture *fixture, int index, const Isobar__V1__Envelope *envelope)
{
    struct heard *heard = &fixture->heard[index];
    struct channel *channel = fixture->coordinators[index];
    assert_string_equal(envelope->member, ME);
    assert_int_equal(envelope->incarnation, SELF);
    bool stands_by = fixture->redirect[index] != NULL;
    if (stands_by)
        say_redirect(channel, fixture->redirect[index], fixture->redirect_term);
    switch (envelope->body_case) {
    case ISOBAR__V1__ENVELOPE__BODY_HELLO:
        assert_int_equal(envelope->hello->role, ISOBAR__V1__ROLE__WORKER);
        assert_int_equal(envelope->hello->capacity, 250);
        assert_string_equal(envelope->hello->zone, "z");
        heard->hellos++;
        heard->hello_term = envelope->hello->term;
        if (!fixture->mute && !stands_by)
            say_welcome(channel, fixture->answer_term);
        break;
    case ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT:
        assert_int_equal(envelope->heartbeat->records, 4711);
        heard->heartbeats++;
        heard->term = envelope->heartbeat->term;
        heard->target_version = envelope->heartbeat->target_version;
        heard->share = envelope->heartbeat->calls_per_minute_milli;
        if (!fixture->mute && !stands_by)
            say_heartbeat(channel, fixture->answer_term, false);
        break;
    case ISOBAR__V1__ENVELOPE__BODY_RELEASED:
        heard->released++;
        heard->partition = envelope->released->partitions[0]->index;
        heard->number = envelope->released->partitions[0]->number;
        break;
    case ISOBAR__V1__ENVELOPE__BODY_BYE:
        heard->byes++;
        snprintf(heard->reason, sizeof heard->reason, "%s", envelope->bye->reason);
        break;
    default:
        fail_msg("a member does not send %d", (int)envelope->body_case);
    }
}

static void hear_first(void *arg, const Isobar__V1__Envelope *envelope)
{
    hear(arg, 0, envelope);
}

static void hear_second(void *arg, const Isobar__V1__Envelope *envelope)
{
    hear(arg, 1, envelope);
}

/* ---- the member's side ---- */

static void on_heartbeat(void *arg, Isobar__V1__Heartbeat *heartbeat)
{
    struct fixture *fixture = arg;
    static char alarm[4 * 1024]; /* all of them more than ZeroMQ writes at once, less than a socket holds */
    static Isobar__V1__PartitionStatus status = ISOBAR__V1__PARTITION_STATUS__INIT, *list[] = {&status};
    fixture->asked++;
    heartbeat->records = 4711;
    if (!fixture->large)
        return;
    memset(alarm, 'a', sizeof alarm - 1);
    status.alarm = alarm;
    heartbeat->n_partitions = 1;
    heartbeat->partitions = list;
}

static void on_welcome(void *arg, const Isobar__V1__Welcome *welcome)
{
    struct fixture *fixture = arg;
    fixture->welcomes++;
    fixture->last_term = welcome->term;
}

static void on_target(void *arg, const Isobar__V1__Target *target)
{
    struct fixture *fixture = arg;
    fixture->targets++;
    fixture->last_term = target->term;
    fixture->last_version = target->version;
}

static void on_other(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct fixture *fixture = arg;
    assert_int_equal(envelope->body_case, ISOBAR__V1__ENVELOPE__BODY_CATALOGUE);
    fixture->messages++;
}

static void on_state(void *arg, bool up)
{
    struct fixture *fixture = arg;
    if (up)
        fixture->ups++;
    else
        fixture->downs++;
}

/* ---- time ---- */

static void on_flag(void *arg)
{
    *(bool *)arg = true;
}

static void run_for(struct fixture *fixture, int64_t ms)
{
    bool done = false;
    struct loop_timer *timer = loop_timer_new(fixture->loop, on_flag, &done);
    loop_timer_set(timer, ms, 0);
    assert_int_equal(loop_run_until(fixture->loop, &done, LIMIT_MS), 0);
    loop_timer_free(timer);
}

#define WAIT(fixture, condition)                                                                                       \
    do {                                                                                                               \
        int64_t deadline_ms = clock_monotonic_ms() + LIMIT_MS;                                                         \
        while (!(condition)) {                                                                                         \
            if (clock_monotonic_ms() > deadline_ms)                                                                    \
                fail_msg("line %d: not within %d ms: %s", __LINE__, LIMIT_MS, #condition);                             \
            run_for(fixture, 2);                                                                                       \
        }                                                                                                              \
    } while (0)

/* ---- life of a fixture ---- */

static int begin(void **state)
{
    struct buf error = BUF_EMPTY;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->loop = loop_new();
    fixture->answer_term = 3;
    fixture->coordinators[0] = channel_listen(fixture->loop, "tcp://127.0.0.1:0", hear_first, fixture, &error);
    fixture->coordinators[1] = channel_listen(fixture->loop, "tcp://127.0.0.1:0", hear_second, fixture, &error);
    assert_non_null(fixture->coordinators[0]);
    assert_non_null(fixture->coordinators[1]);
    buf_release(&error);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    link_free(fixture->link);
    channel_free(fixture->coordinators[0]);
    channel_free(fixture->coordinators[1]);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

/* Dials the first coordinator, and the second after it when `both`. */
static void dial(struct fixture *fixture, bool both)
{
    char endpoints[256];
    struct buf error = BUF_EMPTY;
    snprintf(endpoints, sizeof endpoints, "%s%s%s", channel_endpoint(fixture->coordinators[0]), both ? "," : "",
             both ? channel_endpoint(fixture->coordinators[1]) : "");
    struct link_config config = {.endpoints = endpoints,
                                 .id = ME,
                                 .incarnation = SELF,
                                 .role = ISOBAR__V1__ROLE__WORKER,
                                 .capacity = 250,
                                 .zone = "z"};
    struct link_events events = {.heartbeat = on_heartbeat,
                                 .welcome = on_welcome,
                                 .target = on_target,
                                 .message = on_other,
                                 .state = on_state,
                                 .arg = fixture};
    fixture->link = link_new(fixture->loop, &config, &events, &error);
    assert_non_null(fixture->link);
    buf_release(&error);
}

static void dial_and_meet(struct fixture *fixture)
{
    dial(fixture, false);
    WAIT(fixture, fixture->heard[0].heartbeats > 0);
}

/* ---- tests ---- */

static void says_hello_until_welcomed_then_beats(void **state)
{
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    fixture->mute = true;
    dial(fixture, false);
    WAIT(fixture, heard->hellos >= 3);
    assert_int_equal(heard->heartbeats, 0);
    assert_int_equal(fixture->asked, 0);
    assert_false(link_up(fixture->link));
    fixture->mute = false;
    int64_t welcomed_ms = clock_monotonic_ms();
    WAIT(fixture, heard->heartbeats >= 5);
    int64_t took_ms = clock_monotonic_ms() - welcomed_ms;
    assert_in_range(took_ms, 3 * LINK_HEARTBEAT_MS,
                    12 * LINK_HEARTBEAT_MS); /* the first at once, then one every 500 ms */
    assert_true(link_up(fixture->link));
    assert_int_equal(fixture->welcomes, 1);
    assert_int_equal(fixture->ups, 1);
    assert_int_equal(heard->term, 3);
    assert_int_equal(heard->target_version, 0);
    assert_int_equal(heard->share, 0);
}

static void the_first_hello_does_not_wait_for_the_next_beat(void **state)
{
    struct fixture *fixture = *state;
    int64_t dialled_ms = clock_monotonic_ms();
    dial_and_meet(fixture);
    assert_true(clock_monotonic_ms() - dialled_ms < LINK_HEARTBEAT_MS);
}

static void older_terms_and_versions_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct channel *channel = fixture->coordinators[0];
    struct heard *heard = &fixture->heard[0];
    dial_and_meet(fixture);
    fixture->mute = true;
    static const struct {
        int64_t term, version;
        bool taken;
    } rows[] = {{3, 5, true}, {3, 5, false}, {3, 4, false}, {2, 9, false}, {3, 6, true},
                {4, 1, true}, {3, 7, false}, {4, 1, false}, {4, 2, true}};
    int taken = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        say_target(channel, rows[i].term, rows[i].version);
        say_catalogue(channel); /* comes after it: then the target has been looked at */
        WAIT(fixture, fixture->messages == (int)i + 1);
        taken += rows[i].taken;
        assert_int_equal(fixture->targets, taken);
    }
    WAIT(fixture, heard->target_version == 2);
    assert_int_equal(heard->term, 4);
    assert_int_equal(heard->share, 4002);
    say_welcome(channel, 3);
    say_heartbeat(channel, 3, true);
    say_catalogue(channel);
    int hellos = heard->hellos;
    WAIT(fixture, fixture->messages == (int)(sizeof rows / sizeof *rows) + 1);
    run_for(fixture, LINK_HEARTBEAT_MS + 100);
    assert_int_equal(fixture->welcomes, 1);
    assert_int_equal(heard->hellos, hellos);
}

/* The version of a former term is no acknowledgement of a target of this one. */
static void a_version_belongs_to_its_term(void **state)
{
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    dial_and_meet(fixture);
    say_target(fixture->coordinators[0], 3, 9);
    WAIT(fixture, heard->target_version == 9);
    fixture->answer_term = 5; /* its answers make the member say HELLO */
    WAIT(fixture, heard->term == 5);
    assert_int_equal(heard->hello_term, 3);
    assert_int_equal(fixture->welcomes, 2);
    assert_int_equal(heard->target_version, 0);
    assert_int_equal(heard->share, 3009); /* the last share holds */
    say_target(fixture->coordinators[0], 5, 1);
    WAIT(fixture, heard->target_version == 1);
    assert_int_equal(heard->share, 5001);
}

static void greets_when_asked(void **state)
{
    struct fixture *fixture = *state;
    dial_and_meet(fixture);
    int hellos = fixture->heard[0].hellos;
    int64_t asked_ms = clock_monotonic_ms();
    say_heartbeat(fixture->coordinators[0], 3, true);
    WAIT(fixture, fixture->heard[0].hellos == hellos + 1 && fixture->welcomes == 2);
    assert_true(clock_monotonic_ms() - asked_ms < LINK_HEARTBEAT_MS);
    assert_int_equal(fixture->ups, 1);
}

/* A leader whose Redis went back: it learns from HELLO which term it has to pass. */
static void a_lower_term_is_told_the_higher(void **state)
{
    struct fixture *fixture = *state;
    dial_and_meet(fixture);
    fixture->answer_term = 2; /* dropped; after the silence the member says HELLO to it */
    WAIT(fixture, fixture->heard[0].hello_term == 3);
    assert_int_equal(fixture->downs, 1);
    assert_false(link_up(fixture->link));
    int welcomes = fixture->welcomes;
    fixture->answer_term = 4;
    WAIT(fixture, fixture->welcomes == welcomes + 1);
    assert_int_equal(fixture->last_term, 4);
    assert_true(link_up(fixture->link));
}

static void dials_the_next_after_a_silence(void **state)
{
    struct fixture *fixture = *state;
    dial(fixture, true);
    WAIT(fixture, fixture->heard[0].heartbeats > 0);
    channel_free(fixture->coordinators[0]);
    fixture->coordinators[0] = NULL;
    int64_t gone_ms = clock_monotonic_ms();
    WAIT(fixture, fixture->heard[1].hellos > 0);
    assert_in_range(clock_monotonic_ms() - gone_ms, LINK_SILENCE_MS - LINK_HEARTBEAT_MS - 100,
                    LINK_SILENCE_MS + 4 * LINK_HEARTBEAT_MS);
    WAIT(fixture, fixture->heard[1].heartbeats > 0);
    assert_int_equal(fixture->downs, 1);
    assert_int_equal(fixture->ups, 2);
}

/* ---- the leader by others' word ---- */

static void a_standby_leads_to_the_leader(void **state)
{
    struct fixture *fixture = *state;
    fixture->redirect[0] = channel_endpoint(fixture->coordinators[1]);
    int64_t dialled_ms = clock_monotonic_ms();
    dial(fixture, false); /* the second is in no list: loopback */
    WAIT(fixture, fixture->heard[1].heartbeats > 0);
    assert_true(clock_monotonic_ms() - dialled_ms < LINK_SILENCE_MS);
    assert_true(link_up(fixture->link));
    assert_int_equal(link_redirects(fixture->link), 1);
    /* The leader becomes a standby of the first. */
    fixture->redirect[0] = NULL;
    fixture->redirect[1] = channel_endpoint(fixture->coordinators[0]);
    fixture->answer_term = 4;
    WAIT(fixture, fixture->heard[0].heartbeats > 0);
    assert_int_equal(fixture->last_term, 4);
    assert_int_equal(fixture->downs, 1);
}

/* Two that name each other, and then one that leads after all. */
static void a_loop_of_words_ends(void **state)
{
    struct fixture *fixture = *state;
    fixture->redirect[0] = channel_endpoint(fixture->coordinators[1]);
    fixture->redirect[1] = channel_endpoint(fixture->coordinators[0]);
    dial(fixture, true);
    WAIT(fixture, link_redirects(fixture->link) == 3);
    run_for(fixture, 1000);
    assert_int_equal(link_redirects(fixture->link), 3);
    assert_false(link_up(fixture->link));
    fixture->redirect[0] = fixture->redirect[1] = NULL;
    WAIT(fixture, link_up(fixture->link));
}

/* The endpoint of the leader that has just fallen silent, as Redis has it until the lease ends: it waits. */
static void a_word_does_not_lead_back(void **state)
{
    struct fixture *fixture = *state;
    char gone[64];
    dial(fixture, true);
    WAIT(fixture, fixture->heard[0].heartbeats > 0);
    snprintf(gone, sizeof gone, "%s", channel_endpoint(fixture->coordinators[0]));
    fixture->redirect[1] = gone;
    channel_free(fixture->coordinators[0]);
    fixture->coordinators[0] = NULL;
    WAIT(fixture, fixture->heard[1].hellos >= 4);
    assert_int_equal(link_redirects(fixture->link), 0);
    int64_t free_ms = clock_monotonic_ms();
    fixture->redirect[1] = NULL;
    fixture->answer_term = 4;
    WAIT(fixture, link_up(fixture->link));
    assert_true(clock_monotonic_ms() - free_ms < LINK_HEARTBEAT_MS + 200); /* it asks a standby more often */
}

static void words_that_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {"", "nonsense", "tcp://192.0.2.1:7070", "tcp://127.0.0.1:0"};
    dial_and_meet(fixture);
    fixture->mute = true;
    say_redirect(fixture->coordinators[0], channel_endpoint(fixture->coordinators[1]), 2); /* older than its welcome */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int hellos = fixture->heard[0].hellos;
        say_redirect(fixture->coordinators[0], bad[i], 0);
        WAIT(fixture, fixture->heard[0].hellos > hellos);
    }
    assert_int_equal(link_redirects(fixture->link), 0);
    assert_int_equal(fixture->heard[1].hellos, 0);
}

/* Redis has gone back: the leader's term is one that the member has left behind, and the leader learns that from it. */
static void a_leader_of_an_older_term_is_found(void **state)
{
    struct fixture *fixture = *state;
    dial_and_meet(fixture);
    fixture->redirect_term = 1;
    fixture->redirect[0] = channel_endpoint(fixture->coordinators[1]);
    WAIT(fixture, fixture->heard[1].hellos > 0);
    assert_int_equal(link_redirects(fixture->link), 1);
}

/* Without a list: what Redis says is the list. */
static void redis_names_the_first(void **state)
{
    struct fixture *fixture = *state;
    char leader[128];
    struct buf error = BUF_EMPTY;
    struct link_config config = {.endpoints = "",
                                 .id = ME,
                                 .incarnation = SELF,
                                 .role = ISOBAR__V1__ROLE__WORKER,
                                 .capacity = 250,
                                 .zone = "z",
                                 .told = true};
    struct link_events events = {
        .heartbeat = on_heartbeat, .welcome = on_welcome, .target = on_target, .state = on_state, .arg = fixture};
    fixture->link = link_new(fixture->loop, &config, &events, &error);
    assert_non_null(fixture->link);
    static const char *const bad[] = {"", "x", "nonce id", "nonce id tcp://", "nonce id tcp://192.0.2.1:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        link_leader(fixture->link, bad[i]);
    link_released(fixture->link, 1, 1);
    link_beat(fixture->link);
    run_for(fixture, 20);
    assert_int_equal(link_redirects(fixture->link), 0);
    snprintf(leader, sizeof leader, "nonce c-1 %s", channel_endpoint(fixture->coordinators[0]));
    link_leader(fixture->link, leader);
    WAIT(fixture, link_up(fixture->link));
    /* It is not asked while there is one; when that is gone, the word about the next is followed. */
    snprintf(leader, sizeof leader, "nonce c-2 %s", channel_endpoint(fixture->coordinators[1]));
    link_leader(fixture->link, leader);
    assert_true(link_up(fixture->link));
    channel_free(fixture->coordinators[0]);
    fixture->coordinators[0] = NULL;
    WAIT(fixture, !link_up(fixture->link));
    link_leader(fixture->link, leader);
    WAIT(fixture, link_up(fixture->link) && fixture->heard[1].heartbeats > 0);
    buf_release(&error);
}

static void plain_beyond_this_machine_wants_a_word(void **state)
{
    struct fixture *fixture = *state;
    struct link_events events = {.heartbeat = on_heartbeat, .welcome = on_welcome, .target = on_target, .arg = fixture};
    struct link_config config = {.endpoints = "tcp://127.0.0.1:1,tcp://192.0.2.1:1",
                                 .id = ME,
                                 .incarnation = SELF,
                                 .role = ISOBAR__V1__ROLE__WORKER,
                                 .capacity = 1,
                                 .zone = ""};
    struct buf error = BUF_EMPTY;
    assert_null(link_new(fixture->loop, &config, &events, &error));
    assert_non_null(strstr(error.data, "--insecure"));
    buf_reset(&error);
    config.insecure = true;
    fixture->link = link_new(fixture->loop, &config, &events, &error);
    assert_non_null(fixture->link);
    buf_release(&error);
}

static void released_and_bye(void **state)
{
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    dial_and_meet(fixture);
    link_released(fixture->link, 17, 12345);
    WAIT(fixture, heard->released == 1);
    assert_int_equal(heard->partition, 17);
    assert_int_equal(heard->number, 12345);
    link_bye(fixture->link, "drained");
    WAIT(fixture, heard->byes == 1);
    assert_string_equal(heard->reason, "drained");
    int heartbeats = heard->heartbeats;
    link_beat(fixture->link);
    link_released(fixture->link, 18, 1);
    link_bye(fixture->link, "again");
    run_for(fixture, 2 * LINK_HEARTBEAT_MS);
    assert_int_equal(heard->heartbeats, heartbeats);
    assert_int_equal(heard->released, 1);
    assert_int_equal(heard->byes, 1);
}

/* A process ends right after its BYE, which must not die with the socket. */
static void the_bye_outlives_the_link(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 1; i <= 20; i++) {
        int heartbeats = fixture->heard[0].heartbeats;
        dial(fixture, false);
        WAIT(fixture, fixture->heard[0].heartbeats > heartbeats);
        fixture->large = true;
        for (int k = 0; k < 8; k++)
            link_beat(fixture->link); /* so that it is not out already when the socket closes */
        fixture->large = false;
        link_bye(fixture->link, "drained");
        link_free(fixture->link);
        fixture->link = NULL;
        WAIT(fixture, fixture->heard[0].byes == i);
    }
}

static void nothing_is_released_before_the_welcome(void **state)
{
    struct fixture *fixture = *state;
    fixture->mute = true;
    dial(fixture, false);
    WAIT(fixture, fixture->heard[0].hellos > 0);
    link_released(fixture->link, 1, 1);
    WAIT(fixture, fixture->heard[0].hellos > 1);
    assert_int_equal(fixture->heard[0].released, 0);
}

static void what_cannot_be_dialled_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct link_events events = {.heartbeat = on_heartbeat, .welcome = on_welcome, .target = on_target, .arg = fixture};
    static const char *const endpoints[] = {"", "127.0.0.1:7070", "tcp://127.0.0.1:70000", "tcp://127.0.0.1:1,"};
    for (size_t i = 0; i <= sizeof endpoints / sizeof *endpoints; i++) {
        struct buf error = BUF_EMPTY;
        bool bad_id = i == sizeof endpoints / sizeof *endpoints;
        struct link_config config = {.endpoints = bad_id ? "tcp://127.0.0.1:1" : endpoints[i],
                                     .id = bad_id ? "a/b" : ME,
                                     .incarnation = SELF,
                                     .role = ISOBAR__V1__ROLE__WORKER,
                                     .capacity = 1,
                                     .zone = ""};
        assert_null(link_new(fixture->loop, &config, &events, &error));
        assert_true(error.size > 0);
        buf_release(&error);
    }
}

static void ids(void **state)
{
    (void)state;
    char id[80];
    assert_true(link_valid_id("a") && link_valid_id("Worker-1.rack_2"));
    assert_false(link_valid_id("") || link_valid_id("a b") || link_valid_id("a/b") || link_valid_id("\xc3\xa4"));
    char text[66];
    memset(text, 'x', sizeof text);
    text[64] = '\0';
    assert_true(link_valid_id(text));
    text[64] = 'x';
    text[65] = '\0';
    assert_false(link_valid_id(text));
    link_default_id(id, sizeof id);
    assert_true(link_valid_id(id));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(says_hello_until_welcomed_then_beats),
        T(the_first_hello_does_not_wait_for_the_next_beat),
        T(older_terms_and_versions_are_dropped),
        T(a_version_belongs_to_its_term),
        T(greets_when_asked),
        T(a_lower_term_is_told_the_higher),
        T(dials_the_next_after_a_silence),
        T(a_standby_leads_to_the_leader),
        T(a_loop_of_words_ends),
        T(a_word_does_not_lead_back),
        T(words_that_are_not_followed),
        T(a_leader_of_an_older_term_is_found),
        T(redis_names_the_first),
        T(plain_beyond_this_machine_wants_a_word),
        T(released_and_bye),
        T(the_bye_outlives_the_link),
        T(nothing_is_released_before_the_welcome),
        T(what_cannot_be_dialled_is_refused),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
