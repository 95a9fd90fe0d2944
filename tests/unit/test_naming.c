/*
 * The names of the operator's own metrics, read from rules in a real Redis: a version is read once and the next one
 * replaces it; a bad text leaves the names and is said once; one that is not there is asked for until it is.
 */
#include "../../dashboard/naming.h"
#include "capture.h"
#include "loop_kit.h"
#include "mem.h"
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SOIL "[windows]\n10m = 2d\n[metric soil_moisture]\nnumber = 0\nunit = %\nscale = 100\n"
#define LEAF "[windows]\n10m = 2d\n[metric leaf_wetness]\nnumber = 3\nunit = min\ncombine = sum\n"

static struct redis_server server;

struct fixture {
    struct loop *loop;
    struct store *store;
    struct store_sync *redis;
    struct custom_set set;
    struct naming naming;
    bool up;
};

static void on_state(void *arg, bool up, const char *reason)
{
    (void)reason;
    ((struct fixture *)arg)->up = up;
}

static void command(struct fixture *f, const char *name, const char *key, const char *field, const char *text)
{
    struct buf error = BUF_EMPTY;
    struct store_reply *reply = store_sync_send(f->redis, &error, name, key, field, text, NULL);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, STORE_ERROR);
    store_reply_free(reply);
}

/* meta says this version: what is logged until its rules were read, for the caller to free. */
static char *update(struct fixture *f, int64_t version)
{
    struct capture capture;
    capture_begin(&capture, 2);
    naming_update(&f->naming, version);
    naming_update(&f->naming, version); /* meta is read again before the answer: not asked twice */
    UNTIL(f->loop, f->naming.asked == 0);
    return capture_end(&capture);
}

static void quiet_update(struct fixture *f, int64_t version)
{
    char *said = update(f, version);
    assert_string_equal(said, "");
    free(said);
}

static void loud_update(struct fixture *f, int64_t version, const char *words)
{
    char *said = update(f, version);
    if (!strstr(said, "rules_not_read") || !strstr(said, words))
        fail_msg("%s is not in: %s", words, said);
    free(said);
}

static const char *name_of(const struct fixture *f, int number)
{
    const struct custom *custom = custom_get(&f->set, number);
    return custom ? custom->name : "";
}

static void follows_versions(void **state)
{
    struct fixture *f = *state;
    quiet_update(f, 0); /* meta does not say one */
    assert_string_equal(name_of(f, 0), "");
    command(f, "HSET", "n:config", "1", SOIL);
    command(f, "HSET", "n:config", "2", LEAF);
    quiet_update(f, 1);
    assert_string_equal(name_of(f, 0), "soil_moisture");
    assert_int_equal(custom_get(&f->set, 0)->scale, 100);
    quiet_update(f, 2);
    assert_string_equal(name_of(f, 0), "");
    assert_string_equal(name_of(f, 3), "leaf_wetness");
    assert_int_equal(custom_get(&f->set, 3)->combine, CUSTOM_SUM);
}

/* What was read is not asked for again, unless another installation may be there. */
static void reads_once(void **state)
{
    struct fixture *f = *state;
    command(f, "HSET", "n:config", "1", SOIL);
    quiet_update(f, 1);
    command(f, "HSET", "n:config", "1", LEAF);
    quiet_update(f, 1);
    assert_string_equal(name_of(f, 0), "soil_moisture");
    naming_expire(&f->naming);
    quiet_update(f, 1);
    assert_string_equal(name_of(f, 3), "leaf_wetness");
}

static void bad_text_keeps_the_names(void **state)
{
    struct fixture *f = *state;
    command(f, "HSET", "n:config", "1", SOIL);
    command(f, "HSET", "n:config", "2", "[metric Bad Name]\nnumber = 99\n");
    command(f, "HSET", "n:config", "3", LEAF);
    quiet_update(f, 1);
    loud_update(f, 2, "line 2");
    assert_string_equal(name_of(f, 0), "soil_moisture");
    quiet_update(f, 2);
    naming_expire(&f->naming);
    quiet_update(f, 2); /* as bad as it was, and said already */
    assert_string_equal(name_of(f, 0), "soil_moisture");
    quiet_update(f, 3);
    assert_string_equal(name_of(f, 3), "leaf_wetness");
}

static void missing_field_is_asked_again(void **state)
{
    struct fixture *f = *state;
    command(f, "HSET", "n:config", "1", SOIL);
    quiet_update(f, 1);
    loud_update(f, 2, "does not have them");
    assert_string_equal(name_of(f, 0), "soil_moisture");
    quiet_update(f, 2);
    command(f, "HSET", "n:config", "2", LEAF);
    quiet_update(f, 2);
    assert_string_equal(name_of(f, 3), "leaf_wetness");
    loud_update(f, 4, "does not have them"); /* a version is another thing to say */
}

/* Redis goes while it is asked: no answer, no warning, and the question is put again. */
static void lost_answer_is_asked_again(void **state)
{
    struct fixture *f = *state;
    command(f, "HSET", "n:config", "1", SOIL);
    naming_update(&f->naming, 1);
    command(f, "CLIENT", "KILL", "TYPE", "NORMAL");
    UNTIL(f->loop, f->naming.asked == 0);
    UNTIL(f->loop, f->up);
    quiet_update(f, 1);
    assert_string_equal(name_of(f, 0), "soil_moisture");
}

static int begin(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    struct store_config config = {.address = server.address, .timeout_ms = 5000};
    struct buf error = BUF_EMPTY;
    f->redis = redis_server_connect(&server);
    f->loop = loop_new();
    f->store = store_new(f->loop, &config, on_state, f, &error);
    assert_true(f->redis && f->loop && f->store);
    UNTIL(f->loop, f->up);
    command(f, "FLUSHALL", NULL, NULL, NULL);
    naming_init(&f->naming, f->store, "n:", &f->set);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    store_free(f->store);
    store_sync_free(f->redis);
    loop_free(f->loop);
    free(f);
    return 0;
}

static int start(void **state)
{
    (void)state;
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follows_versions, begin, end),
        cmocka_unit_test_setup_teardown(reads_once, begin, end),
        cmocka_unit_test_setup_teardown(bad_text_keeps_the_names, begin, end),
        cmocka_unit_test_setup_teardown(missing_field_is_asked_again, begin, end),
        cmocka_unit_test_setup_teardown(lost_answer_is_asked_again, begin, end),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
