/*
 * Two ends of a channel over real sockets on loopback, on one loop: a coordinator that listens and a member that
 * dials. Each notes what it hears.
 */
#ifndef ISOBAR_TEST_CHANNEL_ENDS_H
#define ISOBAR_TEST_CHANNEL_ENDS_H

#include "channel.h"
#include "channel_envelope.h"
#include "entropy.h"
#include "error.h"
#include "loop_kit.h"
#include "mem.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

struct end {
    struct channel *channel;
    struct fixture *fixture;
    int count;       /* messages heard */
    char member[80]; /* of the last one */
    int64_t incarnation;
    int64_t number; /* its heartbeat's term */
    int body_case;
    int64_t in_order;  /* next term expected when the sender counts; -1 after a gap */
    bool echo, redial; /* what to do on a message */
};

struct fixture {
    struct loop *loop;
    struct end coordinator, member;
    struct buf error;
    bool done;
    int wanted_coordinator, wanted_member;
};

/* ---- envelopes ---- */

/* Room for an envelope and the body in it. */
struct letter {
    Isobar__V1__Envelope envelope;
    Isobar__V1__Heartbeat heartbeat;
};

/* A heartbeat from, or to, a member. */
static inline Isobar__V1__Envelope *heartbeat(struct letter *letter, const char *member, int64_t incarnation,
                                              int64_t term)
{
    isobar__v1__envelope__init(&letter->envelope);
    isobar__v1__heartbeat__init(&letter->heartbeat);
    letter->heartbeat.term = term;
    letter->envelope.format = 1;
    letter->envelope.member = (char *)member;
    letter->envelope.incarnation = incarnation;
    letter->envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    letter->envelope.heartbeat = &letter->heartbeat;
    return &letter->envelope;
}

static inline size_t pack(const Isobar__V1__Envelope *envelope, uint8_t **bytes)
{
    size_t size = isobar__v1__envelope__get_packed_size(envelope);
    *bytes = mem_alloc(size);
    return isobar__v1__envelope__pack(envelope, *bytes);
}

/* ---- the two ends ---- */

static inline int say(struct end *end, const char *member, int64_t incarnation, int64_t term)
{
    struct letter letter;
    return channel_send(end->channel, heartbeat(&letter, member, incarnation, term));
}

static inline void on_message(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct end *end = arg;
    struct fixture *fixture = end->fixture;
    end->count++;
    (void)snprintf(end->member, sizeof(end->member), "%s", envelope->member);
    end->incarnation = envelope->incarnation;
    end->body_case = (int)envelope->body_case;
    if (envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT) {
        end->number = envelope->heartbeat->term;
        end->in_order = end->in_order == end->number ? end->number + 1 : -1;
    }
    if (end->redial)
        channel_redial(end->channel);
    if (end->echo)
        assert_int_equal(say(end, envelope->member, envelope->incarnation, end->number), 0);
    fixture->done =
        fixture->coordinator.count >= fixture->wanted_coordinator && fixture->member.count >= fixture->wanted_member;
}

static inline void wait_for(struct fixture *fixture, int coordinator, int member)
{
    fixture->wanted_coordinator = coordinator;
    fixture->wanted_member = member;
    fixture->done = fixture->coordinator.count >= coordinator && fixture->member.count >= member;
    assert_int_equal(loop_run_until(fixture->loop, &fixture->done, LIMIT_MS), 0);
}

/* Sends until the connection stands, which takes a few milliseconds. */
static inline void say_until_heard(struct fixture *fixture, struct end *end, const char *member, int64_t incarnation)
{
    UNTIL(fixture->loop, say(end, member, incarnation, 0) == 0);
}

static inline int begin(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof(*fixture));
    fixture->loop = loop_new();
    fixture->coordinator.fixture = fixture;
    fixture->member.fixture = fixture;
    buf_init(&fixture->error);
    fixture->coordinator.channel =
        channel_listen(fixture->loop, "tcp://127.0.0.1:0", on_message, &fixture->coordinator, &fixture->error);
    *state = fixture;
    return fixture->coordinator.channel == NULL ? -1 : 0;
}

static inline int end(void **state)
{
    struct fixture *fixture = *state;
    channel_free(fixture->member.channel);
    channel_free(fixture->coordinator.channel);
    buf_release(&fixture->error);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static inline void dial(struct fixture *fixture, const char *endpoints, const char *id, int64_t incarnation)
{
    fixture->member.channel =
        channel_dial(fixture->loop, endpoints, id, incarnation, on_message, &fixture->member, &fixture->error);
    if (fixture->member.channel == NULL)
        fail_msg("%s", fixture->error.data);
}

/* The member dials as w, and the coordinator hears it once. */
static inline void meet(struct fixture *fixture)
{
    dial(fixture, channel_endpoint(fixture->coordinator.channel), "w", 1);
    say_until_heard(fixture, &fixture->member, "w", 1);
    wait_for(fixture, 1, 0);
}

#endif
