/* Every outcome of the script that commits, and what Redis refuses by itself. */
#include "script_calls.h"

static void commit_writes_everything(void **state)
{
    (void)state;
    const struct store_reply *reply =
        RUN(SCRIPT_COMMIT, 4, LEDGER, CITY, PANE, WINDOW, CID_0, CID_1, CHANNEL, "3 x y 1", "2", "offset", "7",
            "clock_ms", "99", "hset", "0", "0", "2", "1", "one", "2", "two", "hset", "5000", "4", "1", "1", "pane",
            "hset", "0", "3", "0");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(TEXT("HGET", LEDGER, "cid"), CID_1);
    assert_string_equal(TEXT("HGET", LEDGER, "offset"), "7");
    assert_string_equal(TEXT("HGET", LEDGER, "clock_ms"), "99");
    assert_string_equal(TEXT("HGET", LEDGER, "retired"), "0");
    assert_string_equal(TEXT("HGET", LEDGER, "number"), "5");
    assert_string_equal(TEXT("HGET", CITY, "1"), "one");
    assert_string_equal(TEXT("HGET", CITY, "2"), "two");
    assert_int_equal(REDIS("HEXISTS", CITY, "#n")->integer, 0);
    assert_int_equal(REDIS("PTTL", CITY)->integer, -1);
    assert_string_equal(TEXT("HGET", PANE, "#n"), "4");
    int64_t ttl_ms = REDIS("PTTL", PANE)->integer;
    assert_true(ttl_ms > 0 && ttl_ms <= 5000);
    assert_string_equal(TEXT("HGET", WINDOW, "#n"), "3");
    /* The next one adds to #n, replaces values, and refreshes the TTL. */
    reply =
        RUN(SCRIPT_COMMIT, 2, LEDGER, PANE, CID_1, CID_2, CHANNEL, "", "0", "hset", "900000", "2", "1", "1", "more");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(TEXT("HGET", PANE, "#n"), "6");
    assert_string_equal(TEXT("HGET", PANE, "1"), "more");
    assert_true(REDIS("PTTL", PANE)->integer > 5000);
}

static void commit_needs_its_predecessor(void **state)
{
    (void)state;
    note_all();
    const struct store_reply *reply = RUN(SCRIPT_COMMIT, 1, LEDGER, CID_1, CID_2, CHANNEL, "", "1", "offset", "7");
    assert_string_equal(outcome(reply), "mismatch");
    assert_string_equal(reply->elements[1]->text, CID_0);
    assert_string_equal(reply->elements[2]->text, "0");
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, "isobar:{4}:ledger", CID_0, CID_1, CHANNEL, "", "0")), "missing");
    assert_nothing_written();
}

static void commit_runs_once(void **state)
{
    (void)state;
#define THE_COMMIT LEDGER, PANE, CID_0, CID_1, CHANNEL, "", "1", "offset", "7", "hset", "0", "4", "1", "1", "pane"
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 2, THE_COMMIT)), "ok");
    note_all();
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 2, THE_COMMIT)), "mismatch"); /* sent again */
    /* Even when the new id were another one. */
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, CID_2, CHANNEL, "", "0")), "mismatch");
    assert_nothing_written();
    /* And a commit that was on its way when another owner acquired. */
    assert_string_equal(outcome(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "b/1", CID_3, "1")), "ok");
    note_all();
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_1, CID_2, CHANNEL, "", "0")), "mismatch");
    assert_nothing_written();
}

static void commit_retires_and_unlinks(void **state)
{
    (void)state;
    REDIS("HSET", LEDGER, "retired", "10");
    REDIS("HSET", PANE, "1", "x", "#n", "25");
    REDIS("HSET", PANE2, "1", "x", "2", "y", "#n", "17");
    REDIS("HSET", WINDOW, "1", "x", "#n", "99");
    const struct store_reply *reply =
        RUN(SCRIPT_COMMIT, 5, LEDGER, PANE, PANE2, WINDOW, "isobar:{3}:pane:1", CID_0, CID_1, CHANNEL, "", "1",
            "pane_cursor_ms", "600000", "retire", "retire", "unlink", "retire");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(TEXT("HGET", LEDGER, "retired"), "52");
    assert_string_equal(TEXT("HGET", LEDGER, "pane_cursor_ms"), "600000");
    assert_int_equal(REDIS("DBSIZE")->integer, 1);
}

/* An alert stream: each value an entry, in order, in the same commit. */
static void commit_appends_to_a_stream(void **state)
{
    (void)state;
    const struct store_reply *reply = RUN(SCRIPT_COMMIT, 3, LEDGER, ALERTS, CITY, CID_0, CID_1, CHANNEL, "", "0",
                                          "xadd", "10000", "2", "one", "two", "hset", "0", "0", "1", "1", "x");
    assert_string_equal(outcome(reply), "ok");
    reply = RUN(SCRIPT_COMMIT, 2, LEDGER, ALERTS, CID_1, CID_2, CHANNEL, "", "0", "xadd", "10000", "1", "three");
    assert_string_equal(outcome(reply), "ok");
    note_all();
    /* Sent again: nothing. */
    reply = RUN(SCRIPT_COMMIT, 2, LEDGER, ALERTS, CID_1, CID_2, CHANNEL, "", "0", "xadd", "10000", "1", "three");
    assert_string_equal(outcome(reply), "mismatch");
    assert_nothing_written();
    static const char *const wanted[] = {"one", "two", "three"};
    reply = REDIS("XRANGE", ALERTS, "-", "+");
    assert_int_equal(reply->count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct store_reply *fields = reply->elements[i]->elements[1];
        assert_int_equal(fields->count, 2);
        assert_string_equal(fields->elements[0]->text, "e");
        assert_string_equal(fields->elements[1]->text, wanted[i]);
    }
}

static void streams_are_trimmed(void **state)
{
    (void)state;
    struct words words = {0};
    const char *const head[] = {LEDGER, ALERTS, CID_0, CID_1, CHANNEL, "", "0", "xadd", "100"};
    for (size_t i = 0; i < sizeof(head) / sizeof(*head); i++)
        add(&words, head[i]);
    add_number(&words, 1000);
    for (int i = 0; i < 1000; i++)
        add_number(&words, i);
    assert_string_equal(outcome(run_words(SCRIPT_COMMIT, 2, &words)), "ok");
    int64_t length = REDIS("XLEN", ALERTS)->integer;
    assert_in_range(length, 100, 400);
    const struct store_reply *last = REDIS("XREVRANGE", ALERTS, "+", "-", "COUNT", "1");
    assert_string_equal(last->elements[0]->elements[1]->elements[1]->text, "999");
}

static void commit_of_many_fields(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct words words = {0};
    const char *const head[] = {LEDGER, CITY, PANE, CID_0, CID_1, CHANNEL, "", "1", "offset", ABOVE};
    for (size_t i = 0; i < sizeof(head) / sizeof(*head); i++)
        add(&words, head[i]);
    for (int key = 0; key < 2; key++) {
        add(&words, "hset");
        add(&words, "0");
        add_number(&words, key * MANY);
        add_number(&words, MANY);
        for (int i = 0; i < MANY; i++) {
            add_number(&words, i);
            add_number(&words, i + key);
        }
    }
    assert_string_equal(outcome(run_words(SCRIPT_COMMIT, 3, &words)), "ok");
    assert_int_equal(REDIS("HLEN", CITY)->integer, MANY);
    assert_int_equal(REDIS("HLEN", PANE)->integer, MANY + 1);
    assert_string_equal(TEXT("HGET", PANE, "#n"), "5000");
    assert_string_equal(TEXT("HGET", LEDGER, "offset"), ABOVE);
    for (int i = 0; i < MANY; i += 37) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(strtol(TEXT("HGET", CITY, name), NULL, 10), i);
        assert_int_equal(strtol(TEXT("HGET", PANE, name), NULL, 10), i + 1);
    }
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, CID_2, CHANNEL, "", "0")), "mismatch");
    assert_string_equal(keep->elements[2]->text, ABOVE);
}

/* Ledger fields beyond one chunk, and values that are binary. */
static void commit_of_binary_values(void **state)
{
    (void)state;
    const char *argv[] = {"EVALSHA", scripts[SCRIPT_COMMIT].sha,
                          "2",       LEDGER,
                          CITY,      CID_0,
                          CID_1,     CHANNEL,
                          "",        "0",
                          "hset",    "0",
                          "0",       "1",
                          "1",       "a\0\r\n\xff"};
    size_t sizes[16];
    for (size_t i = 0; i < 16; i++)
        sizes[i] = strlen(argv[i]);
    sizes[15] = 5;
    assert_string_equal(outcome(command(16, argv, sizes)), "ok");
    const struct store_reply *reply = REDIS("HGET", CITY, "1");
    assert_int_equal(reply->size, 5);
    assert_memory_equal(reply->text, "a\0\r\n\xff", 5);
}

/* Whatever is wrong is found before the first write. Each row is the tail after the four fixed arguments. */
static void commit_validates_before_it_writes(void **state)
{
    (void)state;
    static const char *const rows[][12] = {
        {"-1"},
        {"x"},
        {""},
        {"1e0"},
        {"01"},
        {"99999999999999999999"},
        {"1", "offset"},
        {"2", "offset", "7", "clock_ms"},
        {"1", "cid", CID_2},
        {"1", "number", "9"},
        {"1", "owner", "a/1"},
        {"1", "retired", "0"},
        {"2", "offset", "7", "retired", "0"},
        {"1", "offset", "7", "left", "over"},
        {"1", "offset", "7"}, /* no operation for the second key */
        {"1", "offset", "7", "drop"},
        {"1", "offset", "7", "hset"},
        {"1", "offset", "7", "hset", "0", "0"},
        {"1", "offset", "7", "hset", "0", "0", "1", "f"},
        {"1", "offset", "7", "hset", "0", "0", "1", "f", "v", "w"},
        {"1", "offset", "7", "hset", "-1", "0", "1", "f", "v"},
        {"1", "offset", "7", "hset", "9999999999999999", "0", "1", "f", "v"}, /* PEXPIRE would refuse a later time */
        {"1", "offset", "7", "hset", "0", "-1", "1", "f", "v"},
        {"1", "offset", "7", "hset", "0", "01", "1", "f", "v"}, /* HINCRBY would refuse the leading zero */
        {"1", "offset", "7", "hset", "0", "-0", "1", "f", "v"},
        {"1", "offset", "7", "hset", "0", "99999999999999999999", "1", "f", "v"},
        {"1", "offset", "7", "hset", "0", "1", "1", "#n", "v"},
        {"1", "offset", "7", "hset", "0", "1", "x", "f", "v"},
        {"1", "offset", "7", "retire", "retire"},
        {"1", "offset", "7", "xadd", "10", "1", "x"}, /* to a hash */
    };
    REDIS("HSET", PANE, "1", "x", "#n", "25");
    note_all();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct words words = {0};
        const char *const head[] = {LEDGER, PANE, CID_0, CID_1, CHANNEL, "message"};
        for (size_t k = 0; k < sizeof(head) / sizeof(*head); k++)
            add(&words, head[k]);
        for (size_t k = 0; k < 12 && rows[i][k] != NULL; k++)
            add(&words, rows[i][k]);
        assert_string_equal(outcome(run_words(SCRIPT_COMMIT, 2, &words)), "invalid");
        assert_nothing_written();
    }
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, CID_0, CHANNEL, "", "0")), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, "short", CHANNEL, "", "0")), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL)), "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 3, LEDGER, PANE, PANE, CID_0, CID_1, CHANNEL, "", "0", "hset", "0",
                                    "1", "0", "retire")),
                        "invalid");
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 2, LEDGER, LEDGER, CID_0, CID_1, CHANNEL, "", "0", "hset", "0", "0",
                                    "1", "cid", "x")),
                        "invalid");
    assert_nothing_written();
}

static void streams_are_validated_too(void **state)
{
    (void)state;
    static const char *const rows[][5] = {
        {"xadd"},
        {"xadd", "10"},
        {"xadd", "10", "1"},
        {"xadd", "0", "1", "x"},
        {"xadd", "x", "1", "x"},
        {"xadd", "10", ""},
        {"xadd", "10", "-1"},
        {"xadd", "10", "2", "x"},
        {"xadd", "10", "1", "x", "y"},
        {"hset", "0", "0", "0"},
        {"retire"},
    };
    REDIS("XADD", ALERTS, "*", "e", "x");
    note_all();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct words words = {0};
        const char *const head[] = {LEDGER, ALERTS, CID_0, CID_1, CHANNEL, "", "1", "offset", "7"};
        for (size_t k = 0; k < sizeof(head) / sizeof(*head); k++)
            add(&words, head[k]);
        for (size_t k = 0; k < 5 && rows[i][k] != NULL; k++)
            add(&words, rows[i][k]);
        assert_string_equal(outcome(run_words(SCRIPT_COMMIT, 2, &words)), "invalid");
        assert_nothing_written();
    }
}

/* What lies in the keys is checked too: the second key is fine and must not be written either. */
static void commit_of_broken_keys(void **state)
{
    (void)state;
#define TO_PANE(op, ...)                                                                                               \
    LEDGER, CITY, PANE, CID_0, CID_1, CHANNEL, "", "1", "offset", "7", "hset", "0", "1", "1", "1", "one", op,          \
        __VA_ARGS__
    static const char *const counts[] = {"x", "-1", "01", "", "1.5", "9999999999999999999999"};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        REDIS("HSET", PANE, "#n", counts[i]);
        note_all();
        assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 3, TO_PANE("hset", "0", "1", "0"))), "invalid");
        assert_nothing_written();
    }
    REDIS("HSET", PANE, "#n", "999999999999999");
    note_all();
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 3, TO_PANE("hset", "0", "1", "0"))), "invalid");
    assert_nothing_written();
    REDIS("DEL", PANE);
    REDIS("SADD", PANE, "member");
    note_all();
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 3, TO_PANE("hset", "0", "1", "0"))), "invalid");
    assert_nothing_written();
    REDIS("DEL", PANE);
    REDIS("HSET", LEDGER, "retired", "ten");
    note_all();
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL, "", "0")), "invalid");
    assert_nothing_written();
    REDIS("SET", LEDGER, "text");
    note_all();
    assert_int_equal(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL, "", "0")->type, STORE_ERROR);
    assert_nothing_written();
}

static void scripts_can_be_lost(void **state)
{
    (void)state;
    REDIS("SCRIPT", "FLUSH");
    note_all();
    const struct store_reply *reply = RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL, "", "0");
    assert_int_equal(reply->type, STORE_ERROR);
    assert_int_equal(strncmp(reply->text, "NOSCRIPT", 8), 0);
    assert_nothing_written();
}

/* ---- what Redis refuses by itself ---- */

/* A commit of about 2 MB in three keys. */
static const struct store_reply *large_commit(const char *cid, const char *next)
{
    enum { FIELDS = 2000 };
    char value[1024];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    struct words words = {0};
    const char *const head[] = {LEDGER, WINDOW, CITY, PANE, cid, next, CHANNEL, "", "1", "offset", "7", "unlink"};
    for (size_t i = 0; i < sizeof(head) / sizeof(*head); i++)
        add(&words, head[i]);
    for (int key = 0; key < 2; key++) {
        add(&words, "hset");
        add(&words, "100000");
        add_number(&words, FIELDS);
        add_number(&words, FIELDS);
        for (int i = 0; i < FIELDS; i++) {
            add_number(&words, i);
            add(&words, value);
        }
    }
    return run_words(SCRIPT_COMMIT, 4, &words);
}

static int64_t used_memory(void)
{
    const char *at = strstr(TEXT("INFO", "memory"), "used_memory:");
    assert_non_null(at);
    return strtoll(at + strlen("used_memory:"), NULL, 10);
}

/* Limits from far too low to enough: at each, the commit either fails and wrote nothing, or wrote everything.
 */
static void commit_without_memory(void **state)
{
    (void)state;
    int refused = 0, accepted = 0;
    for (int64_t step_kb = -1000; step_kb <= 24000; step_kb += 1000) {
        begin(NULL);
        REDIS("HSET", WINDOW, "1", "x", "#n", "9");
        note_all();
        char limit[32];
        (void)snprintf(limit, sizeof(limit), "%" PRId64, used_memory() + step_kb * 1024);
        assert_string_equal(TEXT("CONFIG", "SET", "maxmemory", limit), "OK");
        const struct store_reply *reply = large_commit(CID_0, CID_1);
        if (reply->type == STORE_ERROR) {
            assert_int_equal(strncmp(reply->text, "OOM", 3), 0);
            refused++;
            REDIS("CONFIG", "SET", "maxmemory", "0");
            assert_nothing_written();
            assert_string_equal(outcome(large_commit(CID_0, CID_1)), "ok"); /* it recovers */
        } else {
            assert_string_equal(outcome(reply), "ok");
            accepted++;
        }
        REDIS("CONFIG", "SET", "maxmemory", "0");
        assert_string_equal(TEXT("HGET", LEDGER, "cid"), CID_1);
        assert_string_equal(TEXT("HGET", LEDGER, "offset"), "7");
        assert_int_equal(REDIS("HLEN", CITY)->integer, 2001);
        assert_int_equal(REDIS("HLEN", PANE)->integer, 2001);
        assert_int_equal(REDIS("EXISTS", WINDOW)->integer, 0);
    }
    assert_true(refused > 0);
    assert_true(accepted > 0);
}

static void commit_without_replicas(void **state)
{
    (void)state;
    REDIS("HSET", WINDOW, "1", "x", "#n", "9");
    note_all();
    assert_string_equal(TEXT("CONFIG", "SET", "min-replicas-to-write", "1"), "OK");
    const struct store_reply *reply = large_commit(CID_0, CID_1);
    assert_int_equal(reply->type, STORE_ERROR);
    assert_int_equal(strncmp(reply->text, "NOREPLICAS", 10), 0);
    assert_int_equal(RUN(SCRIPT_ACQUIRE, 1, LEDGER, "6", "a/1", CID_1, "1")->type, STORE_ERROR);
    assert_string_equal(TEXT("CONFIG", "SET", "min-replicas-to-write", "0"), "OK");
    assert_nothing_written();
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(commit_writes_everything),   T(commit_needs_its_predecessor),
        T(commit_runs_once),           T(commit_retires_and_unlinks),
        T(commit_appends_to_a_stream), T(streams_are_trimmed),
        T(streams_are_validated_too),  T(commit_of_many_fields),
        T(commit_of_binary_values),    T(commit_validates_before_it_writes),
        T(commit_of_broken_keys),      T(scripts_can_be_lost),
        T(commit_without_memory),      T(commit_without_replicas),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, stop);
}
