/* How a session loads what is stored, and checks it against Kafka. */
#include "session_pair.h"

/* ---- load ---- */

static void half_of_the_cities_are_no_state(void **state)
{
    (void)state;
    struct observation rows[BATCH_MAX_ROWS];
    for (int64_t k = 0; k < 4; k++) {
        for (int64_t i = 0; i < BATCH_MAX_ROWS; i++)
            rows[i] = kit_row(1 + k * BATCH_MAX_ROWS + i, NOON, 1);
        log_rows(rows, BATCH_MAX_ROWS, NOON);
    }
    host_give(&a, 1);
    host_run(&a, 5);
    session_release(a.session, world.now_ms);
    host_give(&b, 2);
    host_until(&b, SESSION_LOADING);
    host_answer(&b, ANSWERED); /* a first page of about 500 */
    assert_int_equal(b.session->phase, SESSION_LOADING);
    assert_true(HASH_COUNT(b.session->state.cities) < 2000);
    host_answer(&b, UNHEARD);
    assert_false(b.session->has_state);
    host_until(&b, SESSION_RUNNING);
    assert_int_equal(HASH_COUNT(b.session->state.cities), 2048);
    assert_int_equal(b.metrics.memory_kept_total, 0);
}

static void a_load_is_refused_when_another_has_acquired(void **state)
{
    (void)state;
    host_give(&a, 1);
    host_until(&a, SESSION_LOADING);
    host_give(&b, 2);
    host_run(&b, 5);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.metrics.commit_mismatches_total, 1);
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.metrics.acquires_refused_total, 1);
    assert_false(a.session->has_state);
}

static void a_ledger_that_goes_while_loading_stops(void **state)
{
    (void)state;
    host_give(&a, 1);
    host_until(&a, SESSION_LOADING);
    REDIS_DO("DEL", LEDGER);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    redis_make_ledger(LEDGER);
    REDIS_DO("SET", PREFIX "{0}:city", "text");
    host_give(&a, 2);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(a.session->alarm, "refuses a load"));
}

static void a_city_that_cannot_be_decoded_stops_and_nothing_is_lost(void **state)
{
    (void)state;
    make_log(20);
    host_give(&a, 1);
    host_run(&a, 5);
    session_release(a.session, world.now_ms);
    struct store_reply *good = REDIS_CALL("HGET", PREFIX "{0}:city", "3");
    REDIS_DO("HSET", PREFIX "{0}:city", "3", "poison");
    host_give(&b, 2);
    host_run(&b, 5);
    assert_int_equal(b.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(b.session->alarm, "city 3"));
    assert_int_equal(b.metrics.bad_states_total, 1);
    assert_int_equal(redis_number(LEDGER, "offset"), 20);
    const char *argv[] = {"HSET", PREFIX "{0}:city", "3", good->text};
    const size_t sizes[] = {4, strlen(argv[1]), 1, good->size};
    store_reply_free(redis_call(4, argv, sizes)); /* repaired */
    store_reply_free(good);
    host_give(&b, 3);
    assert_as_if_undisturbed(&b);
}

/* ---- check against Kafka ---- */

static struct kafka_check check_of(int64_t low, int64_t high)
{
    return (struct kafka_check){.low = low,
                                .high = high,
                                .partitions = 1,
                                .cluster_id = "C",
                                .records = {{ERR_NOT_FOUND, 0}, {ERR_NOT_FOUND, 0}}};
}

/* A log of so many records is read to its end, and the session gone. */
static void read_and_let_go(int64_t count)
{
    make_log(count);
    host_give(&a, 1);
    host_run(&a, 5);
    session_release(a.session, world.now_ms);
    host_bury(&a);
}

static void logs_that_are_not_the_one_stop(void **state)
{
    (void)state;
    read_and_let_go(20);
    struct kafka_check rows[5] = {check_of(0, 20), check_of(0, 20), check_of(21, 30), check_of(0, 19), check_of(0, 20)};
    static const char *const alarms[] = {"cluster D", "24 partitions", "deleted", "beyond", "not the one"};
    (void)snprintf(rows[0].cluster_id, sizeof rows[0].cluster_id, "D");
    rows[1].partitions = 24;
    rows[4].records[0].status = 0;
    rows[4].records[0].hash = 1;
    for (int i = 0; i < 5; i++) {
        world.check = rows[i];
        host_give(&a, 2 + i);
        host_run(&a, 5);
        assert_int_equal(a.session->phase, SESSION_STOPPED);
        assert_non_null(strstr(a.session->alarm, alarms[i]));
        assert_false(a.assigned);
        assert_int_equal(redis_number(LEDGER, "offset"), 20);
    }
    world.check.partitions = 0;
    host_give(&a, 9);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
}

/* Between its acquire and the check another went on, and retention deleted what it had passed. */
static void a_log_that_fits_another_owner_stops_nothing(void **state)
{
    (void)state;
    make_log(20);
    host_give(&a, 1);
    host_until(&a, SESSION_CHECKING);
    host_give(&b, 2);
    host_run(&b, 5);
    world.check = check_of(20, 20);
    host_answer_check(&a);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    assert_int_equal(a.metrics.acquires_refused_total, 1);
    assert_int_equal(b.session->phase, SESSION_RUNNING);
}

static void the_edges_of_the_log_are_inside(void **state)
{
    (void)state;
    read_and_let_go(20);
    world.check = check_of(20, 20); /* everything was deleted, and nothing that counts: the record has aged out */
    host_give(&a, 2);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(a.metrics.records_aged_out_total, 1);
}

static void a_broker_that_does_not_answer_is_asked_again(void **state)
{
    (void)state;
    make_log(10);
    struct kafka_check rows[5] = {check_of(0, 0), check_of(0, 0), check_of(0, 0), check_of(0, 10), check_of(0, 10)};
    rows[0].status = ERR_TIMEOUT;
    rows[1].status = ERR_UNAVAILABLE;
    rows[2].status = ERR_NOT_FOUND;
    rows[3].records[0].status = ERR_TIMEOUT;
    rows[4].records[0].status = ERR_UNAVAILABLE;
    host_give(&a, 1);
    for (int i = 0; i < 5; i++) {
        world.check = rows[i];
        host_until(&a, SESSION_CHECKING);
        host_answer_check(&a);
        assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    }
    assert_int_equal(a.metrics.memory_kept_total, 4); /* the cities need not be loaded again */
    world.check.partitions = 0;
    a.assign_fails = 2;
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(a.metrics.memory_kept_total, 7);
    assert_int_equal(redis_number(LEDGER, "offset"), 10);
}

static void answers_to_older_questions_meet_nobody(void **state)
{
    (void)state;
    host_give(&a, 1);
    host_until(&a, SESSION_CHECKING);
    struct kafka_check check = check_of(0, 0);
    session_checked(a.session, a.check_ticket + 1000, &check, world.now_ms);
    assert_int_equal(a.session->phase, SESSION_CHECKING);
    session_reply(a.session, a.check_ticket - 1, 0, REPLY("missing"), world.now_ms);
    assert_int_equal(a.session->phase, SESSION_CHECKING);
    host_answer_check(&a);
    session_checked(a.session, a.check_ticket, &check, world.now_ms); /* once more */
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    host_run(&a, 1);
}

static void a_log_that_was_cut_is_named_when_the_consumer_fails(void **state)
{
    (void)state;
    make_log(20);
    host_give(&a, 1);
    host_run(&a, 5);
    world.check = check_of(25, 30);
    session_failed(a.session, "offset out of range", world.now_ms);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(a.session->alarm, "deleted from the log"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(half_of_the_cities_are_no_state),        TEST(a_load_is_refused_when_another_has_acquired),
        TEST(a_ledger_that_goes_while_loading_stops), TEST(a_city_that_cannot_be_decoded_stops_and_nothing_is_lost),
        TEST(logs_that_are_not_the_one_stop),         TEST(a_log_that_fits_another_owner_stops_nothing),
        TEST(the_edges_of_the_log_are_inside),        TEST(a_broker_that_does_not_answer_is_asked_again),
        TEST(answers_to_older_questions_meet_nobody), TEST(a_log_that_was_cut_is_named_when_the_consumer_fails),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
