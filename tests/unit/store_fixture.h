/*
 * A connection to Redis under test, with a real redis-server and a peer of our own to connect to, and what its
 * callbacks saw. Nothing sleeps: the loop runs until a condition holds, and time-outs are some tens of milliseconds.
 */
#ifndef ISOBAR_TEST_STORE_FIXTURE_H
#define ISOBAR_TEST_STORE_FIXTURE_H

#include "error.h"
#include "fake_redis.h"
#include "loop_kit.h"
#include "mem.h"
#include "redis_server.h"
#include "store.h"
#include "store_internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct redis_server server;

/* What the callbacks of one test saw. */
struct fixture {
    struct loop *loop;
    struct fake_redis fake;
    struct store *store;
    bool done;      /* what the test waits for came */
    int ups, downs; /* calls of the state callback */
    int wanted_ups, wanted_downs;
    char reason[256];
    int answered, wanted; /* requests */
    int by_status[16];    /* index -status */
    int64_t sum;          /* of integers answered */
    char text[256];       /* last text answered */
    enum store_type type;
    char message[64];
    bool inside; /* a function of the store is being called: no callback may run */
    int again;   /* requests that callbacks make when they hear of a failure */
};

static inline void check(struct fixture *fixture)
{
    fixture->done = fixture->answered >= fixture->wanted && fixture->ups >= fixture->wanted_ups &&
                    fixture->downs >= fixture->wanted_downs;
}

static inline void on_state(void *arg, bool up, const char *reason)
{
    struct fixture *fixture = arg;
    assert_false(fixture->inside);
    assert_true(up == store_up(fixture->store));
    fixture->ups += up;
    fixture->downs += !up;
    if (!up)
        (void)snprintf(fixture->reason, sizeof(fixture->reason), "%s", reason);
    check(fixture);
}

static inline void on_reply(void *arg, int status, const struct store_reply *reply)
{
    struct fixture *fixture = arg;
    assert_false(fixture->inside);
    assert_true((status == 0) == (reply != NULL));
    fixture->answered++;
    fixture->by_status[-status]++;
    if (reply != NULL) {
        fixture->sum += reply->integer;
        fixture->type = reply->type;
        (void)snprintf(fixture->text, sizeof(fixture->text), "%s", reply->text);
    } else if (fixture->again > 0) {
        fixture->again--;
        store_send(fixture->store, on_reply, fixture, "PING", NULL);
    }
    check(fixture);
}

static inline void on_message(void *arg, const char *channel, const char *text, size_t size)
{
    struct fixture *fixture = arg;
    assert_string_equal(channel, "updates");
    (void)snprintf(fixture->message, sizeof(fixture->message), "%.*s", (int)size, text);
    fixture->done = true;
}

/* Runs the loop until so many requests were answered and so many state changes seen, counted from the start.
 */
static inline void wait_for(struct fixture *fixture, int answered, int ups, int downs)
{
    fixture->wanted = answered;
    fixture->wanted_ups = ups;
    fixture->wanted_downs = downs;
    check(fixture);
    assert_int_equal(loop_run_until(fixture->loop, &fixture->done, LIMIT_MS), 0);
}

#define SEND(fixture, ...)                                                                                             \
    do {                                                                                                               \
        (fixture)->inside = true;                                                                                      \
        store_send((fixture)->store, on_reply, (fixture), __VA_ARGS__, NULL);                                          \
        (fixture)->inside = false;                                                                                     \
    } while (0)

static inline int begin(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof(*fixture));
    fixture->loop = loop_new();
    fake_redis_start(&fixture->fake, fixture->loop);
    *state = fixture;
    return fixture->loop == NULL ? -1 : 0;
}

static inline int end(void **state)
{
    struct fixture *fixture = *state;
    store_free(fixture->store);
    fake_redis_stop(&fixture->fake);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static inline void open_store(struct fixture *fixture, struct store_config config)
{
    struct buf error;
    buf_init(&error);
    fixture->store = store_new(fixture->loop, &config, on_state, fixture, &error);
    if (fixture->store == NULL)
        fail_msg("%s", error.data);
    buf_release(&error);
    assert_false(store_up(fixture->store));
}

/* Connected to the real server. */
static inline void open_real(struct fixture *fixture)
{
    open_store(fixture, (struct store_config){.address = server.address, .timeout_ms = 5000});
    wait_for(fixture, 0, 1, 0);
}

/* Connected to the peer of our own, which answers only the greeting. */
static inline void open_fake(struct fixture *fixture, int64_t timeout_ms)
{
    open_store(fixture, (struct store_config){.address = fixture->fake.address, .timeout_ms = timeout_ms});
    wait_for(fixture, 0, 1, 0);
}

static inline int start(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    return redis_server_start(&server, NULL) ? 0 : -1;
}

static inline int stop(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

#endif
