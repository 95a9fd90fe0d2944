/*
 * The channel with CURVE over real sockets on loopback: who is let in, who is heard as whom, and what is told of those
 * who are not. Also a connection that is half open, and whose word leads where.
 */
#include "allow.h"
#include "channel.h"
#include "clock.h"
#include "error.h"
#include "log.h"
#include "loop_kit.h"
#include "mem.h"
#include "temp_directory.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>
// clang-format off
#include <cmocka.h>
// clang-format on

struct fixture {
    struct loop *loop;
    struct curve_server server;
    struct curve_pair worker, fetcher, operator, stranger;
    struct curve_client client;
    struct channel *coordinator, *member;
    int heard, answered;
    char last[80];
};

static void on_coordinator(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct fixture *fixture = arg;
    fixture->heard++;
    snprintf(fixture->last, sizeof fixture->last, "%s", envelope->member);
}

static void on_member(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct fixture *fixture = arg;
    (void)envelope;
    fixture->answered++;
}

/* ---- who is there ---- */

static struct allow *list_of(const struct fixture *fixture, bool with_worker)
{
    struct buf text = BUF_EMPTY, error = BUF_EMPTY;
    if (with_worker)
        buf_printf(&text, "worker-1 worker %s\n", fixture->worker.public_key);
    buf_printf(&text, "fetcher-1 fetcher %s\nroot operator,worker %s\n", fixture->fetcher.public_key,
               fixture->operator.public_key);
    struct allow *allow = allow_parse("list", text.data, &error);
    assert_non_null(allow);
    buf_release(&text);
    buf_release(&error);
    return allow;
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    log_setup("test", LOG_ERROR, false);
    fixture->loop = loop_new();
    struct curve_pair *pairs[] = {&fixture->worker, &fixture->fetcher, &fixture->operator, & fixture->stranger,
                                  &fixture->server.pair};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_int_equal(curve_pair_make(pairs[i]), 0);
    fixture->server.allow = list_of(fixture, true);
    fixture->client.server_count = 1;
    fixture->client.servers[0].count = 1;
    memcpy(fixture->client.servers[0].list[0], fixture->server.pair.public_key, CURVE_KEY_BYTES);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    channel_free(fixture->member);
    channel_free(fixture->coordinator);
    allow_free(fixture->server.allow);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void listen_here(struct fixture *fixture, bool curve)
{
    struct buf error = BUF_EMPTY;
    fixture->coordinator = channel_listen_curve(fixture->loop, "tcp://127.0.0.1:0", curve ? &fixture->server : NULL,
                                                on_coordinator, fixture, &error);
    assert_non_null(fixture->coordinator);
    buf_release(&error);
}

/* As `id` with the pair's key; plain when it is NULL. */
static void dial(struct fixture *fixture, const char *id, const struct curve_pair *pair)
{
    struct buf error = BUF_EMPTY;
    struct channel_member member = {.id = id, .incarnation = 1, .curve = pair ? &fixture->client : NULL};
    channel_free(fixture->member);
    if (pair)
        fixture->client.pair = *pair;
    fixture->member =
        channel_dial_as(fixture->loop, channel_endpoint(fixture->coordinator), &member, on_member, fixture, &error);
    assert_non_null(fixture->member);
    buf_release(&error);
}

static int say(struct fixture *fixture, const char *id, Isobar__V1__Envelope *envelope)
{
    envelope->format = 1;
    envelope->member = (char *)id;
    envelope->incarnation = 1;
    return channel_send(fixture->member, envelope);
}

static int hello(struct fixture *fixture, const char *id, Isobar__V1__Role role)
{
    Isobar__V1__Envelope envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Hello body = ISOBAR__V1__HELLO__INIT;
    body.role = role;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    envelope.hello = &body;
    return say(fixture, id, &envelope);
}

static void connect_and_say(struct fixture *fixture, const char *id, Isobar__V1__Role role)
{
    UNTIL(fixture->loop, hello(fixture, id, role) == 0);
}

/* Nothing gets through: the member cannot even send. */
static void nothing_in(struct fixture *fixture, const char *id)
{
    for (int i = 0; i < 20; i++) {
        assert_int_equal(hello(fixture, id, ISOBAR__V1__ROLE__WORKER), ERR_UNAVAILABLE);
        run_for(fixture->loop, 5);
    }
    assert_int_equal(fixture->heard, 0);
}

/* ---- let in, and heard ---- */

static void who_is_in_the_list_is_heard(void **state)
{
    struct fixture *fixture = *state;
    listen_here(fixture, true);
    dial(fixture, "worker-1", &fixture->worker);
    connect_and_say(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER);
    UNTIL(fixture->loop, fixture->heard == 1);
    assert_string_equal(fixture->last, "worker-1");
    assert_int_equal(channel_refused(fixture->coordinator), 0);
    assert_int_equal(channel_rejected(fixture->coordinator), 0);
    assert_null(channel_trouble(fixture->member));
    Isobar__V1__Envelope answer = ISOBAR__V1__ENVELOPE__INIT;
    answer.format = 1;
    answer.member = (char *)"worker-1";
    answer.incarnation = 1;
    assert_int_equal(channel_send(fixture->coordinator, &answer), 0);
    UNTIL(fixture->loop, fixture->answered == 1);
}

static void a_strangers_key_is_refused(void **state)
{
    struct fixture *fixture = *state;
    listen_here(fixture, true);
    dial(fixture, "worker-1", &fixture->stranger);
    UNTIL(fixture->loop, channel_refused(fixture->coordinator) > 0 && channel_trouble(fixture->member));
    assert_non_null(strstr(channel_trouble(fixture->member), "allow file"));
    nothing_in(fixture, "worker-1");
}

static void another_server_key_is_refused(void **state)
{
    struct fixture *fixture = *state;
    listen_here(fixture, true);
    memcpy(fixture->client.servers[0].list[0], fixture->stranger.public_key, CURVE_KEY_BYTES);
    dial(fixture, "worker-1", &fixture->worker);
    UNTIL(fixture->loop, channel_refused(fixture->coordinator) > 0 && channel_trouble(fixture->member));
    assert_non_null(strstr(channel_trouble(fixture->member), "server-key"));
    nothing_in(fixture, "worker-1");
}

static void put_keys(const char *path, const struct curve_pair *const *pairs, size_t count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "# one of them\n%s\n", pairs[i]->public_key);
    assert_int_equal(fclose(file), 0);
}

/* The coordinator comes back with another key, at the same place, and the member that runs says something to it. */
static void roll(struct fixture *fixture, const struct curve_pair *pair)
{
    char endpoint[64];
    struct buf error = BUF_EMPTY;
    int heard = fixture->heard;
    snprintf(endpoint, sizeof endpoint, "%s", channel_endpoint(fixture->coordinator));
    channel_free(fixture->coordinator);
    fixture->server.pair = *pair;
    fixture->coordinator =
        channel_listen_curve(fixture->loop, endpoint, &fixture->server, on_coordinator, fixture, &error);
    assert_non_null(fixture->coordinator);
    UNTIL(fixture->loop, hello(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER) == 0 && fixture->heard > heard);
    buf_release(&error);
}

/* A server's key is replaced: the member has both for a while, from a file that is changed as it runs. */
static void a_server_key_can_be_replaced(void **state)
{
    struct fixture *fixture = *state;
    char directory[TEMP_DIRECTORY_BYTES], path[TEMP_DIRECTORY_BYTES + 16];
    assert_true(temp_directory(directory));
    snprintf(path, sizeof path, "%s/keys", directory);
    const struct curve_pair old = fixture->server.pair, new = fixture->operator;
    put_keys(path, (const struct curve_pair *[]){&new, &old}, 2); /* in any order */
    fixture->client.servers[0].file = path;
    fixture->client.pair = fixture->worker;
    assert_true(curve_client_refresh(&fixture->client));
    assert_false(curve_client_refresh(&fixture->client));
    assert_int_equal(fixture->client.servers[0].count, 2);
    listen_here(fixture, true);
    dial(fixture, "worker-1", &fixture->worker);
    connect_and_say(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER);
    UNTIL(fixture->loop, fixture->heard == 1);
    roll(fixture, &new);
    roll(fixture, &old); /* and back, when it was too early */
    roll(fixture, &new);
    /* The old one is taken out, and a third comes in, without a word to the member. */
    put_keys(path, (const struct curve_pair *[]){&fixture->fetcher}, 1);
    roll(fixture, &fixture->fetcher);
    assert_int_equal(fixture->client.servers[0].count, 1);
    put_keys(path, NULL, 0); /* a file that is no good changes nothing */
    assert_false(curve_client_refresh(&fixture->client));
    assert_string_equal(fixture->client.servers[0].list[0], fixture->fetcher.public_key);
    /* None of the keys: it stays refused, and says so. */
    put_keys(path, (const struct curve_pair *[]){&old, &new}, 2);
    assert_true(curve_client_refresh(&fixture->client));
    dial(fixture, "worker-1", &fixture->worker);
    UNTIL(fixture->loop, channel_trouble(fixture->member) && strstr(channel_trouble(fixture->member), "server-key"));
    assert_int_equal(hello(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER), ERR_UNAVAILABLE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void plain_to_curve_and_curve_to_plain_are_refused(void **state)
{
    struct fixture *fixture = *state;
    listen_here(fixture, true);
    dial(fixture, "worker-1", NULL);
    UNTIL(fixture->loop, channel_refused(fixture->coordinator) > 0 && channel_trouble(fixture->member));
    assert_non_null(strstr(channel_trouble(fixture->member), "CURVE"));
    nothing_in(fixture, "worker-1");
    channel_free(fixture->coordinator);
    listen_here(fixture, false);
    dial(fixture, "worker-1", &fixture->worker);
    UNTIL(fixture->loop, channel_refused(fixture->coordinator) > 0 && channel_trouble(fixture->member));
    assert_non_null(strstr(channel_trouble(fixture->member), "CURVE"));
    nothing_in(fixture, "worker-1");
}

/* A good key, and another's name: each message is refused, and the next as oneself is heard. */
static void nobody_speaks_for_another(void **state)
{
    struct fixture *fixture = *state;
    listen_here(fixture, true);
    dial(fixture, "worker-1", &fixture->fetcher);
    connect_and_say(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER);
    UNTIL(fixture->loop, channel_rejected(fixture->coordinator) == 1);
    assert_int_equal(hello(fixture, "worker-1", ISOBAR__V1__ROLE__FETCHER), 0);
    UNTIL(fixture->loop, channel_rejected(fixture->coordinator) == 2);
    assert_int_equal(fixture->heard, 0);
    dial(fixture, "fetcher-1", &fixture->fetcher);
    connect_and_say(fixture, "fetcher-1", ISOBAR__V1__ROLE__WORKER); /* not its role */
    UNTIL(fixture->loop, channel_rejected(fixture->coordinator) == 3);
    connect_and_say(fixture, "fetcher-1", ISOBAR__V1__ROLE__FETCHER);
    UNTIL(fixture->loop, fixture->heard == 1);
}

/* A list that is read again holds for connections that stand. */
static void who_is_taken_off_is_not_heard(void **state)
{
    struct fixture *fixture = *state;
    listen_here(fixture, true);
    dial(fixture, "worker-1", &fixture->worker);
    connect_and_say(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER);
    UNTIL(fixture->loop, fixture->heard == 1);
    allow_free(fixture->server.allow);
    fixture->server.allow = list_of(fixture, false);
    assert_int_equal(hello(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER), 0);
    UNTIL(fixture->loop, channel_rejected(fixture->coordinator) == 1);
    dial(fixture, "worker-1", &fixture->worker);
    UNTIL(fixture->loop, channel_refused(fixture->coordinator) == 1);
    assert_int_equal(fixture->heard, 1);
}

/* ---- a connection that is half open ---- */

static void put(int fd, const void *bytes, size_t size)
{
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
}

/* ZMTP 3.0 by hand: a DEALER of that identity that never says anything again, not even when it is asked. */
static int half_open(struct fixture *fixture, const char *identity)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned char greeting[64] = {0xff, [9] = 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    const char *const words[] = {"Socket-Type", "DEALER", "Identity", identity};
    struct buf ready = BUF_EMPTY;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_port = htons((uint16_t)atoi(strrchr(channel_endpoint(fixture->coordinator), ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    put(fd, greeting, sizeof greeting);
    buf_text(&ready, "\x05READY");
    for (int i = 0; i < 4; i++) { /* a value has four bytes of length, a name one */
        buf_append(&ready, "\0\0\0", i % 2 ? 3 : 0);
        buf_byte(&ready, (char)strlen(words[i]));
        buf_text(&ready, words[i]);
    }
    put(fd, (const unsigned char[]){4, (unsigned char)ready.size}, 2);
    put(fd, ready.data, ready.size);
    buf_release(&ready);
    return fd;
}

/* It held the identity until ZMTP's heartbeats had failed, up to 8 s. */
static void a_redial_takes_its_place_over(void **state)
{
    struct fixture *fixture = *state;
    listen_here(fixture, false);
    int fd = half_open(fixture, "worker-1/1");
    Isobar__V1__Envelope probe = ISOBAR__V1__ENVELOPE__INIT;
    probe.format = 1;
    probe.member = (char *)"worker-1";
    probe.incarnation = 1;
    UNTIL(fixture->loop, channel_send(fixture->coordinator, &probe) == 0); /* the coordinator takes it for the member */
    int64_t dialled_ms = clock_monotonic_ms();
    dial(fixture, "worker-1", NULL);
    connect_and_say(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER);
    UNTIL(fixture->loop, fixture->heard == 1);
    assert_int_equal(channel_send(fixture->coordinator, &probe), 0);
    UNTIL(fixture->loop, fixture->answered == 1);
    assert_true(clock_monotonic_ms() - dialled_ms < 2000);
    (void)close(fd);
}

/* ---- whose word leads where ---- */

static void where_a_word_may_lead(void **state)
{
    struct fixture *fixture = *state;
    char far[] = "tcp://192.0.2.1:7070", near[] = "tcp://127.0.0.1:7";
    listen_here(fixture, false);
    dial(fixture, "worker-1", NULL);
    assert_true(channel_may_dial(fixture->member, channel_endpoint(fixture->coordinator), false));
    assert_true(channel_may_dial(fixture->member, near, false));
    assert_false(channel_may_dial(fixture->member, far, false));
    assert_true(channel_may_dial(fixture->member, far, true));
    static const char *const bad[] = {
        "", "tcp://127.0.0.1:0", "tcp://x", "ipc:///tmp/x", "tcp://a:1,tcp://b:1", "inproc://x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(channel_may_dial(fixture->member, bad[i], true));
        assert_int_equal(channel_redial_to(fixture->member, bad[i]), ERR_INVALID);
    }
    /* With CURVE: one key of all tells who is right, wherever; a key per endpoint knows those only. */
    dial(fixture, "worker-1", &fixture->worker);
    assert_true(channel_may_dial(fixture->member, far, false));
    fixture->client.server_count = 2;
    assert_false(channel_may_dial(fixture->member, far, false));
    assert_true(channel_may_dial(fixture->member, channel_endpoint(fixture->coordinator), false));
    fixture->client.server_count = 1;
}

/* To an endpoint that is not in the list, and back to the list. */
static void dials_where_it_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct buf error = BUF_EMPTY;
    listen_here(fixture, true);
    struct channel_member member = {.id = "worker-1", .incarnation = 1, .curve = &fixture->client};
    fixture->client.pair = fixture->worker;
    fixture->member = channel_dial_as(fixture->loop, "tcp://127.0.0.1:1", &member, on_member, fixture, &error);
    assert_non_null(fixture->member);
    assert_int_equal(channel_redial_to(fixture->member, channel_endpoint(fixture->coordinator)), 0);
    assert_string_equal(channel_endpoint(fixture->member), channel_endpoint(fixture->coordinator));
    connect_and_say(fixture, "worker-1", ISOBAR__V1__ROLE__WORKER);
    UNTIL(fixture->loop, fixture->heard == 1);
    channel_redial(fixture->member);
    assert_string_equal(channel_endpoint(fixture->member), "tcp://127.0.0.1:1");
    fixture->client.server_count = 2;
    assert_null(channel_dial_as(fixture->loop, "tcp://127.0.0.1:1", &member, on_member, fixture, &error));
    assert_non_null(strstr(error.data, "server key"));
    fixture->client.server_count = 1;
    buf_release(&error);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_is_in_the_list_is_heard),
        T(a_strangers_key_is_refused),
        T(another_server_key_is_refused),
        T(a_server_key_can_be_replaced),
        T(plain_to_curve_and_curve_to_plain_are_refused),
        T(nobody_speaks_for_another),
        T(who_is_taken_off_is_not_heard),
        T(a_redial_takes_its_place_over),
        T(where_a_word_may_lead),
        T(dials_where_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
