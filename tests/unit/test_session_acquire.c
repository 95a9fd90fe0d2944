/* How a session acquires its partition: which numbers are good, and which ledgers. */
#include "session_pair.h"

static void a_refused_number_waits_for_a_newer_one(void **state)
{
    (void)state;
    make_log(10);
    host_give(&b, 7);
    host_run(&b, 5);
    host_give(&a, 6);
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    assert_int_equal(a.metrics.acquires_refused_total, 1);
    assert_int_equal(session_number(a.session), 8); /* the least that helps */
    host_due(&a);
    assert_false(a.request.any); /* no use to try */
    assert_true(a.session->due_ms > world.now_ms);
    session_renumber(a.session, 7);
    assert_true(a.session->due_ms > world.now_ms); /* that one is the other's */
    session_renumber(a.session, 8);
    assert_true(a.session->due_ms <= world.now_ms);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(redis_number(LEDGER, "number"), 8);
}

/* A leader that adopts what the heartbeat says gives the very number that it names. */
static void a_refused_one_takes_the_number_that_it_named(void **state)
{
    (void)state;
    host_give(&b, 7);
    host_run(&b, 5);
    host_give(&a, 6);
    host_due(&a);
    host_answer(&a, ANSWERED);
    session_renumber(a.session, session_number(a.session));
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    session_renumber(a.session, session_number(a.session)); /* it has that one: nothing to do */
    assert_int_equal(a.session->phase, SESSION_RUNNING);
}

static void a_number_that_was_given_twice_asks_for_a_larger_one(void **state)
{
    (void)state;
    host_give(&b, 7);
    host_run(&b, 5);
    host_give(&a, 7);
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(session_number(a.session),
                     8); /* so the coordinator, who thinks that 7 is ours, goes on above it */
    session_renumber(a.session, 9);
    host_run(&a, 5);
    assert_int_equal(redis_number(LEDGER, "number"), 9);
}

static void a_number_that_comes_while_one_is_refused_is_tried_at_once(void **state)
{
    (void)state;
    host_give(&b, 7);
    host_run(&b, 5);
    host_give(&a, 6);
    host_due(&a);
    session_renumber(a.session, 9);
    host_answer(&a, ANSWERED);
    assert_int_equal(session_number(a.session), 9);
    assert_true(a.session->due_ms <= world.now_ms);
    host_run(&a, 5);
    assert_int_equal(redis_number(LEDGER, "number"), 9);
}

static void a_number_that_comes_while_running_is_for_the_next_acquire(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    session_renumber(a.session, 3);
    session_renumber(a.session, 2); /* older: nothing */
    assert_int_equal(session_number(a.session), 3);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(redis_number(LEDGER, "number"), 1);
    assert_as_if_undisturbed(&a);
}

static void no_ledger_stops_and_nothing_is_created(void **state)
{
    (void)state;
    redis_clear(PREFIX);
    host_give(&a, 1);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(a.session->alarm, "isobarctl init"));
    assert_int_equal(a.metrics.partitions_stopped, 1);
    struct store_reply *reply = REDIS_CALL("DBSIZE");
    assert_int_equal(reply->integer, 0);
    store_reply_free(reply);
    redis_make_ledger(LEDGER);
    session_renumber(a.session, 2); /* an operator had it given anew */
    assert_string_equal(a.session->alarm, "");
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(a.metrics.partitions_stopped, 0);
}

static void ledgers_of_newer_software_and_damaged_ones_stop(void **state)
{
    (void)state;
    static const struct {
        const char *field, *text, *alarm;
    } rows[] = {{"format", "2", "upgrade"},
                {"config_version", "0", "config_version"},
                {"offset", "x", "offset"},
                {"record_hash", "?", "record_hash"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        redis_clear(PREFIX);
        redis_make_ledger(LEDGER);
        REDIS_DO("HSET", LEDGER, rows[i].field, rows[i].text);
        host_give(&a, 1 + (int64_t)i);
        host_run(&a, 5);
        assert_int_equal(a.session->phase, SESSION_STOPPED);
        assert_non_null(strstr(a.session->alarm, rows[i].alarm));
    }
    REDIS_DO("DEL", LEDGER);
    REDIS_DO("SET", LEDGER, "text");
    host_give(&a, 99);
    host_run(&a, 5);
    assert_non_null(strstr(a.session->alarm, "damaged"));
}

static void a_lost_answer_to_an_acquire_is_no_harm(void **state)
{
    (void)state;
    static const enum fate fates[] = {UNHEARD, LOST, LATE, UNHEARD};
    make_log(20);
    host_give(&a, 1);
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        host_due(&a);
        host_answer(&a, fates[i]);
        assert_int_equal(a.session->phase, SESSION_ACQUIRING);
        assert_int_equal(a.session->attempt, (int)i + 1);
    }
    host_due(&a);
    host_answer(&a, ANSWERED);
    host_late(&a); /* the third is executed only now: the chain has moved on beneath us */
    assert_int_equal(a.session->phase, SESSION_LOADING);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.metrics.commit_mismatches_total, 1);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    assert_as_if_undisturbed(&a);
}

static void errors_of_redis_are_waited_out(void **state)
{
    (void)state;
    host_give(&a, 1);
    int64_t waited = world.now_ms;
    for (int i = 0; i < 50; i++) {
        host_due(&a);
        host_reply(&a, i % 2 ? 0 : ERR_UNAVAILABLE,
                   i % 2 ? reply_error("LOADING Redis is loading the dataset in memory") : NULL);
        assert_int_equal(a.session->phase, SESSION_ACQUIRING);
        assert_true(a.session->due_ms <= world.now_ms + 1000);
    }
    assert_true(world.now_ms - waited > 5000); /* not in a tight loop */
    assert_int_equal(a.distrusted, 0);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
}

static void impossible_answers_close_the_connection(void **state)
{
    (void)state;
    const struct store_reply *const answers[] = {REPLY("ok"),
                                                 REPLY("what"),
                                                 reply_text("ok"),
                                                 reply_nil(),
                                                 reply_array(0),
                                                 reply_array(3, reply_text("ok"), reply_nil(), reply_array(0)),
                                                 reply_array(3, reply_text("ok"), reply_text("c"), reply_text("x"))};
    host_give(&a, 1);
    int wanted = 0;
    for (size_t i = 0; i < sizeof answers / sizeof(struct store_reply *); i++) {
        host_due(&a);
        host_reply(&a, 0, answers[i]);
        assert_int_equal(a.distrusted, ++wanted);
        assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    }
    const struct store_reply *const pages[] = {
        REPLY("ok"), reply_array(2, reply_text("ok"), reply_text("0")), REPLY("?"),
        reply_array(2, reply_text("ok"), reply_array(2, reply_text("0"), REPLY("5809844"))),
        reply_array(2, reply_text("ok"), reply_array(1, reply_text("0")))};
    for (size_t i = 0; i < sizeof pages / sizeof(struct store_reply *); i++) {
        host_until(&a, SESSION_LOADING);
        host_reply(&a, 0, pages[i]);
        assert_int_equal(a.distrusted, ++wanted);
        assert_false(a.session->has_state);
    }
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
}

static void acquires_wait_for_their_turn(void **state)
{
    (void)state;
    struct pace pace = {.per_second = 10};
    make_log(5);
    a.config.pace = b.config.pace = &pace;
    host_give(&a, 1);
    (void)pace_reserve(&pace, world.now_ms); /* others were first */
    (void)pace_reserve(&pace, world.now_ms);
    int64_t begun = world.now_ms;
    session_step(a.session, world.now_ms);
    assert_false(a.request.any);
    assert_int_equal(a.session->due_ms, begun + 100);
    session_renumber(a.session, 2); /* woken before its time: by a new number, or by Redis that came back */
    session_step(a.session, world.now_ms + 50);
    assert_false(a.request.any);
    assert_int_equal(a.session->due_ms, begun + 100);     /* the same place */
    assert_int_equal(a.session->progress_ms, begun + 50); /* to wait is no lack of progress */
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_true(world.now_ms >= begun + 100);
    assert_int_equal(redis_number(LEDGER, "number"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refused_number_waits_for_a_newer_one),
        TEST(a_refused_one_takes_the_number_that_it_named),
        TEST(a_number_that_was_given_twice_asks_for_a_larger_one),
        TEST(a_number_that_comes_while_one_is_refused_is_tried_at_once),
        TEST(a_number_that_comes_while_running_is_for_the_next_acquire),
        TEST(no_ledger_stops_and_nothing_is_created),
        TEST(ledgers_of_newer_software_and_damaged_ones_stop),
        TEST(a_lost_answer_to_an_acquire_is_no_harm),
        TEST(errors_of_redis_are_waited_out),
        TEST(impossible_answers_close_the_connection),
        TEST(acquires_wait_for_their_turn),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
