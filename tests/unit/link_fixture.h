/*
 * A member's side of the control plane against coordinators played by the test: real sockets on loopback, one loop,
 * real time, since silence is what the link measures.
 */
#ifndef ISOBAR_TEST_LINK_FIXTURE_H
#define ISOBAR_TEST_LINK_FIXTURE_H

#include "link.h"

#include "loop_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define ME   "worker-1"
#define SELF INT64_C(77)

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

static inline void send_to_member(struct channel *channel, Isobar__V1__Envelope *envelope)
{
    envelope->format = 1;
    envelope->member = (char *)ME;
    envelope->incarnation = SELF;
    (void)!channel_send(channel, envelope);
}

static inline void say_welcome(struct channel *channel, int64_t term)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Welcome welcome = ISOBAR__V1__WELCOME__INIT;
    welcome.term = term;
    welcome.partitions = 24;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_WELCOME;
    envelope.welcome = &welcome;
    send_to_member(channel, &envelope);
}

static inline void say_target(struct channel *channel, int64_t term, int64_t version)
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

static inline void say_heartbeat(struct channel *channel, int64_t term, bool greet)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    heartbeat.term = term;
    heartbeat.greet = greet;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &heartbeat;
    send_to_member(channel, &envelope);
}

static inline void say_redirect(struct channel *channel, const char *endpoint, int64_t term)
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

static inline void say_catalogue(struct channel *channel)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Catalogue catalogue = ISOBAR__V1__CATALOGUE__INIT;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_CATALOGUE;
    envelope.catalogue = &catalogue;
    send_to_member(channel, &envelope);
}

static inline void hear(struct fixture *fixture, int index, const Isobar__V1__Envelope *envelope)
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

static inline void hear_first(void *arg, const Isobar__V1__Envelope *envelope)
{
    hear(arg, 0, envelope);
}

static inline void hear_second(void *arg, const Isobar__V1__Envelope *envelope)
{
    hear(arg, 1, envelope);
}

/* ---- the member's side ---- */

static inline void on_heartbeat(void *arg, Isobar__V1__Heartbeat *heartbeat)
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

static inline void on_welcome(void *arg, const Isobar__V1__Welcome *welcome)
{
    struct fixture *fixture = arg;
    fixture->welcomes++;
    fixture->last_term = welcome->term;
}

static inline void on_target(void *arg, const Isobar__V1__Target *target)
{
    struct fixture *fixture = arg;
    fixture->targets++;
    fixture->last_term = target->term;
    fixture->last_version = target->version;
}

static inline void on_other(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct fixture *fixture = arg;
    assert_int_equal(envelope->body_case, ISOBAR__V1__ENVELOPE__BODY_CATALOGUE);
    fixture->messages++;
}

static inline void on_state(void *arg, bool up)
{
    struct fixture *fixture = arg;
    if (up)
        fixture->ups++;
    else
        fixture->downs++;
}

/* ---- time ---- */

/* ---- life of a fixture ---- */

static inline int begin(void **state)
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

static inline int end(void **state)
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
static inline void dial(struct fixture *fixture, bool both)
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

static inline void dial_and_meet(struct fixture *fixture)
{
    dial(fixture, false);
    UNTIL(fixture->loop, fixture->heard[0].heartbeats > 0);
}

#endif
