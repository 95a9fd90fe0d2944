/*
 * The connection to Redis against a real redis-server: what Redis does. Every request must end exactly once whatever
 * happens.
 */
#include "store_fixture.h"

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
    buf_reset(&error);
    assert_int_equal(store_address_init(&address, "\x1bhost\xff", &error), ERR_INVALID);
    assert_non_null(strstr(error.data, "\"?host?\"")); /* what is shown of it is tame */
    char path[2000];
    buf_reset(&error);
    (void)snprintf(path, sizeof(path), "host%01000d", 0);
    assert_int_equal(store_address_init(&address, path, &error), ERR_INVALID);
    assert_true(error.size < 400); /* it is quoted in part */
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
        run_for(fixture->loop, 1);
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

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
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
    };
    return cmocka_run_group_tests(tests, start, stop);
}
