/*
 * The connection to Redis against a peer of our own: what goes wrong. Every request must end exactly once whatever
 * happens.
 */
#include "store_fixture.h"

static void without_a_connection(void **state)
{
    struct fixture *fixture = *state;
    open_store(fixture, (struct store_config){.address = fixture->fake.address, .timeout_ms = 1000});
    SEND(fixture, "PING");
    assert_int_equal(fixture->answered, 0);
    wait_for(fixture, 1, 0, 0);
    assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], 1);
    assert_int_equal(store_outstanding(fixture->store), 0);
    wait_for(fixture, 1, 1, 0);
    assert_int_equal(fixture->fake.commands, 0); /* it was not sent later */
    assert_int_equal(fixture->downs, 0);
}

static void nobody_listens(void **state)
{
    struct fixture *fixture = *state;
    struct fake_redis *fake = &fixture->fake;
    loop_fd_remove(fake->listener_source);
    fake->listener_source = NULL;
    (void)close(fake->listener);
    fake->listener = -1;
    open_store(fixture, (struct store_config){.address = fake->address, .timeout_ms = 1000});
    wait_for(fixture, 0, 0, 1);
    assert_non_null(strstr(fixture->reason, "Connection refused"));
    run_for(fixture->loop, 300);
    assert_int_equal(fixture->downs, 1); /* the same reason is told once */
    assert_true(fixture->store->attempt >= 2 && fixture->store->attempt < 100);
    store_reconnect(fixture->store, "impatient"); /* without effect */
    assert_int_equal(fixture->ups, 0);
    store_free(fixture->store);
    open_store(fixture, (struct store_config){.address = "unix:/nonexistent/redis.sock", .timeout_ms = 1000});
    wait_for(fixture, 0, 0, 2);
    assert_string_equal(fixture->reason, "unix:/nonexistent/redis.sock: No such file or directory");
}

static void silence_in_the_greeting(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.ping = NULL;
    open_store(fixture, (struct store_config){.address = fixture->fake.address, .timeout_ms = 30});
    wait_for(fixture, 0, 0, 1);
    assert_non_null(strstr(fixture->reason, "no answer within 30 ms"));
    fixture->fake.ping = "-LOADING Redis is loading the dataset in memory\r\n";
    wait_for(fixture, 0, 0, 2); /* another reason */
    assert_non_null(strstr(fixture->reason, "LOADING"));
    fixture->fake.ping = "-MISCONF Errors writing to the AOF file\r\n";
    wait_for(fixture, 0, 1, 2); /* reads still work */
}

/* The answer that comes too late must not be taken for the next request's. */
static void a_late_answer(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 200);
    SEND(fixture, "GET", "a");
    wait_for(fixture, 1, 2, 1);
    assert_int_equal(fixture->by_status[-ERR_TIMEOUT], 1);
    assert_int_equal(fixture->fake.accepted, 2);
    fixture->fake.answers = "+right\r\n";
    SEND(fixture, "GET", "b");
    wait_for(fixture, 2, 2, 1);
    assert_string_equal(fixture->text, "right");
    assert_int_equal(fixture->fake.commands, 2); /* and nothing was sent twice */
}

/* The oldest request's time counts, also when younger ones came since. */
static void the_oldest_deadline(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 400);
    SEND(fixture, "GET", "a");
    run_for(fixture->loop, 200);
    SEND(fixture, "GET", "b");
    wait_for(fixture, 2, 1, 1);
    assert_int_equal(fixture->by_status[-ERR_TIMEOUT], 1);
    assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], 1);
}

/* Answered requests push the deadline on: a busy connection does not time out. */
static void a_busy_connection(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.answers = "+OK\r\n";
    open_fake(fixture, 400);
    for (int i = 1; i <= 25; i++) {
        SEND(fixture, "GET", "a");
        run_for(fixture->loop, 20);
        assert_int_equal(fixture->answered, i);
    }
    run_for(fixture->loop, 100);
    assert_int_equal(fixture->downs, 0);
}

static void the_peer_hangs_up(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 1000);
    for (int i = 0; i < 3; i++)
        SEND(fixture, "GET", "a");
    UNTIL(fixture->loop, fixture->fake.commands >= 3);
    fake_redis_say(&fixture->fake, "+first\r\n+sec"); /* one answer and a half */
    fake_redis_hang_up(&fixture->fake);
    wait_for(fixture, 3, 2, 1);
    assert_int_equal(fixture->by_status[0], 1);
    assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], 2);
    assert_string_equal(fixture->text, "first");
    SEND(fixture, "GET", "a");
    fake_redis_hang_up(&fixture->fake); /* before it was read: a reset */
    wait_for(fixture, 4, 3, 2);
    assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], 3);
}

static void the_peer_talks_nonsense(void **state)
{
    static const char *const rows[] = {"nonsense\r\n", "*99999999999999\r\n", "$-7\r\n", ":12x\r\n"};
    struct fixture *fixture = *state;
    open_fake(fixture, 1000);
    for (int i = 0; i < (int)(sizeof(rows) / sizeof(*rows)); i++) {
        fixture->fake.answers = rows[i];
        SEND(fixture, "GET", "a");
        wait_for(fixture, i + 1, i + 2, i + 1);
        assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], i + 1);
    }
}

static void an_answer_without_a_question(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 1000);
    fake_redis_say(&fixture->fake, "+OK\r\n");
    wait_for(fixture, 0, 2, 1);
    assert_non_null(strstr(fixture->reason, "without a question"));
    fake_redis_say(&fixture->fake, "-ERR max number of clients reached\r\n");
    wait_for(fixture, 0, 3, 2);
    assert_non_null(strstr(fixture->reason, "max number"));
}

static void an_answer_in_pieces(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 5000);
    SEND(fixture, "GET", "a");
    static const char answer[] = "*3\r\n$5\r\nhello\r\n:-42\r\n*1\r\n$-1\r\n";
    for (const char *at = answer; *at != '\0'; at++) {
        assert_int_equal(fixture->answered, 0);
        fake_redis_say(&fixture->fake, (const char[]){*at, '\0'});
        run_for(fixture->loop, 1);
    }
    wait_for(fixture, 1, 1, 0);
    assert_int_equal(fixture->type, STORE_ARRAY);
}

static void reconnects_when_told(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 1000);
    for (int i = 0; i < 4; i++)
        SEND(fixture, "GET", "a");
    fixture->inside = true;
    store_reconnect(fixture->store, "the answer was strange");
    store_reconnect(fixture->store, "once more");
    fixture->inside = false;
    assert_false(store_up(fixture->store));
    assert_int_equal(fixture->answered, 0);
    wait_for(fixture, 4, 2, 1);
    assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], 4);
    assert_non_null(strstr(fixture->reason, "the answer was strange"));
    assert_int_equal(fixture->fake.accepted, 2);
}

static void on_first_reply(void *arg, int status, const struct store_reply *reply)
{
    struct fixture *fixture = arg;
    store_reconnect(fixture->store, "from a callback");
    SEND(fixture, "GET", "b"); /* not sent: there is no connection */
    on_reply(arg, status, reply);
}

/* The context goes while a batch of answers is being read. */
static void reconnects_from_a_callback(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 1000);
    store_send(fixture->store, on_first_reply, fixture, "GET", "a", NULL);
    SEND(fixture, "GET", "a");
    SEND(fixture, "GET", "a");
    UNTIL(fixture->loop, fixture->fake.commands >= 3);
    fake_redis_say(&fixture->fake, "+one\r\n+two\r\n+three\r\n");
    wait_for(fixture, 4, 2, 1);
    assert_int_equal(fixture->by_status[0], 1);
    assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], 3);
    assert_string_equal(fixture->text, "one");
}

static void callbacks_that_ask_again(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 1000);
    SEND(fixture, "GET", "a");
    fixture->again = 3;
    store_reconnect(fixture->store, "test");
    wait_for(fixture, 4, 2, 1);
    assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], 4);
}

static void free_ends_everything(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 1000);
    for (int i = 0; i < 3; i++)
        SEND(fixture, "GET", "a");
    struct store_script script;
    store_script_init(&script, "one", "return 1");
    store_eval(fixture->store, &script, 0, 0, NULL, NULL, on_reply, fixture);
    fixture->again = 2;
    store_free(fixture->store);
    assert_int_equal(fixture->answered, 6);
    assert_int_equal(fixture->by_status[-ERR_UNAVAILABLE], 6);
    assert_int_equal(fixture->downs, 0);
    open_store(fixture, (struct store_config){.address = fixture->fake.address, .timeout_ms = 1000});
    SEND(fixture, "GET", "a");
    store_free(fixture->store); /* before the loop ran */
    assert_int_equal(fixture->answered, 7);
    fixture->store = NULL;
    run_for(fixture->loop, 5);
    assert_int_equal(fixture->answered, 7);
    store_free(NULL);
}

/* The script is unknown, and the connection goes while it is being loaded. */
static void a_connection_lost_while_loading(void **state)
{
    struct fixture *fixture = *state;
    struct store_script script;
    store_script_init(&script, "one", "return 1");
    open_fake(fixture, 1000);
    store_eval(fixture->store, &script, 0, 0, NULL, NULL, on_reply, fixture);
    UNTIL(fixture->loop, fixture->fake.commands >= 1);
    fake_redis_say(&fixture->fake, "-NOSCRIPT No matching script.\r\n");
    UNTIL(fixture->loop, fixture->fake.commands >= 2);
    fake_redis_hang_up(&fixture->fake);
    wait_for(fixture, 1, 2, 1);
    assert_int_equal(fixture->by_status[-ERR_REFUSED], 1);
}

/* A subscribed connection says nothing by itself: the ping finds out. */
static void a_dead_subscription(void **state)
{
    struct fixture *fixture = *state;
    open_store(fixture, (struct store_config){.address = fixture->fake.address, .timeout_ms = 200});
    store_subscribe(fixture->store, "updates", on_message, fixture);
    wait_for(fixture, 0, 1, 0);
    assert_true(loop_timer_armed(fixture->store->ping_timer));
    fake_redis_say(&fixture->fake, "*3\r\n$7\r\nmessage\r\n$7\r\nupdates\r\n$2\r\nhi\r\n");
    fake_redis_say(&fixture->fake, "*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$2\r\nno\r\n");
    fixture->done = false;
    assert_int_equal(loop_run_until(fixture->loop, &fixture->done, LIMIT_MS), 0);
    assert_string_equal(fixture->message, "hi");
    fixture->fake.ping = NULL;
    store_ping(fixture->store);
    wait_for(fixture, 0, 1, 1);
    assert_false(loop_timer_armed(fixture->store->ping_timer));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_a_connection),
        T(nobody_listens),
        T(silence_in_the_greeting),
        T(a_late_answer),
        T(the_oldest_deadline),
        T(a_busy_connection),
        T(the_peer_hangs_up),
        T(the_peer_talks_nonsense),
        T(an_answer_without_a_question),
        T(an_answer_in_pieces),
        T(reconnects_when_told),
        T(reconnects_from_a_callback),
        T(callbacks_that_ask_again),
        T(free_ends_everything),
        T(a_connection_lost_while_loading),
        T(a_dead_subscription),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
