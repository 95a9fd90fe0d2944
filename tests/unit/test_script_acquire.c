/* Every outcome of the script that acquires a partition. */
#include "script_calls.h"

static void acquire_takes_over(void **state)
{
    (void)state;
    const struct store_reply *reply = RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "1");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(reply->elements[1]->text, CID_0); /* the previous one */
    assert_string_equal(field(reply->elements[2], "cid"), CID_1);
    assert_string_equal(field(reply->elements[2], "number"), "6");
    assert_string_equal(field(reply->elements[2], "owner"), "worker-2/2e");
    assert_string_equal(field(reply->elements[2], "config_version"), "1"); /* the commits' to change */
    assert_string_equal(field(reply->elements[2], "offset"), "0");
    assert_string_equal(TEXT("HGET", LEDGER, "cid"), CID_1);
    assert_string_equal(TEXT("HGET", LEDGER, "owner"), "worker-2/2e");
}

static void acquire_again_by_the_same_owner(void **state)
{
    (void)state;
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "5", "worker-1/1f", CID_1, "1")), "ok");
    const struct store_reply *reply = RUN(SCRIPT_ACQUIRE, 1, LEDGER, "5", "worker-1/1f", CID_2, "1");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(reply->elements[1]->text, CID_1);
}

static void acquire_creates_nothing(void **state)
{
    (void)state;
    REDIS("FLUSHALL");
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "1")), "missing");
    assert_int_equal(REDIS("DBSIZE")->integer, 0);
}

static void acquire_refuses_older_numbers(void **state)
{
    (void)state;
    note_all();
    const struct store_reply *reply = RUN(SCRIPT_ACQUIRE, 1, LEDGER, "4", "worker-1/1f", CID_1, "1");
    assert_string_equal(outcome(reply), "refused");
    assert_string_equal(reply->elements[1]->text, "5");
    assert_string_equal(reply->elements[2]->text, "worker-1/1f");
    /* The same number is the same owner's only: not another member's, not the member's next incarnation's. */
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "5", "worker-2/1f", CID_1, "1")), "refused");
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "5", "worker-1/20", CID_1, "1")), "refused");
    assert_nothing_written();
}

static void acquire_compares_large_numbers_exactly(void **state)
{
    (void)state;
    make_ledger(CID_0, ABOVE, "worker-1/1f");
    note_all();
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "9007199254740992", "a/1", CID_1, "1")), "refused");
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, ABOVE, "a/1", CID_1, "1")), "refused");
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "999999999999999", "a/1", CID_1, "1")), "refused");
    assert_nothing_written();
    const struct store_reply *reply = RUN(SCRIPT_ACQUIRE, 1, LEDGER, "9007199254740994", "a/1", CID_1, "1");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(field(reply->elements[2], "number"), "9007199254740994");
    /* More digits are more, whatever they begin with. */
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "10000000000000000", "b/1", CID_2, "1")), "ok");
}

static void acquire_refuses_older_software(void **state)
{
    (void)state;
    REDIS("HSET", LEDGER, "format", "2", "config_version", "10");
    note_all();
    const struct store_reply *reply = RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "1");
    assert_string_equal(outcome(reply), "version");
    assert_string_equal(reply->elements[1]->text, "2");
    assert_nothing_written();
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "2")), "ok");
    assert_string_equal(TEXT("HGET", LEDGER, "config_version"), "10");
}

static void acquire_checks_its_arguments(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {"", "a/1", CID_1, "1"},    {"-6", "a/1", CID_1, "1"},  {"06", "a/1", CID_1, "1"},
        {"6.0", "a/1", CID_1, "1"}, {"6e3", "a/1", CID_1, "1"}, {"6", "", CID_1, "1"},
        {"6", "a/1", "", "1"},      {"6", "a/1", CID_0, "1"},   {"6", "a/1", "111111111111111111111111111111111", "1"},
        {"6", "a/1", CID_1, ""},    {"6", "a/1", CID_1, "x"},   {"6", "a/1", CID_1, "01"},
    };
    note_all();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *const *r = rows[i];
        assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, r[0], r[1], r[2], r[3])), "invalid");
    }
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "a/1", CID_1)), "invalid");
    assert_nothing_written();
}

static void acquire_of_a_broken_ledger(void **state)
{
    (void)state;
    REDIS("HDEL", LEDGER, "owner");
    note_all();
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "a/1", CID_1, "1")), "invalid");
    assert_nothing_written();
    REDIS("SET", LEDGER, "text");
    note_all();
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "a/1", CID_1, "1")), "invalid");
    assert_nothing_written();
}

/* As a user who may do all but one thing. */
static void assert_permission_is_asked(const char *without, const char *reason)
{
    struct buf error = BUF_EMPTY;
    note_all();
    REDIS("ACL", "SETUSER", "part", "reset", "on", ">secret", "~*", "&*", "+@all", without);
    struct store_config config = {.address = server.address, .user = "part", .password = "secret", .timeout_ms = 10000};
    struct store_sync *part = store_sync_new(&config, &error);
    assert_non_null(part);
    struct store_reply *reply = store_sync_send(part, &error, "EVALSHA", scripts[SCRIPT_ACQUIRE].sha, "1", LEDGER, "6",
                                                "a/1", CID_1, "1", NULL);
    assert_string_equal(outcome(reply), "invalid");
    assert_string_equal(reply->elements[1]->text, reason);
    store_reply_free(reply);
    store_sync_free(part);
    buf_release(&error);
    REDIS("ACL", "DELUSER", "part");
    assert_nothing_written();
}

/* A commit by a user who may not run all of it would stop half way: such a user gets no partition at all. */
static void acquire_asks_for_permissions(void **state)
{
    (void)state;
    assert_permission_is_asked("-unlink", "the user may not run UNLINK");
    assert_permission_is_asked("-xadd", "the user may not run XADD");
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(acquire_takes_over),
        T(acquire_again_by_the_same_owner),
        T(acquire_creates_nothing),
        T(acquire_refuses_older_numbers),
        T(acquire_compares_large_numbers_exactly),
        T(acquire_refuses_older_software),
        T(acquire_checks_its_arguments),
        T(acquire_of_a_broken_ledger),
        T(acquire_asks_for_permissions),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, stop);
}
