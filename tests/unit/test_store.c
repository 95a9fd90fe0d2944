/*
 * The connection to Redis: against a real redis-server for what Redis does, against a peer of our own for
 * what goes wrong. Every request must end exactly once whatever happens. Nothing sleeps: the loop runs until
 * a condition holds, and time-outs are some tens of milliseconds.
 */
#include "error.h"
#include "fake_redis.h"
#include "loop.h"
#include "mem.h"
#include "redis_server.h"
#include "store.h"
#include "store_internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LIMIT_MS 10000

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

static void check(struct fixture *fixture)
{
    fixture->done = fixture->answered >= fixture->wanted && fixture->ups >= fixture->wanted_ups &&
                    fixture->downs >= fixture->wanted_downs;
}

static void on_state(void *arg, bool up, const char *reason)
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

static void on_reply(void *arg, int status, const struct store_reply *reply)
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

static void on_message(void *arg, const char *channel, const char *text, size_t size)
{
    struct fixture *fixture = arg;
    assert_string_equal(channel, "updates");
    (void)snprintf(fixture->message, sizeof(fixture->message), "%.*s", (int)size, text);
    fixture->done = true;
}

/* Runs the loop until so many requests were answered and so many state changes seen, counted from the start.
 */
static void wait_for(struct fixture *fixture, int answered, int ups, int downs)
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

static int begin(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof(*fixture));
    fixture->loop = loop_new();
    fake_redis_start(&fixture->fake, fixture->loop);
    *state = fixture;
    return fixture->loop == NULL ? -1 : 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    store_free(fixture->store);
    fake_redis_stop(&fixture->fake);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void open_store(struct fixture *fixture, struct store_config config)
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
static void open_real(struct fixture *fixture)
{
    open_store(fixture, (struct store_config){.address = server.address, .timeout_ms = 5000});
    wait_for(fixture, 0, 1, 0);
}

/* Connected to the peer of our own, which answers only the greeting. */
static void open_fake(struct fixture *fixture, int64_t timeout_ms)
{
    open_store(fixture, (struct store_config){.address = fixture->fake.address, .timeout_ms = timeout_ms});
    wait_for(fixture, 0, 1, 0);
}

static void on_flag(void *arg)
{
    *(bool *)arg = true;
}

/* Lets the loop turn for a while, to see that nothing more happens. */
static void run_for(struct fixture *fixture, int64_t ms)
{
    bool done = false;
    struct loop_timer *timer = loop_timer_new(fixture->loop, on_flag, &done);
    loop_timer_set(timer, ms, 0);
    assert_int_equal(loop_run_until(fixture->loop, &done, LIMIT_MS), 0);
    loop_timer_free(timer);
}

/* ---- pure parts ---- */

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *path;
        int port;
    } good[] = {
        {"127.0.0.1:6379", "127.0.0.1", NULL, 6379},
        {"redis.example:1", "redis.example", NULL, 1},
        {"[::1]:65535", "::1", NULL, 65535},
        {"unix:/run/redis.sock", NULL, "/run/redis.sock", 0},
    };
    static const char *const bad[] = {
        "",        "localhost",        ":6379",    "host:", "host:0", "host:65536", "host:6379x",
        "host:-1", "host:99999999999", "::1:6379", "[]:1",  "unix:",  "host: 6379",
    };
    struct buf error;
    buf_init(&error);
    struct store_address address;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(store_address_init(&address, good[i].text, &error), 0);
        assert_int_equal(address.port, good[i].port);
        assert_string_equal(good[i].host != NULL ? address.host : address.path,
                            good[i].host != NULL ? good[i].host : good[i].path);
        assert_true((good[i].host != NULL) == (address.path == NULL));
        store_address_release(&address);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        buf_reset(&error);
        assert_int_equal(store_address_init(&address, bad[i], &error), ERR_INVALID);
        assert_true(error.size > 0);
        store_address_release(&address);
    }
    char path[200];
    (void)snprintf(path, sizeof(path), "unix:/%0150d", 0);
    assert_int_equal(store_address_init(&address, path, &error), ERR_INVALID);
    store_address_release(&address);
    struct store_config config = {.address = "nowhere", .timeout_ms = 1};
    assert_null(store_new(NULL, &config, NULL, NULL, &error));
    assert_null(store_sync_new(&config, &error));
    buf_release(&error);
}

static void script_hash(void **state)
{
    (void)state;
    struct store_script script;
    store_script_init(&script, "one", "return 1");
    assert_string_equal(script.sha, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    assert_string_equal(script.name, "one");
}

/* ---- with a real server ---- */

static void answers_in_order(void **state)
{
    struct fixture *fixture = *state;
    open_real(fixture);
    assert_true(store_up(fixture->store));
    SEND(fixture, "DEL", "counter");
    for (int i = 0; i < 5000; i++)
        SEND(fixture, "INCR", "counter");
    assert_int_equal(store_outstanding(fixture->store), 5001);
    wait_for(fixture, 5001, 1, 0);
    assert_int_equal(store_outstanding(fixture->store), 0);
    assert_int_equal(fixture->by_status[0], 5001);
    SEND(fixture, "GET", "counter");
    wait_for(fixture, 5002, 1, 0);
    assert_string_equal(fixture->text, "5000");
    SEND(fixture, "HGET", "counter", "field");
    wait_for(fixture, 5003, 1, 0);
    assert_int_equal(fixture->type, STORE_ERROR);
    assert_int_equal(strncmp(fixture->text, "WRONGTYPE", 9), 0);
    assert_int_equal(fixture->downs, 0);
}

static void on_large(void *arg, int status, const struct store_reply *reply)
{
    const char *large = *(const char *const *)arg;
    assert_int_equal(status, 0);
    assert_int_equal(reply->size, 8000000);
    assert_memory_equal(reply->text, large, reply->size);
}

/* More than the socket takes at once, with every byte value. */
static void large_binary_values(void **state)
{
    struct fixture *fixture = *state;
    open_real(fixture);
    char *large = mem_alloc(8000000);
    for (size_t i = 0; i < 8000000; i++)
        large[i] = (char)(i * 7 + i / 251);
    store_command(fixture->store, 3, (const char *[]){"SET", "large", large}, (size_t[]){3, 5, 8000000}, on_reply,
                  fixture);
    store_send(fixture->store, on_large, &large, "GET", "large", NULL);
    SEND(fixture, "DEL", "large");
    wait_for(fixture, 2, 1, 0);
    assert_int_equal(fixture->sum, 1);
    free(large);
}

static void name_and_password(void **state)
{
    struct fixture *fixture = *state;
    open_real(fixture);
    SEND(fixture, "CLIENT", "GETNAME");
    SEND(fixture, "ACL", "SETUSER", "reader", "reset", "on", ">secret", "~*", "+@all");
    wait_for(fixture, 2, 1, 0);
    store_free(fixture->store);
    open_store(fixture, (struct store_config){.address = server.address,
                                              .user = "reader",
                                              .password = "secret",
                                              .timeout_ms = 5000,
                                              .name = "isobar-reader"});
    wait_for(fixture, 2, 2, 0);
    SEND(fixture, "CLIENT", "GETNAME");
    wait_for(fixture, 3, 2, 0);
    assert_string_equal(fixture->text, "isobar-reader");
    SEND(fixture, "ACL", "WHOAMI");
    wait_for(fixture, 4, 2, 0);
    assert_string_equal(fixture->text, "reader");
    store_free(fixture->store);
    open_store(fixture, (struct store_config){
                            .address = server.address, .user = "reader", .password = "wrong", .timeout_ms = 5000});
    wait_for(fixture, 4, 2, 1);
    assert_non_null(strstr(fixture->reason, "WRONGPASS"));
    assert_null(strstr(fixture->reason, "wrong")); /* the password is not repeated */
    assert_int_equal(strncmp(fixture->reason, server.address, strlen(server.address)), 0);
}

static void a_missing_password(void **state)
{
    struct fixture *fixture = *state;
    open_real(fixture);
    SEND(fixture, "CONFIG", "SET", "requirepass", "secret");
    wait_for(fixture, 1, 1, 0);
    store_reconnect(fixture->store, "test");
    wait_for(fixture, 1, 1, 2);
    assert_non_null(strstr(fixture->reason, "NOAUTH"));
    store_free(fixture->store);
    open_store(fixture, (struct store_config){.address = server.address, .password = "secret", .timeout_ms = 5000});
    wait_for(fixture, 1, 2, 2);
    SEND(fixture, "CONFIG", "SET", "requirepass", "");
    wait_for(fixture, 2, 2, 2);
}

/* A user who may do hardly anything still gets a connection. */
static void few_permissions(void **state)
{
    struct fixture *fixture = *state;
    open_real(fixture);
    SEND(fixture, "ACL", "SETUSER", "few", "reset", "on", ">secret", "~*", "+get");
    wait_for(fixture, 1, 1, 0);
    store_free(fixture->store);
    open_store(fixture, (struct store_config){
                            .address = server.address, .user = "few", .password = "secret", .timeout_ms = 5000});
    wait_for(fixture, 1, 2, 0);
    SEND(fixture, "GET", "nothing");
    wait_for(fixture, 2, 2, 0);
    assert_int_equal(fixture->type, STORE_NIL);
    assert_int_equal(fixture->downs, 0);
}

static void scripts_are_loaded_again(void **state)
{
    struct fixture *fixture = *state;
    struct store_script script;
    store_script_init(&script, "add", "return redis.call('INCRBY', KEYS[1], ARGV[1])");
    open_real(fixture);
    SEND(fixture, "SCRIPT", "FLUSH");
    SEND(fixture, "DEL", "sum");
    wait_for(fixture, 2, 1, 0);
    fixture->sum = 0;
    const char *const argv[] = {"sum", "41"};
    store_eval(fixture->store, &script, 1, 2, argv, NULL, on_reply, fixture);
    wait_for(fixture, 3, 1, 0);
    assert_int_equal(fixture->by_status[-ERR_REFUSED], 1); /* nothing was executed, but now it is known */
    SEND(fixture, "EXISTS", "sum");
    wait_for(fixture, 4, 1, 0);
    assert_int_equal(fixture->sum, 0);
    store_eval(fixture->store, &script, 1, 2, argv, (const size_t[]){3, 1}, on_reply, fixture); /* only the 4 */
    wait_for(fixture, 5, 1, 0);
    assert_int_equal(fixture->sum, 4);
    assert_int_equal(fixture->by_status[-ERR_REFUSED], 1);
}

static void a_script_that_cannot_be_loaded(void **state)
{
    struct fixture *fixture = *state;
    struct store_script script;
    store_script_init(&script, "broken", "this is no Lua");
    open_real(fixture);
    store_eval(fixture->store, &script, 0, 0, NULL, NULL, on_reply, fixture);
    wait_for(fixture, 1, 1, 0);
    assert_int_equal(fixture->by_status[0], 1);
    assert_int_equal(fixture->type, STORE_ERROR);
    assert_non_null(strstr(fixture->text, "compil"));
}

/* Publishes from a second connection, which only lives in here. */
static void publish(struct fixture *fixture, const char *text)
{
    struct store_config config = {.address = server.address, .timeout_ms = 5000};
    struct buf error;
    buf_init(&error);
    struct store_sync *sync = store_sync_new(&config, &error);
    assert_non_null(sync);
    struct store_reply *reply = store_sync_send(sync, &error, "PUBLISH", "updates", text, NULL);
    assert_non_null(reply);
    assert_int_equal(reply->type, STORE_INT);
    assert_int_equal(reply->integer, 1);
    store_reply_free(reply);
    store_sync_free(sync);
    buf_release(&error);
    fixture->done = false;
    assert_int_equal(loop_run_until(fixture->loop, &fixture->done, LIMIT_MS), 0);
    assert_string_equal(fixture->message, text);
}

/* Up means subscribed: what is published from then on arrives, also after a reconnect. */
static void subscribes(void **state)
{
    struct fixture *fixture = *state;
    open_store(fixture, (struct store_config){.address = server.address, .timeout_ms = 5000});
    store_subscribe(fixture->store, "updates", on_message, fixture);
    wait_for(fixture, 0, 1, 0);
    publish(fixture, "one");
    store_reconnect(fixture->store, "test");
    wait_for(fixture, 0, 2, 1);
    publish(fixture, "two");
    store_ping(fixture->store); /* what the timer does */
    publish(fixture, "three");
    assert_int_equal(fixture->downs, 1);
}

static void subscribes_while_up(void **state)
{
    struct fixture *fixture = *state;
    open_real(fixture);
    store_subscribe(fixture->store, "other", on_message, fixture);
    store_subscribe(fixture->store, "updates", on_message, fixture);
    while (store_outstanding(fixture->store) > 0)
        run_for(fixture, 1);
    publish(fixture, "one");
}

static void a_subscription_refused(void **state)
{
    struct fixture *fixture = *state;
    open_real(fixture);
    SEND(fixture, "ACL", "SETUSER", "deaf", "reset", "on", ">secret", "~*", "resetchannels", "+@all");
    wait_for(fixture, 1, 1, 0);
    store_free(fixture->store);
    open_store(fixture, (struct store_config){
                            .address = server.address, .user = "deaf", .password = "secret", .timeout_ms = 5000});
    store_subscribe(fixture->store, "updates", on_message, fixture);
    wait_for(fixture, 1, 1, 1);
    assert_non_null(strstr(fixture->reason, "NOPERM"));
}

/* The server goes and comes again; a stopped one is noticed by the time-out. */
static void a_server_that_stops(void **state)
{
    struct fixture *fixture = *state;
    open_store(fixture, (struct store_config){.address = server.address, .timeout_ms = 250});
    wait_for(fixture, 0, 1, 0);
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    SEND(fixture, "PING");
    SEND(fixture, "PING");
    wait_for(fixture, 2, 1, 1);
    assert_int_equal(fixture->by_status[-ERR_TIMEOUT], 2);
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    wait_for(fixture, 2, 2, 1);
    SEND(fixture, "ECHO", "back");
    wait_for(fixture, 3, 2, 1);
    assert_string_equal(fixture->text, "back");
}

/* ---- with a peer of our own ---- */

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
    run_for(fixture, 300);
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
    run_for(fixture, 200);
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
        run_for(fixture, 20);
        assert_int_equal(fixture->answered, i);
    }
    run_for(fixture, 100);
    assert_int_equal(fixture->downs, 0);
}

static void the_peer_hangs_up(void **state)
{
    struct fixture *fixture = *state;
    open_fake(fixture, 1000);
    for (int i = 0; i < 3; i++)
        SEND(fixture, "GET", "a");
    while (fixture->fake.commands < 3)
        run_for(fixture, 1);
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
        run_for(fixture, 1);
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
    while (fixture->fake.commands < 3)
        run_for(fixture, 1);
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
    run_for(fixture, 5);
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
    while (fixture->fake.commands < 1)
        run_for(fixture, 1);
    fake_redis_say(&fixture->fake, "-NOSCRIPT No matching script.\r\n");
    while (fixture->fake.commands < 2)
        run_for(fixture, 1);
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

/* ---- the blocking variant ---- */

static struct store_sync *sync_to(const char *address, int64_t timeout_ms, struct buf *error)
{
    struct store_config config = {.address = address, .timeout_ms = timeout_ms};
    return store_sync_new(&config, error);
}

static void blocking_commands(void **state)
{
    (void)state;
    struct buf error;
    buf_init(&error);
    struct store_config config = {.address = server.address, .timeout_ms = 5000};
    struct store_sync *sync = store_sync_new(&config, &error);
    assert_non_null(sync);
    struct store_reply *reply = store_sync_send(
        sync, &error, "EVAL", "return {1, 'two', false, {'three', {}}, redis.status_reply('four')}", "0", NULL);
    assert_non_null(reply);
    assert_int_equal(reply->type, STORE_ARRAY);
    assert_int_equal(reply->count, 5);
    assert_int_equal(reply->elements[0]->type, STORE_INT);
    assert_int_equal(reply->elements[0]->integer, 1);
    assert_string_equal(reply->elements[0]->text, "");
    assert_int_equal(reply->elements[1]->type, STORE_TEXT);
    assert_string_equal(reply->elements[1]->text, "two");
    assert_int_equal(reply->elements[1]->size, 3);
    assert_int_equal(reply->elements[2]->type, STORE_NIL);
    assert_int_equal(reply->elements[3]->count, 2);
    assert_string_equal(reply->elements[3]->elements[0]->text, "three");
    assert_int_equal(reply->elements[3]->elements[1]->type, STORE_ARRAY);
    assert_int_equal(reply->elements[3]->elements[1]->count, 0);
    assert_int_equal(reply->elements[4]->type, STORE_STATUS);
    assert_string_equal(reply->elements[4]->text, "four");
    store_reply_free(reply);
    reply = store_sync_send(sync, &error, "NONSENSE", NULL);
    assert_non_null(reply);
    assert_true(store_reply_is_error(reply, "ERR unknown"));
    store_reply_free(reply);
    assert_int_equal(error.size, 0);
    store_sync_free(sync);
    store_sync_free(NULL);
    store_reply_free(NULL);
    buf_release(&error);
}

/* A connection that was closed ends in an error, not in SIGPIPE, though that has its default effect here. */
static void blocking_and_hung_up(void **state)
{
    (void)state;
    struct buf error;
    buf_init(&error);
    (void)signal(SIGPIPE, SIG_DFL);
    struct store_sync *sync = sync_to(server.address, 5000, &error), *other = sync_to(server.address, 5000, &error);
    assert_non_null(sync);
    assert_non_null(other);
    struct store_reply *reply = store_sync_send(sync, &error, "CLIENT", "ID", NULL);
    char id[24];
    (void)snprintf(id, sizeof(id), "%lld", (long long)reply->integer);
    store_reply_free(reply);
    reply = store_sync_send(other, &error, "CLIENT", "KILL", "ID", id, NULL);
    assert_int_equal(reply->integer, 1);
    store_reply_free(reply);
    store_sync_free(other);
    for (int i = 0; i < 3; i++) {
        buf_reset(&error);
        assert_null(store_sync_send(sync, &error, "PING", NULL));
        assert_true(error.size > strlen(server.address));
    }
    store_sync_free(sync);
    (void)signal(SIGPIPE, SIG_IGN);
    buf_release(&error);
}

static void blocking_and_refused(void **state)
{
    struct fixture *fixture = *state;
    struct buf error;
    buf_init(&error);
    /* The peer's loop does not run, so the connection is accepted by the kernel only. */
    assert_null(sync_to(fixture->fake.address, 50, &error));
    assert_non_null(strstr(error.data, "no answer within 50 ms"));
    buf_reset(&error);
    assert_null(sync_to("unix:/nonexistent/redis.sock", 50, &error));
    assert_string_equal(error.data, "unix:/nonexistent/redis.sock: No such file or directory");
    buf_reset(&error);
    struct store_config config = {.address = server.address, .user = "nobody", .password = "wrong", .timeout_ms = 5000};
    assert_null(store_sync_new(&config, &error));
    assert_non_null(strstr(error.data, "WRONGPASS"));
    buf_release(&error);
}

/* ---- */

static int start(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    return redis_server_start(&server, NULL) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(script_hash),
        T(answers_in_order),
        T(large_binary_values),
        T(name_and_password),
        T(a_missing_password),
        T(few_permissions),
        T(scripts_are_loaded_again),
        T(a_script_that_cannot_be_loaded),
        T(subscribes),
        T(subscribes_while_up),
        T(a_subscription_refused),
        T(a_server_that_stops),
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
        cmocka_unit_test(blocking_commands),
        cmocka_unit_test(blocking_and_hung_up),
        T(blocking_and_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
