/*
 * The arguments of commits and loads against the real scripts: what is written is what is in memory, counts and TTLs
 * are right, chunks hold, and retirement moves counts.
 */
#include "commit_kit.h"
#include "date.h"

/* A day is named by its date. */
static const char *key_at(const char *name, int64_t start_ms, char *key, size_t size)
{
    char date[DATE_BYTES];
    if (strcmp(name, "w:1d") == 0)
        (void)snprintf(key, size, "t:{0}:%s:%s", name, date_text((int32_t)(start_ms / DAY), date));
    else
        (void)snprintf(key, size, "t:{0}:%s:%lld", name, (long long)start_ms);
    return key;
}

static int64_t number_at(const char *name, int64_t start_ms, const char *field)
{
    char key[80];
    (void)key_at(name, start_ms, key, sizeof key);
    return redis_number(key, field);
}

static int64_t ttl_at(const char *name, int64_t start_ms)
{
    char key[80];
    struct store_reply *reply = REDIS_CALL("PTTL", key_at(name, start_ms, key, sizeof key));
    int64_t ttl = reply->integer;
    store_reply_free(reply);
    return ttl;
}

/* ---- a commit ---- */

static void a_commit_writes_what_is_in_memory(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 200), NOON + HOUR);
    store(&kit);
    struct store_reply *reply = REDIS_CALL("HGET", "t:{0}:city", "5809844");
    struct citystate city;
    assert_int_equal(citystate_decode(&city, reply->text, reply->size), 0);
    assert_int_equal(city.rows_in, 2);
    assert_int_equal(city.open_count, 1);
    citystate_release(&city);
    store_reply_free(reply);
    char key[80];
    (void)snprintf(key, sizeof key, "t:{0}:pane:%lld", (long long)NOON);
    reply = REDIS_CALL("HGET", key, "5809844");
    struct pane pane;
    assert_int_equal(pane_decode(&pane, reply->text, reply->size), 0);
    assert_int_equal(pane.seen_count, 1);
    pane_release(&pane);
    store_reply_free(reply);
    reply = REDIS_CALL("HGET", "t:{0}:w:1d:2024-10-04", "5809844");
    struct window window;
    assert_int_equal(window_decode(&window, reply->text, reply->size), 0);
    assert_int_equal(window.rows, 1);
    window_release(&window);
    store_reply_free(reply);
    assert_int_equal(redis_number(LEDGER, "offset"), 2);
    assert_int_equal(redis_number(LEDGER, "rows_in"), 2);
    assert_int_equal(redis_number(LEDGER, "commits"), 1);
    assert_int_equal(number_at("pane", NOON, "#n"), 1);
    assert_int_equal(number_at("w:10m", NOON, "#n"), 1);
    assert_int_equal(number_at("w:1h", NOON, "#n"), 1);
}

static void series_have_fields_of_their_own(void **state)
{
    (void)state;
    struct observation row = kit_row(CITY, NOON, 100);
    row.series = 2;
    kit_one(&kit, row, NOON);
    kit_tick(&kit, NOON + HOUR);
    store(&kit);
    struct store_reply *reply = REDIS_CALL("HEXISTS", "t:{0}:city", "5809844/2");
    assert_int_equal(reply->integer, 1);
    store_reply_free(reply);
    assert_int_equal(number_at("w:1h", NOON, "#n"), 1);
}

static void only_closed_keys_have_a_ttl_and_it_is_long(void **state)
{
    (void)state;
    /* History: the windows ended long before the clock, and still nothing expires at once. */
    kit_one(&kit, kit_row(CITY, NOON - 2 * DAY + HOUR, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    store(&kit);
    static const struct {
        const char *name;
        int64_t span_ms, retention_ms;
    } rows[] = {
        {"pane", PANE, 2 * DAY}, {"w:10m", 10 * MINUTE, 2 * DAY}, {"w:1h", HOUR, 30 * DAY}, {"w:1d", DAY, 730 * DAY}};
    for (size_t i = 0; i < 4; i++) {
        int64_t ttl = ttl_at(rows[i].name, window_start(NOON - 2 * DAY + HOUR, rows[i].span_ms));
        int64_t most = rows[i].span_ms + rows[i].retention_ms + 30 * DAY;
        assert_true(ttl <= most && ttl > most - MINUTE);
    }
    struct store_reply *reply = REDIS_CALL("PTTL", LEDGER);
    assert_int_equal(reply->integer, -1);
    store_reply_free(reply);
    reply = REDIS_CALL("PTTL", "t:{0}:city");
    assert_int_equal(reply->integer, -1);
    store_reply_free(reply);
}

static void a_large_commit_is_cut_into_chunks(void **state)
{
    (void)state;
    enum { CITIES = 4500 }; /* 4,500 fields in each of 17 keys */
    for (int64_t city = 1; city <= CITIES; city++)
        kit_one(&kit, kit_row(city, NOON, (int32_t)city), NOON);
    for (int64_t city = 1; city <= CITIES; city++)
        kit_one(&kit, kit_row(city, NOON + HOUR, (int32_t)city), NOON + HOUR);
    assert_int_equal(kit.state.missing_count, 15 * CITIES); /* windows, also those that only a stretch is in */
    assert_int_equal(state_dirty(&kit.state), 17 * CITIES);
    store(&kit);
    assert_int_equal(number_at("pane", NOON, "#n"), CITIES);
    assert_int_equal(number_at("w:10m", NOON, "#n"), CITIES);
    assert_int_equal(number_at("w:1d", NOON - 12 * HOUR, "#n"), CITIES);
    struct store_reply *reply = REDIS_CALL("HLEN", "t:{0}:city");
    assert_int_equal(reply->integer, CITIES);
    store_reply_free(reply);
    /* Late rows for all of them load as many records again. */
    kit.cache.limit = 0;
    state_evict(&kit.state);
    for (int64_t city = 1; city <= CITIES; city++)
        kit_one(&kit, kit_row(city, NOON + 1, 1), NOON + HOUR);
    assert_int_equal(kit.state.missing_count, 26 * CITIES); /* 23 panes, to know the rows before and after */
    store(&kit);
    assert_int_equal(number_at("pane", NOON, "#n"), 2 * CITIES);
    assert_int_equal(number_at("w:1h", NOON, "#n"), 2 * CITIES);
}

static void a_commit_of_nothing_but_the_ledger(void **state)
{
    (void)state;
    kit_tick(&kit, NOON);
    assert_int_equal(build(&kit), 1);
    struct store_reply *reply = redis_eval(SCRIPT_COMMIT, 1, &kit.args);
    assert_string_equal(word(reply), "ok");
    store_reply_free(reply);
    assert_int_equal(redis_number(LEDGER, "rows_tick"), 1);
    state_committed(&kit.state);
}

static void the_message_tells_ids_and_cities(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(1, NOON, 1), NOON);
    kit_one(&kit, kit_row(2, NOON, 1), NOON);
    size_t keys = build(&kit);
    const char *const *argv = args_pointers(&kit.args);
    assert_memory_equal(argv[keys], cid, 32);
    assert_memory_equal(argv[keys + 1], next, 32);
    assert_memory_equal(argv[keys + 2], "t:updates", 9);
    char want[120];
    (void)snprintf(want, sizeof want, "0 %s %s 2,1", cid, next);
    assert_int_equal(kit.args.sizes[keys + 3], strlen(want));
    assert_memory_equal(argv[keys + 3], want, strlen(want));
    state_committed(&kit.state);
}

static void keys_are_grouped_and_named_once(void **state)
{
    (void)state;
    for (int64_t city = 50; city > 0; city--) {
        for (int64_t at = 0; at < 3; at++)
            kit_one(&kit, kit_row(city, NOON + at * 7 * MINUTE, 1), NOON + 15 * MINUTE);
    }
    kit_tick(&kit, NOON + HOUR);
    /* Ledger, cities, panes 12:00, 12:05, 12:10, windows from 11:00 to 12:10, two hours, the day; a pane or two are
     * over by now. */
    load(&kit);
    size_t expected = 2 + 3 + 8 + 2 + 1;
    size_t keys = build(&kit);
    assert_int_equal(keys, expected + kit.state.retiring_count);
    struct store_reply *reply = redis_eval(SCRIPT_COMMIT, keys, &kit.args);
    assert_string_equal(word(reply), "ok"); /* the script refuses a key named twice */
    store_reply_free(reply);
    state_committed(&kit.state);
}

static void a_commit_that_was_not_executed_is_written_by_the_next(void **state)
{
    (void)state;
    kit_rule(&kit, "warm", (const char *const[]){"metric", "temperature", "above", "0", NULL});
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 100), NOON + HOUR);
    (void)!build(&kit); /* lost on the way */
    kit_one(&kit, kit_row(CITY, NOON + 1, 100), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON + HOUR + 1, -1), NOON + HOUR);
    state_uncommitted(&kit.state);
    store(&kit);
    assert_int_equal(redis_length("t:{0}:alerts"), 2); /* raised and cleared */
    assert_int_equal(redis_number(LEDGER, "commits"), 1);
    assert_int_equal(number_at("pane", NOON, "#n"), 2);
    assert_int_equal(number_at("w:1h", NOON, "#n"), 2);
}

/* ---- answers ---- */

/* Two rows of one city, an hour apart, are stored and no longer in memory. */
static void store_and_forget(void)
{
    kit_one(&kit, kit_row(1, NOON, 1), NOON);
    kit_one(&kit, kit_row(1, NOON + HOUR, 1), NOON + HOUR);
    store(&kit);
    kit.cache.limit = 0;
    state_evict(&kit.state);
}

/* A late row needs them again: builds the load, and returns its number of keys. */
static size_t want_the_forgotten(void)
{
    struct commit_ids ids = {.prefix = "t:", .expected = cid};
    kit_one(&kit, kit_row(1, NOON + 1, 1), NOON + HOUR);
    return load_build(&kit.state, &ids, &kit.args);
}

static void answers_of_another_shape_are_refused(void **state)
{
    (void)state;
    store_and_forget();
    size_t keys = want_the_forgotten();
    assert_int_equal(keys, 1 + 23 + 3); /* the ledger, panes, windows */
    struct store_reply *good = redis_eval(SCRIPT_LOAD, keys, &kit.args);
    struct buf error = BUF_EMPTY;
    struct store_reply cut = *good;
    cut.count--; /* a key's values are missing */
    assert_int_equal(load_take(&kit.state, &cut, &error), ERR_INVALID);
    assert_non_null(strstr(error.data, "shape"));
    buf_release(&error);
    store_reply_free(good);
}

static void a_stored_record_that_is_damaged_is_named(void **state)
{
    (void)state;
    store_and_forget();
    char key[80];
    (void)snprintf(key, sizeof key, "t:{0}:pane:%lld", (long long)NOON);
    REDIS_DO("HSET", key, "1", "junk");
    size_t keys = want_the_forgotten();
    struct store_reply *reply = redis_eval(SCRIPT_LOAD, keys, &kit.args);
    struct buf error = BUF_EMPTY;
    assert_int_equal(load_take(&kit.state, reply, &error), ERR_INVALID);
    assert_non_null(strstr(error.data, "city 1"));
    buf_release(&error);
    store_reply_free(reply);
}

/* ---- retirement ---- */

static void retired_panes_keep_their_count(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 12; i++)
        kit_one(&kit, kit_row(CITY, NOON + i * PANE, 1), NOON + i * PANE);
    kit_tick(&kit, NOON + 2 * HOUR);
    store(&kit);
    assert_int_equal(number_at("pane", NOON, "#n"), 1);
    kit_tick(&kit, NOON + 2 * DAY + 30 * MINUTE);
    while (kit.state.ledger.pane_cursor_ms < NOON + 25 * MINUTE) {
        kit.state.changed = true;
        store(&kit);
    }
    assert_int_equal(redis_number(LEDGER, "retired"), 5); /* the sixth ended two days ago, not more */
    assert_int_equal(number_at("pane", NOON, "#n"), -1);
    assert_int_equal(number_at("pane", NOON + 25 * MINUTE, "#n"), 1);
    assert_int_equal(number_at("w:1d", NOON - 12 * HOUR, "#n"), 12); /* the windows live on */
    assert_int_equal(redis_number(LEDGER, "pane_cursor_ms"), NOON + 25 * MINUTE);
}

static void a_late_row_and_its_horizon_in_one_commit(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    for (int i = 0; i < 20; i++) {
        kit_tick(&kit, NOON + 2 * DAY);
        store(&kit);
    }
    kit_one(&kit, kit_row(CITY, NOON + 1, 1), NOON + 2 * DAY + MINUTE); /* in time by four minutes */
    kit_tick(&kit, NOON + 2 * DAY + HOUR);
    store(&kit); /* a key both written and unlinked would be refused */
    assert_int_equal(number_at("pane", NOON, "#n"), 2);
    kit_tick(&kit, NOON + 2 * DAY + HOUR);
    store(&kit);
    assert_int_equal(number_at("pane", NOON, "#n"), -1);
    assert_int_equal(redis_number(LEDGER, "retired"), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_stored, end)
    const struct CMUnitTest tests[] = {
        TEST(a_commit_writes_what_is_in_memory),
        TEST(series_have_fields_of_their_own),
        TEST(only_closed_keys_have_a_ttl_and_it_is_long),
        TEST(a_large_commit_is_cut_into_chunks),
        TEST(a_commit_of_nothing_but_the_ledger),
        TEST(the_message_tells_ids_and_cities),
        TEST(keys_are_grouped_and_named_once),
        TEST(a_commit_that_was_not_executed_is_written_by_the_next),
        TEST(answers_of_another_shape_are_refused),
        TEST(a_stored_record_that_is_damaged_is_named),
        TEST(retired_panes_keep_their_count),
        TEST(a_late_row_and_its_horizon_in_one_commit),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
