/*
 * Envelopes over real sockets on loopback: a coordinator that listens and members that dial, all on one loop, and raw
 * ZeroMQ peers for what no member of ours would send.
 */
#include "channel_ends.h"

/* ---- two ends ---- */

static void there_and_back(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(strncmp(channel_endpoint(fixture->coordinator.channel), "tcp://127.0.0.1:", 16), 0);
    assert_string_not_equal(channel_endpoint(fixture->coordinator.channel), "tcp://127.0.0.1:0");
    dial(fixture, channel_endpoint(fixture->coordinator.channel), "worker-1", 0x1f2e);
    fixture->coordinator.echo = true;
    say_until_heard(fixture, &fixture->member, "worker-1", 0x1f2e);
    wait_for(fixture, 1, 1);
    assert_string_equal(fixture->coordinator.member, "worker-1");
    assert_int_equal(fixture->coordinator.incarnation, 0x1f2e);
    assert_int_equal(fixture->coordinator.body_case, ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT);
    assert_string_equal(fixture->member.member, "worker-1");
    assert_int_equal(channel_rejected(fixture->coordinator.channel), 0);
    assert_int_equal(channel_rejected(fixture->member.channel), 0);
}

/* The descriptor tells only once: whoever does not drain after using the socket stalls here. */
static void nothing_stalls(void **state)
{
    struct fixture *fixture = *state;
    meet(fixture);
    fixture->coordinator.in_order = 0;
    fixture->member.in_order = 0;
    int64_t there = 0, back = 0;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 10; i++) {
            assert_int_equal(say(&fixture->member, "w", 1, there++), 0);
            assert_int_equal(say(&fixture->coordinator, "w", 1, back++), 0);
        }
        wait_for(fixture, 1 + (int)there, (int)back);
    }
    assert_int_equal(fixture->coordinator.in_order, there);
    assert_int_equal(fixture->member.in_order, back);
}

static int say_bye(struct end *end, char *reason)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Bye bye = ISOBAR__V1__BYE__INIT;
    envelope.format = 1;
    envelope.member = (char *)"w";
    envelope.incarnation = 1;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_BYE;
    envelope.bye = &bye;
    bye.reason = reason;
    return channel_send(end->channel, &envelope);
}

/* A goodbye of some kilobytes. */
static int say_much(struct end *end)
{
    static char reason[60000];
    memset(reason, 'x', sizeof(reason) - 1);
    return say_bye(end, reason);
}

/* More messages than one drain takes, all there before the first is read: no hint comes for the rest. */
static void a_burst(void **state)
{
    struct fixture *fixture = *state;
    meet(fixture);
    int sent = 0;
    for (int full = 0;
         full < 500;) { /* until nothing has moved for half a second: libzmq's thread may wait for a core */
        if (say_much(&fixture->member) == 0) {
            sent++;
            full = 0;
        } else {
            full++;
            (void)poll(NULL, 0, 1);
        }
    }
    assert_true(sent > 256);
    wait_for(fixture, 1 + sent, 0);
}

static void a_peer_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(say(&fixture->coordinator, "stranger", 1, 0), ERR_UNAVAILABLE);
    /* A member keeps nothing for a coordinator that is not there: what it said before is stale. */
    char endpoint[64];
    (void)snprintf(endpoint, sizeof(endpoint), "%s", channel_endpoint(fixture->coordinator.channel));
    channel_free(fixture->coordinator.channel);
    fixture->coordinator.channel = NULL;
    dial(fixture, endpoint, "w", 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(say(&fixture->member, "w", 1, 100 + i), ERR_UNAVAILABLE);
        run_for(fixture->loop, 2);
    }
    fixture->coordinator.channel =
        channel_listen(fixture->loop, endpoint, on_message, &fixture->coordinator, &fixture->error);
    assert_non_null(fixture->coordinator.channel);
    say_until_heard(fixture, &fixture->member, "w", 1);
    wait_for(fixture, 1, 0);
    assert_int_equal(fixture->coordinator.number, 0);
    /* Known once, gone now. */
    channel_free(fixture->member.channel);
    fixture->member.channel = NULL;
    UNTIL(fixture->loop, say(&fixture->coordinator, "w", 1, 0) != 0);
}

static void another_incarnation(void **state)
{
    struct fixture *fixture = *state;
    const char *endpoint = channel_endpoint(fixture->coordinator.channel);
    struct channel *first =
        channel_dial(fixture->loop, endpoint, "w", 1, on_message, &fixture->member, &fixture->error);
    struct end old = {.channel = first, .fixture = fixture};
    say_until_heard(fixture, &old, "w", 1);
    wait_for(fixture, 1, 0);
    dial(fixture, endpoint, "w", 2);
    say_until_heard(fixture, &fixture->member, "w", 2);
    wait_for(fixture, 2, 0);
    assert_int_equal(fixture->coordinator.incarnation, 2);
    /* Each gets what is addressed to it. */
    assert_int_equal(say(&fixture->coordinator, "w", 2, 22), 0);
    wait_for(fixture, 2, 1);
    assert_int_equal(fixture->member.number, 22);
    assert_int_equal(fixture->member.incarnation, 2);
    channel_free(first);
}

static void too_large(void **state)
{
    struct fixture *fixture = *state;
    meet(fixture);
    char *reason = mem_alloc(CHANNEL_MAX_BYTES + 1);
    memset(reason, 'x', CHANNEL_MAX_BYTES);
    assert_int_equal(say_bye(&fixture->member, reason), ERR_TOO_LARGE);
    reason[CHANNEL_MAX_BYTES - 64] = '\0';
    assert_int_equal(say_bye(&fixture->member, reason), 0);
    wait_for(fixture, 2, 0);
    assert_int_equal(fixture->coordinator.body_case, ISOBAR__V1__ENVELOPE__BODY_BYE);
    free(reason);
}

static void redials_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct end second = {.fixture = fixture};
    second.channel = channel_listen(fixture->loop, "tcp://127.0.0.1:0", on_message, &second, &fixture->error);
    assert_non_null(second.channel);
    char list[200];
    (void)snprintf(list, sizeof(list), " %s , %s", channel_endpoint(fixture->coordinator.channel),
                   channel_endpoint(second.channel));
    dial(fixture, list, "w", 1);
    say_until_heard(fixture, &fixture->member, "w", 1);
    wait_for(fixture, 1, 0);
    channel_redial(fixture->member.channel);
    assert_string_equal(channel_endpoint(fixture->member.channel), channel_endpoint(second.channel));
    say_until_heard(fixture, &fixture->member, "w", 1);
    UNTIL(fixture->loop, second.count > 0);
    assert_int_equal(fixture->coordinator.count, 1);
    /* Round to the first, from inside a callback. */
    fixture->member.redial = true;
    assert_int_equal(say(&second, "w", 1, 5), 0);
    wait_for(fixture, 1, 1);
    fixture->member.redial = false;
    run_for(fixture->loop, 1);
    assert_string_equal(channel_endpoint(fixture->member.channel), channel_endpoint(fixture->coordinator.channel));
    say_until_heard(fixture, &fixture->member, "w", 1);
    wait_for(fixture, 2, 1);
    channel_redial(fixture->coordinator.channel); /* means nothing */
    assert_int_equal(say(&fixture->coordinator, "w", 1, 6), 0);
    wait_for(fixture, 2, 2);
    channel_free(second.channel);
}

/* The same identity again, as soon as the coordinator has seen the old connection go. */
static void redials_the_same(void **state)
{
    struct fixture *fixture = *state;
    dial(fixture, channel_endpoint(fixture->coordinator.channel), "w", 1);
    fixture->coordinator.echo = true;
    for (int i = 0; i < 5; i++) {
        int heard = fixture->member.count;
        for (int tries = 0; fixture->member.count == heard; tries++) {
            assert_true(tries < 500);
            if (tries % 100 == 99)
                channel_redial(fixture->member.channel);
            (void)say(&fixture->member, "w", 1, i);
            run_for(fixture->loop, 5);
        }
        channel_redial(fixture->member.channel);
    }
}

/* ---- peers that are no members ---- */

struct raw {
    void *context, *socket;
};

static struct raw raw_dial(const char *endpoint, const char *identity)
{
    struct raw raw = {.context = zmq_ctx_new()};
    int zero = 0;
    raw.socket = zmq_socket(raw.context, ZMQ_DEALER);
    assert_int_equal(zmq_setsockopt(raw.socket, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    assert_int_equal(zmq_setsockopt(raw.socket, ZMQ_ROUTING_ID, identity, strlen(identity)), 0);
    assert_int_equal(zmq_connect(raw.socket, endpoint), 0);
    return raw;
}

static void raw_close(struct raw *raw)
{
    (void)zmq_close(raw->socket);
    (void)zmq_ctx_term(raw->context);
}

static void wait_rejected(struct fixture *fixture, struct end *end, int64_t count)
{
    UNTIL(fixture->loop, channel_rejected(end->channel) >= count);
    assert_int_equal(channel_rejected(end->channel), count);
}

static void strangers_are_counted(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter;
    uint8_t *bytes;
    size_t size = pack(heartbeat(&letter, "w", 1, 7), &bytes);
    struct raw raw = raw_dial(channel_endpoint(fixture->coordinator.channel), "liar/1");
    assert_int_equal(zmq_send(raw.socket, bytes, size, 0), size); /* says that it is w */
    assert_int_equal(zmq_send(raw.socket, "garbage", 7, 0), 7);
    assert_int_equal(zmq_send(raw.socket, "", 0, 0), 0);
    for (int i = 0; i < 5; i++) /* six frames */
        assert_int_equal(zmq_send(raw.socket, bytes, size, ZMQ_SNDMORE), size);
    assert_int_equal(zmq_send(raw.socket, bytes, size, 0), size);
    wait_rejected(fixture, &fixture->coordinator, 4);
    assert_int_equal(fixture->coordinator.count, 0);
    raw_close(&raw);
    /* An honest one still gets through, and one whose identity is the right one. */
    raw = raw_dial(channel_endpoint(fixture->coordinator.channel), "w/1");
    assert_int_equal(zmq_send(raw.socket, bytes, size, 0), size);
    wait_for(fixture, 1, 0);
    assert_int_equal(fixture->coordinator.number, 7);
    raw_close(&raw);
    free(bytes);
}

/* libzmq hangs up on a frame above the limit; the others go on. */
static void a_frame_too_large(void **state)
{
    struct fixture *fixture = *state;
    struct raw raw = raw_dial(channel_endpoint(fixture->coordinator.channel), "w/1");
    char *large = mem_alloc(CHANNEL_MAX_BYTES + 1);
    assert_int_equal(zmq_send(raw.socket, large, CHANNEL_MAX_BYTES + 1, 0), CHANNEL_MAX_BYTES + 1);
    dial(fixture, channel_endpoint(fixture->coordinator.channel), "w", 2);
    say_until_heard(fixture, &fixture->member, "w", 2);
    wait_for(fixture, 1, 0);
    run_for(fixture->loop, 50);
    assert_int_equal(fixture->coordinator.count, 1);
    assert_int_equal(channel_rejected(fixture->coordinator.channel), 0);
    raw_close(&raw);
    free(large);
}

/* A member takes only what is addressed to it, though its peer sends all kinds of things. */
static void a_strange_coordinator(void **state)
{
    struct fixture *fixture = *state;
    void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
    int zero = 0, one = 1;
    char endpoint[64];
    size_t endpoint_size = sizeof(endpoint);
    assert_int_equal(zmq_setsockopt(router, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    assert_int_equal(zmq_setsockopt(router, ZMQ_ROUTER_MANDATORY, &one, sizeof(one)), 0);
    assert_int_equal(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_size), 0);
    dial(fixture, endpoint, "w", 1);
    struct letter letter;
    uint8_t *mine, *other;
    size_t mine_size = pack(heartbeat(&letter, "w", 1, 7), &mine);
    size_t other_size = pack(heartbeat(&letter, "w", 2, 7), &other);
    UNTIL(fixture->loop, zmq_send(router, "w/1", 3, ZMQ_SNDMORE) >= 0);
    assert_int_equal(zmq_send(router, other, other_size, 0), other_size);
    assert_int_equal(zmq_send(router, "w/1", 3, ZMQ_SNDMORE), 3);
    assert_int_equal(zmq_send(router, mine, mine_size, ZMQ_SNDMORE), mine_size);
    assert_int_equal(zmq_send(router, mine, mine_size, 0), mine_size);
    wait_rejected(fixture, &fixture->member, 2);
    assert_int_equal(zmq_send(router, "w/1", 3, ZMQ_SNDMORE), 3);
    assert_int_equal(zmq_send(router, mine, mine_size, 0), mine_size);
    wait_for(fixture, 0, 1);
    free(mine);
    free(other);
    channel_free(fixture->member.channel);
    fixture->member.channel = NULL;
    (void)zmq_close(router);
    (void)zmq_ctx_term(context);
}

/* ---- set-up that fails ---- */

static void bad_arguments(void **state)
{
    struct fixture *fixture = *state;
    struct buf *error = &fixture->error;
    static const char *const endpoints[] = {"",
                                            "tcp://",
                                            "127.0.0.1:7070",
                                            "tcp://127.0.0.1",
                                            "tcp://127.0.0.1:99999",
                                            "tcp://127.0.0.1:1x",
                                            "tcp://127.0.0.1:",
                                            "tcp://:1",
                                            "tcp://a/b:1",
                                            "ipc://",
                                            "inproc://x",
                                            "tcp://127.0.0.1:1,",
                                            ",tcp://127.0.0.1:1",
                                            "tcp://127.0.0.1:1,udp://127.0.0.1:1",
                                            "tcp://127.0.0.1:1,tcp://x"};
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
        buf_reset(error);
        assert_null(channel_dial(fixture->loop, endpoints[i], "w", 1, on_message, &fixture->member, error));
        assert_true(error->size > 0);
        assert_null(channel_listen(fixture->loop, endpoints[i], on_message, &fixture->member, error));
    }
    buf_reset(error);
    assert_null(channel_dial(fixture->loop, "tcp://127.0.0.1:1", "w w", 1, on_message, &fixture->member, error));
    assert_non_null(strstr(error->data, "w w"));
    buf_reset(error);
    const char *taken = channel_endpoint(fixture->coordinator.channel);
    assert_null(channel_listen(fixture->loop, taken, on_message, &fixture->member, error));
    assert_non_null(strstr(error->data, taken));
    assert_non_null(strstr(error->data, "in use"));
    channel_free(NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(there_and_back),           T(nothing_stalls),        T(a_burst),
        T(a_peer_that_is_not_there), T(another_incarnation),   T(too_large),
        T(redials_the_next),         T(redials_the_same),      T(strangers_are_counted),
        T(a_frame_too_large),        T(a_strange_coordinator), T(bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
