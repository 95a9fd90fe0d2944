/* The blocking variant of the connection to Redis. */
#include "store_fixture.h"

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

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocking_commands),
        cmocka_unit_test(blocking_and_hung_up),
        T(blocking_and_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
