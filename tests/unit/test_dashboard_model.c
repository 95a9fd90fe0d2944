/*
 * The mirror against a real Redis: first read, hints, gaps, a new catalogue, a restart of Redis, hostile
 * keys. Everything waits on a condition with a deadline.
 */
#include "../../dashboard/model.h"
#include "../../dashboard/reader.h"
#include "dashboard_records.h"
#include "loop_kit.h"
#include "mem.h"
#include "redis_server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define CITY  INT64_C(5809844)
#define CID_A "0123456789abcdef0123456789abcdef"
#define CID_B "fedcba9876543210fedcba9876543210"
#define CID_C "00000000000000000000000000000000"

struct fixture {
    struct redis_server server;
    struct store_sync *redis;
    struct loop *loop;
    struct dashboard_metrics metrics;
    struct model *model;
    int changed, viewed, states;
};

static void on_changed(void *arg)
{
    ((struct fixture *)arg)->changed++;
}

static void on_viewed(void *arg)
{
    ((struct fixture *)arg)->viewed++;
}

static void on_state(void *arg)
{
    ((struct fixture *)arg)->states++;
}

static void send_bytes(struct fixture *f, const char *command, const char *key, const char *field, const char *bytes,
                       size_t size)
{
    const char *argv[] = {command, key, field, bytes};
    size_t sizes[] = {strlen(command), strlen(key), strlen(field), size};
    struct buf error = BUF_EMPTY;
    struct store_reply *reply = store_sync_command(f->redis, 4, argv, sizes, &error);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, STORE_ERROR);
    store_reply_free(reply);
}

#define SEND(f, ...)                                                                                                   \
    do {                                                                                                               \
        struct buf error = BUF_EMPTY;                                                                                  \
        struct store_reply *reply = store_sync_send((f)->redis, &error, __VA_ARGS__, NULL);                            \
        assert_non_null(reply);                                                                                        \
        assert_int_not_equal(reply->type, STORE_ERROR);                                                                \
        store_reply_free(reply);                                                                                       \
    } while (0)

static const char *key_of(int64_t id, const char *name)
{
    static char key[64];
    (void)snprintf(key, sizeof key, "t:{%d}:%s", shard_of_city(id, PARTS), name);
    return key;
}

static void put_entry(struct fixture *f, int64_t id, const char *name)
{
    char field[CITY_FIELD_BYTES];
    struct buf bytes = record_entry(id, name);
    send_bytes(f, "HSET", key_of(id, "cities"), citystate_field(id, 0, field), bytes.data, bytes.size);
    buf_release(&bytes);
}

static void put_state(struct fixture *f, int64_t id, int64_t at_ms)
{
    char field[CITY_FIELD_BYTES];
    struct observation row = record_reading(id, at_ms, 1234);
    struct buf bytes = record_state(&row, 5 * MINUTE);
    send_bytes(f, "HSET", key_of(id, "city"), citystate_field(id, 0, field), bytes.data, bytes.size);
    buf_release(&bytes);
}

static void hint(struct fixture *f, int64_t id, const char *previous, const char *next, const char *fields)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%d %s %s %s", shard_of_city(id, PARTS), previous, next, fields);
    SEND(f, "PUBLISH", "t:updates", text);
}

static void put_meta(struct fixture *f)
{
    SEND(f, "HSET", "t:meta", "partitions", "24", "windows", "10m:2d,1h:30d", "catalogue_version", "1");
}

static void start_model(struct fixture *f)
{
    struct model_config config = {.loop = f->loop,
                                  .store = {.address = f->server.address, .timeout_ms = 2000},
                                  .prefix = "t:",
                                  .update_ms = 20,
                                  .metrics = &f->metrics};
    struct model_events events = {.changed = on_changed, .viewed = on_viewed, .state = on_state, .arg = f};
    struct buf error = BUF_EMPTY;
    f->model = model_new(&config, &events, &error);
    assert_non_null(f->model);
}

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    assert_true(redis_server_start(&f->server, NULL));
    f->redis = redis_server_connect(&f->server);
    f->loop = loop_new();
    assert_true(f->redis && f->loop);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    model_free(f->model);
    store_sync_free(f->redis);
    loop_free(f->loop);
    redis_server_stop(&f->server);
    free(f);
    return 0;
}

static const struct city *city_of(const struct fixture *f, int64_t id)
{
    return atlas_find(model_atlas(f->model), id);
}

static void follows_commits(void **state)
{
    struct fixture *f = *state;
    put_meta(f);
    put_entry(f, CITY, "Seattle");
    put_state(f, CITY, AT);
    start_model(f);
    UNTIL(f->loop, model_ready(f->model));
    assert_string_equal(model_windows(f->model), "10m:2d,1h:30d");
    assert_int_equal(city_of(f, CITY)->latest.observed_at_ms, AT);
    assert_int_equal(city_of(f, CITY)->committed_at_ms, 0);
    UNTIL(f->loop, f->changed > 0);

    put_state(f, CITY, AT + 1);
    hint(f, CITY, CID_A, CID_B, "5809844");
    UNTIL(f->loop, city_of(f, CITY)->latest.observed_at_ms == AT + 1);
    assert_true(city_of(f, CITY)->committed_at_ms > 0);
    put_state(f, CITY, AT + 2);
    hint(f, CITY, CID_B, CID_C, "5809844");
    UNTIL(f->loop, city_of(f, CITY)->latest.observed_at_ms == AT + 2);
    assert_int_equal(f->metrics.gaps_total, 0);

    put_state(f, CITY, AT + 3); /* its hint is missed; the next one is of another city */
    hint(f, CITY, CID_A, CID_B, "1");
    UNTIL(f->loop, city_of(f, CITY)->latest.observed_at_ms == AT + 3);
    assert_int_equal(f->metrics.gaps_total, 1);
}

/* Hints of many partitions at once are one event, not one each. */
static void one_event_for_many_partitions(void **state)
{
    struct fixture *f = *state;
    put_meta(f);
    for (int64_t id = 1; id <= 200; id++) {
        put_entry(f, id, "x");
        put_state(f, id, AT);
    }
    start_model(f);
    UNTIL(f->loop, model_ready(f->model) && f->changed > 0);
    uint64_t version = model_atlas(f->model)->version;
    int changed = f->changed;
    SEND(f, "MULTI");
    for (int64_t id = 1; id <= 200; id++) {
        char field[24];
        (void)snprintf(field, sizeof field, "%d", (int)id);
        hint(f, id, CID_A, CID_A, field);
    }
    SEND(f, "EXEC");
    UNTIL(f->loop, model_atlas(f->model)->version == version + 200);
    UNTIL(f->loop, f->changed > changed);
    assert_in_range(f->changed - changed, 1, 3); /* at most one per update_ms of 20; 200 hints come in one or two */
}

static void sees_a_new_catalogue(void **state)
{
    struct fixture *f = *state;
    put_meta(f);
    put_entry(f, CITY, "Seattle");
    put_entry(f, 1, "goes");
    start_model(f);
    UNTIL(f->loop, model_ready(f->model));
    assert_non_null(city_of(f, 1));
    put_entry(f, CITY, "Duwamps");
    put_entry(f, 2, "comes");
    SEND(f, "HDEL", key_of(1, "cities"), "1");
    SEND(f, "HSET", "t:meta", "catalogue_version", "2");
    UNTIL(f->loop, !city_of(f, 1) && city_of(f, 2) && strcmp(city_of(f, CITY)->entry->name, "Duwamps") == 0);
}

static void put_versions(struct fixture *f, const char *version, int32_t changed)
{
    SEND(f, "HSET", "t:meta", "catalogue_version", version, "catalogue_shards", version);
    for (int32_t p = 0; p < PARTS; p++) {
        char field[32];
        (void)snprintf(field, sizeof field, "catalogue_of_%d", p);
        if (p == changed || changed < 0)
            SEND(f, "HSET", "t:meta", field, version);
    }
}

/* Of the catalogue only the shard that changed is read, and of its cities' states nothing. */
static void reads_only_what_changed(void **state)
{
    struct fixture *f = *state;
    int64_t other = 1;
    while (shard_of_city(other, PARTS) == shard_of_city(CITY, PARTS))
        other++;
    put_meta(f);
    put_versions(f, "7", -1);
    put_entry(f, CITY, "Seattle");
    put_entry(f, other, "stays");
    put_state(f, CITY, AT);
    start_model(f);
    UNTIL(f->loop, model_ready(f->model) && city_of(f, CITY)->has_latest);
    uint64_t catalogue = model_atlas(f->model)->catalogue;
    assert_true(model_atlas(f->model)->catalogue_first > 0 && catalogue == model_atlas(f->model)->catalogue_first + 2);
    put_entry(f, CITY, "Duwamps");
    put_entry(f, other, "not read");
    SEND(f, "DEL", key_of(CITY, "city"));
    put_versions(f, "8", shard_of_city(CITY, PARTS));
    UNTIL(f->loop, strcmp(city_of(f, CITY)->entry->name, "Duwamps") == 0);
    assert_string_equal(city_of(f, other)->entry->name, "stays");
    assert_true(city_of(f, CITY)->has_latest);
    assert_int_equal(city_of(f, CITY)->catalogue, catalogue + 1);
    SEND(f, "HSET", "t:meta", "catalogue_version", "9"); /* by somebody who does not say which */
    UNTIL(f->loop, strcmp(city_of(f, other)->entry->name, "not read") == 0);
}

/* FLUSHALL and init: the version of the catalogue begins anew, and may be the one that was there. */
static void sees_another_installation(void **state)
{
    struct fixture *f = *state;
    put_meta(f);
    SEND(f, "HSET", "t:meta", "installation", CID_A);
    put_entry(f, CITY, "Seattle");
    put_entry(f, 1, "goes");
    put_state(f, CITY, 1000);
    start_model(f);
    UNTIL(f->loop, model_ready(f->model) && city_of(f, 1) && city_of(f, CITY)->has_latest);
    SEND(f, "MULTI");
    SEND(f, "FLUSHALL");
    put_entry(f, CITY, "Duwamps");
    SEND(f, "HSET", "t:meta", "partitions", "24", "windows", "10m:2d,1h:30d", "catalogue_version", "1", "installation",
         CID_B);
    SEND(f, "EXEC");
    UNTIL(f->loop,
          !city_of(f, 1) && strcmp(city_of(f, CITY)->entry->name, "Duwamps") == 0 && !city_of(f, CITY)->has_latest);
    UNTIL(f->loop, model_ready(f->model));
}

static void waits_for_an_installation(void **state)
{
    struct fixture *f = *state;
    struct buf missing = BUF_EMPTY;
    start_model(f);
    UNTIL(f->loop, model_redis_up(f->model, &(int64_t){0}));
    UNTIL(f->loop, f->viewed > 0); /* meta was asked for before */
    assert_false(model_ready(f->model));
    model_missing(f->model, &missing);
    assert_non_null(strstr(missing.data, "isobarctl init"));
    buf_release(&missing);
    put_meta(f);
    put_entry(f, CITY, "Seattle");
    UNTIL(f->loop, model_ready(f->model));
    assert_non_null(city_of(f, CITY));
}

static void survives_a_restart_of_redis(void **state)
{
    struct fixture *f = *state;
    int64_t since = 0;
    put_meta(f);
    put_entry(f, CITY, "Seattle");
    put_state(f, CITY, AT);
    start_model(f);
    UNTIL(f->loop, model_ready(f->model));
    int states = f->states;
    redis_server_stop(&f->server);
    UNTIL(f->loop, !model_redis_up(f->model, &since));
    assert_int_equal(f->states, states + 1);
    assert_int_equal(city_of(f, CITY)->latest.observed_at_ms, AT); /* still shown, with its age */
    assert_false(model_ready(f->model));
    char directory[sizeof f->server.directory], address[sizeof f->server.address];
    memcpy(directory, f->server.directory, sizeof directory);
    memcpy(address, f->server.address, sizeof address);

    struct redis_server again;
    assert_true(redis_server_start(&again, NULL)); /* at another address: moved to the old one */
    assert_int_equal(rename(again.directory, directory), 0);
    f->server.pid = again.pid;
    struct buf error = BUF_EMPTY;
    store_sync_free(f->redis);
    f->redis = store_sync_new(&(struct store_config){.address = address, .timeout_ms = 5000}, &error);
    assert_non_null(f->redis);
    put_meta(f);
    put_entry(f, CITY, "Seattle");
    put_state(f, CITY, AT + 9);
    UNTIL(f->loop, model_redis_up(f->model, &since) && model_ready(f->model));
    UNTIL(f->loop, city_of(f, CITY)->latest.observed_at_ms == AT + 9);
    assert_int_equal(f->states, states + 2);
}

/* What the model names as missing has the word in it. */
static bool says_missing(struct fixture *f, const char *word)
{
    struct buf missing = BUF_EMPTY;
    model_missing(f->model, &missing);
    bool found = strstr(missing.data, word) != NULL;
    buf_release(&missing);
    return found;
}

static void hostile_redis(void **state)
{
    struct fixture *f = *state;
    put_meta(f);
    put_entry(f, CITY, "Seattle");
    put_state(f, CITY, AT);
    SEND(f, "HSET", key_of(CITY, "cities"), "7", "\xff\xff\xff\xff\xff", "8", "", "#n", "5");
    SEND(f, "HSET", key_of(CITY, "city"), "7", "rubbish", "#n", "5", "8", "\x08\x02");
    SEND(f, "SET", key_of(CITY + 1, "city"), "not a hash");
    SEND(f, "SET", "t:cluster", "{\"at_ms\":1,\n\"x\":\"</script>\"}");
    start_model(f);
    UNTIL(f->loop, view_known(model_view(f->model)));
    assert_null(strchr(model_view(f->model)->text.data, '\n'));
    UNTIL(f->loop, city_of(f, CITY) && city_has_reading(city_of(f, CITY)));
    assert_true(f->metrics.bad_records_total >= 4);
    UNTIL(f->loop, says_missing(f, "WRONGTYPE")); /* and it says so, without a storm of reconnects */
    static const char *const texts[] = {"", "x", "99 a b c", "0 " CID_A " " CID_B " ../../x,\r\nFLUSHALL,-1",
                                        "\xff\xfe"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        SEND(f, "PUBLISH", "t:updates", texts[i]);
    SEND(f, "SET", "t:cluster", "[1]");
    put_state(f, CITY, AT + 1);
    hint(f, CITY, CID_A, CID_B, "5809844");
    UNTIL(f->loop, city_of(f, CITY)->latest.observed_at_ms == AT + 1);
    SEND(f, "DEL", key_of(CITY + 1, "city"));
    UNTIL(f->loop, model_ready(f->model)); /* mended: read again by itself */
}

struct asked {
    bool done;
    int status;
    size_t count;
    int64_t rows, start_ms;
};

static void on_windows(void *arg, const struct window_query *query, const struct window_answer *answer)
{
    struct asked *asked = arg;
    (void)query;
    *asked = (struct asked){.done = true, .status = answer->status, .count = answer->count};
    if (answer->count)
        asked->rows = answer->windows[0].rows, asked->start_ms = answer->windows[0].start_ms;
}

static void reads_windows(void **state)
{
    struct fixture *f = *state;
    struct asked asked = {0};
    struct window window;
    struct buf bytes = BUF_EMPTY;
    char key[96];
    struct observation row = record_reading(CITY, AT + 1, 700);
    put_meta(f);
    put_entry(f, CITY, "Seattle");
    put_state(f, CITY, AT + 6 * MINUTE); /* one row in an open pane */
    window_init(&window, AT, AT + 10 * MINUTE);
    window_add(&window, &row); /* one folded */
    window_encode(&window, &bytes);
    (void)snprintf(key, sizeof key, "%s:%lld", key_of(CITY, "w:10m"), (long long)AT);
    send_bytes(f, "HSET", key, "5809844", bytes.data, bytes.size);
    (void)snprintf(key, sizeof key, "%s:%lld", key_of(CITY, "w:10m"), (long long)(AT + 10 * MINUTE));
    send_bytes(f, "HSET", key, "5809844", bytes.data, bytes.size); /* under the wrong start */
    start_model(f);
    UNTIL(f->loop, model_ready(f->model));
    struct window_query query = {.city_id = CITY,
                                 .partition = shard_of_city(CITY, PARTS),
                                 .limit = 10,
                                 .from_ms = AT,
                                 .to_ms = AT + 60 * MINUTE,
                                 .size = {.name = "10m", .size_ms = 10 * MINUTE}};
    reader_windows(model_store(f->model), "t:", &query, on_windows, &asked);
    UNTIL(f->loop, asked.done);
    assert_int_equal(asked.status, 0);
    assert_int_equal(asked.count, 1);
    assert_int_equal(asked.rows, 2);
    assert_int_equal(asked.start_ms, AT);

    asked = (struct asked){0}; /* the program stops while a read waits: it is answered */
    reader_windows(model_store(f->model), "t:", &query, on_windows, &asked);
    model_free(f->model);
    f->model = NULL;
    assert_true(asked.done);
    assert_int_equal(asked.status, ERR_UNAVAILABLE);
    window_release(&window);
    buf_release(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(follows_commits),
        TEST(one_event_for_many_partitions),
        TEST(reads_only_what_changed),
        TEST(sees_a_new_catalogue),
        TEST(sees_another_installation),
        TEST(waits_for_an_installation),
        TEST(survives_a_restart_of_redis),
        TEST(hostile_redis),
        TEST(reads_windows),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* as the daemon does: a server may be gone while something is written to it */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
