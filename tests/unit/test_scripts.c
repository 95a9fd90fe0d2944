/*
 * The Lua scripts that guard the state, against a real redis-server: every outcome of each, that a refused
 * call writes nothing at all (the whole data set is dumped before and after), and that two writers who race,
 * lose replies and see Redis go back in time never fork the chain of commit ids.
 */
#include "buf.h"
#include "clock.h"
#include "entropy.h"
#include "mem.h"
#include "redis_server.h"
#include "script.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define LEDGER  "isobar:{3}:ledger"
#define CITY    "isobar:{3}:city"
#define PANE    "isobar:{3}:pane:0"
#define PANE2   "isobar:{3}:pane:300000"
#define WINDOW  "isobar:{3}:w:1h:0"
#define CHANNEL "isobar:updates"
#define CID_0   "00000000000000000000000000000000"
#define CID_1   "11111111111111111111111111111111"
#define CID_2   "22222222222222222222222222222222"
#define CID_3   "33333333333333333333333333333333"
#define ABOVE   "9007199254740993" /* 2^53 + 1: a double would make it ...992 */

static struct redis_server server;
static struct store_sync *redis;
static struct store_script scripts[3]; /* acquire, load, commit */
enum which { ACQUIRE, LOAD, COMMIT };

/* ---- commands ---- */

static struct store_reply *keep; /* the last reply, freed at the next one */

static const struct store_reply *command(size_t argc, const char *const *argv, const size_t *sizes)
{
    struct buf error;
    buf_init(&error);
    store_reply_free(keep);
    keep = store_sync_command(redis, argc, argv, sizes, &error);
    if (keep == NULL)
        fail_msg("%s", error.data);
    buf_release(&error);
    return keep;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__})
#define COUNT(...) (sizeof(WORDS(__VA_ARGS__)) / sizeof(char *))
#define REDIS(...) command(COUNT(__VA_ARGS__), WORDS(__VA_ARGS__), NULL)

/* Text of a command's reply, "" when nil. */
#define TEXT(...) (REDIS(__VA_ARGS__)->text)

/* Arguments that are made up at run time. */
struct words {
    char **argv;
    size_t count, capacity;
};

static void add(struct words *words, const char *text)
{
    if (words->count == words->capacity) {
        words->capacity = words->capacity > 0 ? 2 * words->capacity : 64;
        words->argv = mem_grow(words->argv, words->capacity, sizeof(*words->argv));
    }
    words->argv[words->count++] = mem_strdup(text);
}

static void add_number(struct words *words, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    add(words, text);
}

static void words_release(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->argv[i]);
    free(words->argv);
    *words = (struct words){0};
}

/* Runs a script by its hash, as workers do. `take_words` are keys, then arguments. */
static const struct store_reply *run_words(enum which which, int64_t keys, struct words *take_words)
{
    struct words all = {0};
    add(&all, "EVALSHA");
    add(&all, scripts[which].sha);
    add_number(&all, keys);
    for (size_t i = 0; i < take_words->count; i++)
        add(&all, take_words->argv[i]);
    const struct store_reply *reply = command(all.count, (const char *const *)all.argv, NULL);
    words_release(&all);
    words_release(take_words);
    return reply;
}

static const struct store_reply *run(enum which which, int64_t keys, size_t argc, const char *const *argv)
{
    struct words words = {0};
    for (size_t i = 0; i < argc; i++)
        add(&words, argv[i]);
    return run_words(which, keys, &words);
}

#define RUN(which, keys, ...) run(which, keys, COUNT(__VA_ARGS__), WORDS(__VA_ARGS__))

/* First word of a script's answer; an error counts as its text. */
static const char *outcome(const struct store_reply *reply)
{
    if (reply->type != STORE_ARRAY || reply->count == 0)
        return reply->text;
    return reply->elements[0]->text;
}

/* Value of `field` in an array of fields and values; NULL when absent. */
static const char *field(const struct store_reply *reply, const char *name)
{
    for (size_t i = 0; i + 1 < reply->count; i += 2)
        if (strcmp(reply->elements[i]->text, name) == 0)
            return reply->elements[i + 1]->text;
    return NULL;
}

/* ---- the whole data set as bytes ---- */

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void dump(struct buf *out)
{
    struct words keys = {0};
    const struct store_reply *reply = REDIS("KEYS", "*");
    for (size_t i = 0; i < reply->count; i++)
        add(&keys, reply->elements[i]->text);
    if (keys.count > 0)
        qsort(keys.argv, keys.count, sizeof(*keys.argv), by_text);
    for (size_t i = 0; i < keys.count; i++) {
        buf_text(out, keys.argv[i]);
        reply = REDIS("DUMP", keys.argv[i]);
        buf_append(out, reply->text, reply->size);
        buf_printf(out, " expires %" PRId64 "\n", REDIS("PEXPIRETIME", keys.argv[i])->integer);
    }
    words_release(&keys);
}

static struct buf before;

static void note_all(void)
{
    buf_reset(&before);
    dump(&before);
}

static void assert_nothing_written(void)
{
    struct buf now;
    buf_init(&now);
    dump(&now);
    assert_int_equal(now.size, before.size);
    assert_memory_equal(now.data, before.data, before.size);
    buf_release(&now);
}

/* ---- set-up ---- */

static void make_ledger(const char *cid, const char *number, const char *owner)
{
    REDIS("HSET", LEDGER, "cid", cid, "number", number, "owner", owner, "format", "1", "config_version", "1", "offset",
          "0", "retired", "0", "commits", "0");
}

static int begin(void **state)
{
    (void)state;
    REDIS("FLUSHALL");
    make_ledger(CID_0, "5", "worker-1/1f");
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(TEXT("SCRIPT", "LOAD", scripts[i].source), scripts[i].sha);
    return 0;
}

static int start(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    buf_init(&before);
    store_script_init(&scripts[ACQUIRE], "acquire", script_acquire_lua);
    store_script_init(&scripts[LOAD], "load", script_load_lua);
    store_script_init(&scripts[COMMIT], "commit", script_commit_lua);
    if (!redis_server_start(&server, NULL))
        return -1;
    struct store_config config = {.address = server.address, .timeout_ms = 10000};
    struct buf error;
    buf_init(&error);
    redis = store_sync_new(&config, &error);
    buf_release(&error);
    return redis == NULL ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    store_reply_free(keep);
    store_sync_free(redis);
    buf_release(&before);
    redis_server_stop(&server);
    return 0;
}

/* ---- acquire ---- */

static void acquire_takes_over(void **state)
{
    (void)state;
    const struct store_reply *reply = RUN(ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "1", "2");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(reply->elements[1]->text, CID_0); /* the previous one */
    assert_string_equal(field(reply->elements[2], "cid"), CID_1);
    assert_string_equal(field(reply->elements[2], "number"), "6");
    assert_string_equal(field(reply->elements[2], "owner"), "worker-2/2e");
    assert_string_equal(field(reply->elements[2], "config_version"), "2");
    assert_string_equal(field(reply->elements[2], "offset"), "0");
    assert_string_equal(TEXT("HGET", LEDGER, "cid"), CID_1);
    assert_string_equal(TEXT("HGET", LEDGER, "owner"), "worker-2/2e");
}

static void acquire_again_by_the_same_owner(void **state)
{
    (void)state;
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "5", "worker-1/1f", CID_1, "1", "1")), "ok");
    const struct store_reply *reply = RUN(ACQUIRE, 1, LEDGER, "5", "worker-1/1f", CID_2, "1", "1");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(reply->elements[1]->text, CID_1);
}

static void acquire_creates_nothing(void **state)
{
    (void)state;
    REDIS("FLUSHALL");
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "1", "1")), "missing");
    assert_int_equal(REDIS("DBSIZE")->integer, 0);
}

static void acquire_refuses_older_numbers(void **state)
{
    (void)state;
    note_all();
    const struct store_reply *reply = RUN(ACQUIRE, 1, LEDGER, "4", "worker-1/1f", CID_1, "1", "1");
    assert_string_equal(outcome(reply), "refused");
    assert_string_equal(reply->elements[1]->text, "5");
    assert_string_equal(reply->elements[2]->text, "worker-1/1f");
    /* The same number is the same owner's only: not another member's, not the member's next incarnation's. */
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "5", "worker-2/1f", CID_1, "1", "1")), "refused");
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "5", "worker-1/20", CID_1, "1", "1")), "refused");
    assert_nothing_written();
}

static void acquire_compares_large_numbers_exactly(void **state)
{
    (void)state;
    make_ledger(CID_0, ABOVE, "worker-1/1f");
    note_all();
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "9007199254740992", "a/1", CID_1, "1", "1")), "refused");
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, ABOVE, "a/1", CID_1, "1", "1")), "refused");
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "999999999999999", "a/1", CID_1, "1", "1")), "refused");
    assert_nothing_written();
    const struct store_reply *reply = RUN(ACQUIRE, 1, LEDGER, "9007199254740994", "a/1", CID_1, "1", "1");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(field(reply->elements[2], "number"), "9007199254740994");
    /* More digits are more, whatever they begin with. */
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "10000000000000000", "b/1", CID_2, "1", "1")), "ok");
}

static void acquire_refuses_older_software(void **state)
{
    (void)state;
    REDIS("HSET", LEDGER, "format", "2", "config_version", "10");
    note_all();
    const struct store_reply *reply = RUN(ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "1", "10");
    assert_string_equal(outcome(reply), "version");
    assert_string_equal(reply->elements[1]->text, "2");
    assert_string_equal(reply->elements[2]->text, "10");
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "2", "9")), "version");
    assert_nothing_written();
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "6", "worker-2/2e", CID_1, "2", "10")), "ok");
}

static void acquire_checks_its_arguments(void **state)
{
    (void)state;
    static const char *const rows[][5] = {
        {"", "a/1", CID_1, "1", "1"},
        {"-6", "a/1", CID_1, "1", "1"},
        {"06", "a/1", CID_1, "1", "1"},
        {"6.0", "a/1", CID_1, "1", "1"},
        {"6e3", "a/1", CID_1, "1", "1"},
        {"6", "", CID_1, "1", "1"},
        {"6", "a/1", "", "1", "1"},
        {"6", "a/1", CID_0, "1", "1"},
        {"6", "a/1", "111111111111111111111111111111111", "1", "1"},
        {"6", "a/1", CID_1, "", "1"},
        {"6", "a/1", CID_1, "1", "x"},
        {"6", "a/1", CID_1, "1", "01"},
    };
    note_all();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *const *r = rows[i];
        assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, r[0], r[1], r[2], r[3], r[4])), "invalid");
    }
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "6", "a/1", CID_1, "1")), "invalid");
    assert_nothing_written();
}

static void acquire_of_a_broken_ledger(void **state)
{
    (void)state;
    REDIS("HDEL", LEDGER, "owner");
    note_all();
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "6", "a/1", CID_1, "1", "1")), "invalid");
    assert_nothing_written();
    REDIS("SET", LEDGER, "text");
    note_all();
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "6", "a/1", CID_1, "1", "1")), "invalid");
    assert_nothing_written();
}

/* A commit by a user who may not UNLINK would stop half way: such a user gets no partition at all. */
static void acquire_asks_for_permissions(void **state)
{
    (void)state;
    note_all();
    struct buf error;
    buf_init(&error);
    REDIS("ACL", "SETUSER", "part", "reset", "on", ">secret", "~*", "&*", "+@all", "-unlink");
    struct store_config config = {.address = server.address, .user = "part", .password = "secret", .timeout_ms = 10000};
    struct store_sync *part = store_sync_new(&config, &error);
    assert_non_null(part);
    struct store_reply *reply =
        store_sync_send(part, &error, "EVALSHA", scripts[ACQUIRE].sha, "1", LEDGER, "6", "a/1", CID_1, "1", "1", NULL);
    assert_string_equal(outcome(reply), "invalid");
    assert_string_equal(reply->elements[1]->text, "the user may not run UNLINK");
    store_reply_free(reply);
    store_sync_free(part);
    buf_release(&error);
    REDIS("ACL", "DELUSER", "part");
    assert_nothing_written();
}

/* ---- load ---- */

static void load_reads_with_the_commit_id(void **state)
{
    (void)state;
    REDIS("HSET", CITY, "1", "one", "2", "two");
    REDIS("HSET", PANE, "1", "pane");
    const struct store_reply *reply = RUN(LOAD, 4, LEDGER, CITY, PANE, WINDOW, CID_0, "fields", "3", "2", "9", "1",
                                          "fields", "1", "1", "fields", "1", "1");
    assert_string_equal(outcome(reply), "ok");
    assert_int_equal(reply->count, 4);
    assert_string_equal(reply->elements[1]->elements[0]->text, "two");
    assert_int_equal(reply->elements[1]->elements[1]->type, STORE_NIL);
    assert_string_equal(reply->elements[1]->elements[2]->text, "one");
    assert_string_equal(reply->elements[2]->elements[0]->text, "pane");
    assert_int_equal(reply->elements[3]->elements[0]->type, STORE_NIL);
}

static void load_needs_the_commit_id(void **state)
{
    (void)state;
    const struct store_reply *reply = RUN(LOAD, 2, LEDGER, CITY, CID_1, "fields", "1", "1");
    assert_string_equal(outcome(reply), "mismatch");
    assert_string_equal(reply->elements[1]->text, CID_0);
    assert_string_equal(outcome(RUN(LOAD, 2, "isobar:{4}:ledger", CITY, CID_1, "fields", "1", "1")), "missing");
}

static void load_many_fields(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct words set = {0}, get = {0};
    add(&set, "HSET");
    add(&set, CITY);
    add(&get, LEDGER);
    add(&get, CITY);
    add(&get, CID_0);
    add(&get, "fields");
    add_number(&get, MANY);
    for (int i = 0; i < MANY; i++) {
        add_number(&set, i);
        add_number(&set, i * 7);
        add_number(&get, MANY - 1 - i);
    }
    command(set.count, (const char *const *)set.argv, NULL);
    words_release(&set);
    const struct store_reply *reply = run_words(LOAD, 2, &get);
    assert_string_equal(outcome(reply), "ok");
    assert_int_equal(reply->elements[1]->count, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(strtol(reply->elements[1]->elements[i]->text, NULL, 10), (MANY - 1 - i) * 7);
}

static void load_scans_everything(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    char name[16], cursor[32] = "0";
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        REDIS("HSET", CITY, name, "value");
    }
    bool seen[MANY] = {false};
    int calls = 0;
    do {
        const struct store_reply *reply = RUN(LOAD, 2, LEDGER, CITY, CID_0, "scan", cursor, "100");
        assert_string_equal(outcome(reply), "ok");
        const struct store_reply *part = reply->elements[1];
        for (size_t i = 0; i < part->elements[1]->count; i += 2)
            seen[strtol(part->elements[1]->elements[i]->text, NULL, 10)] = true;
        (void)snprintf(cursor, sizeof(cursor), "%s", part->elements[0]->text);
        calls++;
    } while (strcmp(cursor, "0") != 0);
    assert_true(calls > 1);
    for (int i = 0; i < MANY; i++)
        assert_true(seen[i]);
}

static void load_checks_its_arguments(void **state)
{
    (void)state;
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0)), "invalid");
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0, "fields")), "invalid");
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0, "fields", "0")), "invalid");
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0, "fields", "2", "1")), "invalid");
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0, "fields", "-1", "1")), "invalid");
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0, "fields", "1", "1", "2")), "invalid");
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0, "scan", "0")), "invalid");
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0, "keys", "0", "1")), "invalid");
    REDIS("SET", CITY, "text");
    assert_string_equal(outcome(RUN(LOAD, 2, LEDGER, CITY, CID_0, "fields", "1", "1")), "invalid");
}

/* ---- commit ---- */

static void commit_writes_everything(void **state)
{
    (void)state;
    const struct store_reply *reply = RUN(COMMIT, 4, LEDGER, CITY, PANE, WINDOW, CID_0, CID_1, CHANNEL, "3 x y 1", "2",
                                          "offset", "7", "clock_ms", "99", "hset", "0", "0", "2", "1", "one", "2",
                                          "two", "hset", "5000", "4", "1", "1", "pane", "hset", "0", "3", "0");
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
    reply = RUN(COMMIT, 2, LEDGER, PANE, CID_1, CID_2, CHANNEL, "", "0", "hset", "900000", "2", "1", "1", "more");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(TEXT("HGET", PANE, "#n"), "6");
    assert_string_equal(TEXT("HGET", PANE, "1"), "more");
    assert_true(REDIS("PTTL", PANE)->integer > 5000);
}

static void commit_needs_its_predecessor(void **state)
{
    (void)state;
    note_all();
    const struct store_reply *reply = RUN(COMMIT, 1, LEDGER, CID_1, CID_2, CHANNEL, "", "1", "offset", "7");
    assert_string_equal(outcome(reply), "mismatch");
    assert_string_equal(reply->elements[1]->text, CID_0);
    assert_string_equal(reply->elements[2]->text, "0");
    assert_string_equal(outcome(RUN(COMMIT, 1, "isobar:{4}:ledger", CID_0, CID_1, CHANNEL, "", "0")), "missing");
    assert_nothing_written();
}

static void commit_runs_once(void **state)
{
    (void)state;
#define THE_COMMIT LEDGER, PANE, CID_0, CID_1, CHANNEL, "", "1", "offset", "7", "hset", "0", "4", "1", "1", "pane"
    assert_string_equal(outcome(RUN(COMMIT, 2, THE_COMMIT)), "ok");
    note_all();
    assert_string_equal(outcome(RUN(COMMIT, 2, THE_COMMIT)), "mismatch"); /* sent again */
    /* Even when the new id were another one. */
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_0, CID_2, CHANNEL, "", "0")), "mismatch");
    assert_nothing_written();
    /* And a commit that was on its way when another owner acquired. */
    assert_string_equal(outcome(RUN(ACQUIRE, 1, LEDGER, "6", "b/1", CID_3, "1", "1")), "ok");
    note_all();
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_1, CID_2, CHANNEL, "", "0")), "mismatch");
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
        RUN(COMMIT, 5, LEDGER, PANE, PANE2, WINDOW, "isobar:{3}:pane:1", CID_0, CID_1, CHANNEL, "", "1",
            "pane_cursor_ms", "600000", "retire", "retire", "unlink", "retire");
    assert_string_equal(outcome(reply), "ok");
    assert_string_equal(TEXT("HGET", LEDGER, "retired"), "52");
    assert_string_equal(TEXT("HGET", LEDGER, "pane_cursor_ms"), "600000");
    assert_int_equal(REDIS("DBSIZE")->integer, 1);
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
    assert_string_equal(outcome(run_words(COMMIT, 3, &words)), "ok");
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
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_0, CID_2, CHANNEL, "", "0")), "mismatch");
    assert_string_equal(keep->elements[2]->text, ABOVE);
}

/* Ledger fields beyond one chunk, and values that are binary. */
static void commit_of_binary_values(void **state)
{
    (void)state;
    const char *argv[] = {
        "EVALSHA", scripts[COMMIT].sha, "2", LEDGER, CITY, CID_0, CID_1, CHANNEL, "", "0", "hset", "0", "0", "1",
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
        assert_string_equal(outcome(run_words(COMMIT, 2, &words)), "invalid");
        assert_nothing_written();
    }
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_0, CID_0, CHANNEL, "", "0")), "invalid");
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_0, "short", CHANNEL, "", "0")), "invalid");
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL)), "invalid");
    assert_string_equal(
        outcome(RUN(COMMIT, 3, LEDGER, PANE, PANE, CID_0, CID_1, CHANNEL, "", "0", "hset", "0", "1", "0", "retire")),
        "invalid");
    assert_string_equal(
        outcome(RUN(COMMIT, 2, LEDGER, LEDGER, CID_0, CID_1, CHANNEL, "", "0", "hset", "0", "0", "1", "cid", "x")),
        "invalid");
    assert_nothing_written();
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
        assert_string_equal(outcome(RUN(COMMIT, 3, TO_PANE("hset", "0", "1", "0"))), "invalid");
        assert_nothing_written();
    }
    REDIS("HSET", PANE, "#n", "999999999999999");
    note_all();
    assert_string_equal(outcome(RUN(COMMIT, 3, TO_PANE("hset", "0", "1", "0"))), "invalid");
    assert_nothing_written();
    REDIS("DEL", PANE);
    REDIS("SADD", PANE, "member");
    note_all();
    assert_string_equal(outcome(RUN(COMMIT, 3, TO_PANE("hset", "0", "1", "0"))), "invalid");
    assert_nothing_written();
    REDIS("DEL", PANE);
    REDIS("HSET", LEDGER, "retired", "ten");
    note_all();
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL, "", "0")), "invalid");
    assert_nothing_written();
    REDIS("SET", LEDGER, "text");
    note_all();
    assert_int_equal(RUN(COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL, "", "0")->type, STORE_ERROR);
    assert_nothing_written();
}

static void scripts_can_be_lost(void **state)
{
    (void)state;
    REDIS("SCRIPT", "FLUSH");
    note_all();
    const struct store_reply *reply = RUN(COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL, "", "0");
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
    return run_words(COMMIT, 4, &words);
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
    assert_int_equal(RUN(ACQUIRE, 1, LEDGER, "6", "a/1", CID_1, "1", "1")->type, STORE_ERROR);
    assert_string_equal(TEXT("CONFIG", "SET", "min-replicas-to-write", "0"), "OK");
    assert_nothing_written();
}

/* ---- publishing ---- */

/* A connection that only listens, in plain protocol. */
static int listen_with(const char *first)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", server.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(write(fd, first, strlen(first)), strlen(first));
    return fd;
}

/* Appends what `fd` says until `text` is in it, at most five seconds. */
static void read_until(int fd, struct buf *heard, const char *text)
{
    int64_t deadline_ms = clock_monotonic_ms() + 5000;
    while (strstr(heard->data, text) == NULL) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) <= 0)
            fail_msg("waited for \"%s\" in vain", text);
        ssize_t size = read(fd, buf_reserve(heard, 4096), 4096);
        assert_true(size > 0);
        buf_advance(heard, (size_t)size);
        for (size_t i = 0; i < heard->size; i++)
            if (heard->data[i] == '\0')
                heard->data[i] = '?';
    }
}

static void commit_publishes(void **state)
{
    (void)state;
    struct buf heard;
    buf_init(&heard);
    int fd = listen_with("SUBSCRIBE " CHANNEL "\r\n");
    read_until(fd, &heard, ":1\r\n");
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_1, CID_2, CHANNEL, "wrong", "0")), "mismatch");
    assert_string_equal(outcome(RUN(COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL, "3 a b 1,2", "0")), "ok");
    read_until(fd, &heard, "3 a b 1,2\r\n");
    assert_null(strstr(heard.data, "wrong"));
    (void)close(fd);
    buf_release(&heard);
}

/* MONITOR shows the commands of a script in order. */
static void commit_publishes_last(void **state)
{
    (void)state;
    REDIS("HSET", PANE2, "1", "x", "#n", "17");
    struct buf heard;
    buf_init(&heard);
    int fd = listen_with("MONITOR\r\n");
    read_until(fd, &heard, "+OK\r\n");
    assert_string_equal(outcome(RUN(COMMIT, 3, LEDGER, PANE, PANE2, CID_0, CID_1, CHANNEL, "m", "1", "offset", "7",
                                    "hset", "5000", "4", "1", "1", "pane", "retire")),
                        "ok");
    assert_string_equal(TEXT("ECHO", "the end"), "the end");
    read_until(fd, &heard, "the end");
    const char *last = NULL, *publish = strstr(heard.data, "lua] \"PUBLISH\"");
    for (const char *at = heard.data; (at = strstr(at, "lua] ")) != NULL; at++)
        last = at;
    assert_non_null(publish);
    assert_ptr_equal(last, publish);
    const char *first_write = strstr(heard.data, "lua] \"HSET\"");
    assert_non_null(first_write);
    for (const char *at = first_write; (at = strstr(at, "lua] \"")) != NULL; at++)
        assert_true(strncmp(at + 6, "TYPE", 4) != 0 && strncmp(at + 6, "HGET", 4) != 0); /* no check after it */
    (void)close(fd);
    buf_release(&heard);
}

/* ---- two writers ---- */

struct writer {
    const char *name;
    char cid[ENTROPY_ID_BYTES]; /* what it believes; "" when it owns nothing */
    int64_t number, offset;
};

struct world {
    struct jitter jitter;
    struct writer writers[2];
    char cid[ENTROPY_ID_BYTES]; /* the true head of the chain */
    int64_t number, offset;     /* number of the last acquire; commits in the surviving chain */
    struct buf ledger, pane;    /* a snapshot to go back to */
    struct world_head {
        char cid[ENTROPY_ID_BYTES];
        int64_t number, offset;
    } saved;
    int accepted, mismatched, refused, rollbacks;
};

static void writer_acquires(struct world *world, struct writer *writer)
{
    char number[24], cid[ENTROPY_ID_BYTES];
    bool fresh = jitter_below(&world->jitter, 3) > 0;
    int64_t wanted = fresh ? world->number + 1 : writer->number;
    (void)snprintf(number, sizeof(number), "%" PRId64, wanted);
    entropy_id(cid);
    const struct store_reply *reply = RUN(ACQUIRE, 1, LEDGER, number, writer->name, cid, "1", "1");
    bool lost = jitter_below(&world->jitter, 6) == 0;
    if (strcmp(outcome(reply), "ok") != 0) {
        assert_string_equal(outcome(reply), "refused");
        assert_false(fresh);
        world->refused++;
        return;
    }
    assert_string_equal(reply->elements[1]->text, world->cid);
    assert_int_equal(strtoll(field(reply->elements[2], "offset"), NULL, 10), world->offset);
    (void)snprintf(world->cid, sizeof(world->cid), "%s", cid);
    world->number = writer->number = wanted;
    (void)snprintf(writer->cid, sizeof(writer->cid), "%s", lost ? "" : cid);
    writer->offset = world->offset;
}

/* A commit is accepted exactly when its writer's belief is the truth. */
static void writer_commits(struct world *world, struct writer *writer)
{
    char offset[24], next[ENTROPY_ID_BYTES];
    if (*writer->cid == '\0')
        return;
    entropy_id(next);
    (void)snprintf(offset, sizeof(offset), "%" PRId64, writer->offset + 1);
    bool heads = strcmp(writer->cid, world->cid) == 0;
    const struct store_reply *reply = RUN(COMMIT, 2, LEDGER, PANE, writer->cid, next, CHANNEL, "", "1", "offset",
                                          offset, "hset", "0", "1", "1", "last", writer->name);
    bool lost = jitter_below(&world->jitter, 6) == 0;
    assert_string_equal(outcome(reply), heads ? "ok" : "mismatch");
    if (!heads) {
        world->mismatched++;
        *writer->cid = '\0';
        return;
    }
    world->accepted++;
    world->offset++;
    assert_int_equal(world->offset, writer->offset + 1);
    (void)snprintf(world->cid, sizeof(world->cid), "%s", next);
    writer->offset++;
    if (!lost) /* a writer that hears nothing goes on with the old id: that must not be accepted */
        (void)snprintf(writer->cid, sizeof(writer->cid), "%s", next);
}

static void snapshot_key(const char *key, struct buf *out)
{
    const struct store_reply *reply = REDIS("DUMP", key);
    buf_reset(out);
    buf_append(out, reply->text, reply->size);
}

static void restore_key(const char *key, const struct buf *from)
{
    REDIS("DEL", key);
    if (from->size == 0)
        return;
    const char *const argv[] = {"RESTORE", key, "0", from->data};
    const size_t sizes[] = {7, strlen(key), 1, from->size};
    assert_string_equal(command(4, argv, sizes)->text, "OK");
}

static void world_saves(struct world *world)
{
    snapshot_key(LEDGER, &world->ledger);
    snapshot_key(PANE, &world->pane);
    memcpy(world->saved.cid, world->cid, sizeof(world->cid));
    world->saved.number = world->number;
    world->saved.offset = world->offset;
}

/* Redis comes back as it was at the last snapshot; the writers know nothing of it. */
static void world_rolls_back(struct world *world)
{
    restore_key(LEDGER, &world->ledger);
    restore_key(PANE, &world->pane);
    memcpy(world->cid, world->saved.cid, sizeof(world->cid));
    world->number = world->saved.number;
    world->offset = world->saved.offset;
    world->rollbacks++;
}

static void world_steps(struct world *world)
{
    struct writer *writer = &world->writers[jitter_below(&world->jitter, 2)];
    int64_t dice = jitter_below(&world->jitter, 100);
    if (dice < 12)
        writer_acquires(world, writer);
    else if (dice < 92)
        writer_commits(world, writer);
    else if (dice < 97)
        world_saves(world);
    else
        world_rolls_back(world);
    assert_string_equal(TEXT("HGET", LEDGER, "cid"), world->cid);
}

static void the_chain_never_forks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        begin(NULL);
        struct world world = {.writers = {{.name = "a/1"}, {.name = "b/1"}}, .cid = CID_0, .number = 5};
        jitter_init(&world.jitter, seed);
        buf_init(&world.ledger);
        buf_init(&world.pane);
        world_saves(&world);
        for (int i = 0; i < 1500; i++)
            world_steps(&world);
        /* Each commit that survived counted once, in the offset and in the rows. */
        assert_int_equal(strtoll(TEXT("HGET", LEDGER, "offset"), NULL, 10), world.offset);
        assert_int_equal(strtoll(TEXT("HGET", PANE, "#n"), NULL, 10), world.offset);
        assert_true(world.accepted > 50 && world.mismatched > 20 && world.refused > 0 && world.rollbacks > 5);
        buf_release(&world.ledger);
        buf_release(&world.pane);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, begin)
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
        T(load_reads_with_the_commit_id),
        T(load_needs_the_commit_id),
        T(load_many_fields),
        T(load_scans_everything),
        T(load_checks_its_arguments),
        T(commit_writes_everything),
        T(commit_needs_its_predecessor),
        T(commit_runs_once),
        T(commit_retires_and_unlinks),
        T(commit_of_many_fields),
        T(commit_of_binary_values),
        T(commit_validates_before_it_writes),
        T(commit_of_broken_keys),
        T(scripts_can_be_lost),
        T(commit_without_memory),
        T(commit_without_replicas),
        T(commit_publishes),
        T(commit_publishes_last),
        T(the_chain_never_forks),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
