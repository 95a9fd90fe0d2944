/* Entries for Redis' streams, with a real Redis that comes and goes. */
#include "../../coordinator/backlog.h"

#include "buf.h"
#include "error.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define LIMIT_MS 10000

struct fixture {
    struct redis_server server;
    struct store_sync *redis;
    struct loop *loop;
    struct store *store;
    struct backlog backlog;
};

#define WAIT(f, condition)                                                                                             \
    do {                                                                                                               \
        int64_t end_ms = clock_monotonic_ms() + LIMIT_MS;                                                              \
        while (!(condition) && clock_monotonic_ms() < end_ms)                                                          \
            (void)!loop_run_until((f)->loop, &(bool){false}, 5);                                                       \
        assert_true(condition);                                                                                        \
    } while (0)

static void add(struct fixture *f, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    const char *words[] = {"XADD", "t:audit", "*", "what", text};
    backlog_add(&f->backlog, 5, words, 1000 + number);
}

static struct store_reply *ask(struct fixture *f, const char *a, const char *b, const char *c, const char *d)
{
    struct buf error = BUF_EMPTY;
    struct store_reply *reply = store_sync_send(f->redis, &error, a, b, c, d, NULL);
    if (!reply)
        fail_msg("%s", error.data);
    buf_release(&error);
    return reply;
}

static int64_t length(struct fixture *f)
{
    struct store_reply *reply = ask(f, "XLEN", "t:audit", NULL, NULL);
    int64_t count = reply->integer;
    store_reply_free(reply);
    return count;
}

/* The stream has entries first … last in this order, with their own time from `late` on. */
static void stream_has(struct fixture *f, int first, int last, int late)
{
    struct store_reply *reply = ask(f, "XRANGE", "t:audit", "-", "+");
    assert_int_equal(reply->count, last - first + 1);
    for (int i = first; i <= last; i++) {
        const struct store_reply *fields = reply->elements[i - first]->elements[1];
        assert_int_equal(atoi(fields->elements[1]->text), i);
        assert_int_equal(fields->count, i >= late ? 4 : 2);
        if (i >= late)
            assert_int_equal(atoi(fields->elements[3]->text), 1000 + i);
    }
    store_reply_free(reply);
}

static void what_cannot_be_written_is_written_later(void **state)
{
    struct fixture *f = *state;
    WAIT(f, store_up(f->store));
    add(f, 1);
    add(f, 2);
    WAIT(f, f->backlog.count == 0);
    store_reconnect(f->store, "test");
    assert_false(store_up(f->store));
    add(f, 3);
    add(f, 4);
    assert_int_equal(f->backlog.count, 2);
    backlog_flush(&f->backlog);
    assert_int_equal(f->backlog.count, 2);
    WAIT(f, store_up(f->store));
    add(f, 5); /* does not overtake the others */
    WAIT(f, f->backlog.count == 0);
    assert_int_equal(backlog_lost(&f->backlog), 0);
    static const char *const late[] = {NULL, NULL, "1003", "1004", NULL}; /* the stream has the time of the others */
    struct store_reply *reply = ask(f, "XRANGE", "t:audit", "-", "+");
    assert_int_equal(reply->count, 5);
    for (int i = 0; i < 5; i++) {
        const struct store_reply *fields = reply->elements[i]->elements[1];
        assert_int_equal(atoi(fields->elements[1]->text), i + 1);
        assert_int_equal(fields->count, late[i] ? 4 : 2);
        if (late[i])
            assert_string_equal(fields->elements[3]->text, late[i]);
    }
    store_reply_free(reply);
}

/* Redis takes commands and answers none of them: nobody knows what it did, so that they are sent again. */
static void what_has_no_answer_is_sent_again(void **state)
{
    struct fixture *f = *state;
    WAIT(f, store_up(f->store));
    add(f, 1);
    WAIT(f, f->backlog.count == 0);
    assert_int_equal(kill(f->server.pid, SIGSTOP), 0);
    add(f, 2);
    add(f, 3);
    WAIT(f, !store_up(f->store));
    assert_int_equal(f->backlog.count, 2);
    assert_int_equal(kill(f->server.pid, SIGCONT), 0);
    WAIT(f, length(f) == 3); /* it did it after all */
    store_reply_free(ask(f, "DEL", "t:audit", NULL, NULL));
    WAIT(f, store_up(f->store));
    backlog_flush(&f->backlog);
    WAIT(f, f->backlog.count == 0);
    stream_has(f, 2, 3, 2);
}

static void it_is_bounded_and_tells_what_it_lost(void **state)
{
    struct fixture *f = *state;
    WAIT(f, store_up(f->store));
    store_reconnect(f->store, "test");
    for (int i = 1; i <= BACKLOG_MAX + 7; i++)
        add(f, i);
    assert_int_equal(f->backlog.count, BACKLOG_MAX);
    assert_int_equal(backlog_lost(&f->backlog), 0); /* not now */
    WAIT(f, store_up(f->store));
    backlog_flush(&f->backlog);
    WAIT(f, f->backlog.count == 0);
    assert_int_equal(backlog_lost(&f->backlog), 7);
    assert_int_equal(backlog_lost(&f->backlog), 0);
    stream_has(f, 1, BACKLOG_MAX, 1);
}

/* A key of another type refuses for ever. */
static void a_refusal_is_final(void **state)
{
    struct fixture *f = *state;
    WAIT(f, store_up(f->store));
    store_reply_free(ask(f, "MSET", "t:audit", "a string", NULL));
    add(f, 1);
    WAIT(f, f->backlog.count == 0);
}

static int begin(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    struct buf error = BUF_EMPTY;
    log_setup("test", LOG_ERROR, false);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!redis_server_start(&f->server, NULL))
        return -1;
    struct store_config config = {.address = f->server.address, .timeout_ms = 500};
    struct store_config patient = {.address = f->server.address, .timeout_ms = LIMIT_MS};
    f->redis = store_sync_new(&patient, &error);
    f->loop = loop_new();
    f->store = store_new(f->loop, &config, NULL, NULL, &error);
    backlog_init(&f->backlog, f->store);
    buf_release(&error);
    *state = f;
    return f->redis && f->store ? 0 : -1;
}

static int end(void **state)
{
    struct fixture *f = *state;
    (void)kill(f->server.pid, SIGCONT);
    add(f, 99); /* on the way, or waiting, at the end */
    store_free(f->store);
    backlog_release(&f->backlog);
    store_sync_free(f->redis);
    loop_free(f->loop);
    redis_server_stop(&f->server);
    free(f);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_cannot_be_written_is_written_later),
        T(what_has_no_answer_is_sent_again),
        T(it_is_bounded_and_tells_what_it_lost),
        T(a_refusal_is_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
