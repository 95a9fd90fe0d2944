/* Commits of a session that end in any way but well: what it drops, what it keeps, and what it says. */
#include "session_pair.h"

static void an_executed_commit_is_found_and_memory_kept(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    size_t journal = world.journal_count;
    host_answer(&a, UNHEARD);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    assert_false(a.assigned);
    assert_int_equal(a.metrics.commit_failures_total, 1);
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_CHECKING); /* nothing is loaded */
    assert_int_equal(a.metrics.memory_kept_total, 1);
    assert_int_equal(a.session->last_offset, 25);
    assert_int_equal(world.journal_count, journal + 2); /* the commit is told of after all, and the acquire */
    host_answer_check(&a);
    assert_int_equal(a.position, 28); /* what was applied meanwhile is not read again */
    assert_as_if_undisturbed(&a);
    assert_int_equal(a.metrics.records_total, 40);
    assert_int_equal(a.metrics.rollbacks_total, 0);
}

static void a_commit_that_was_not_executed_is_found_and_memory_kept(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    host_answer(&a, LOST);
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(a.metrics.memory_kept_total, 1);
    assert_int_equal(a.position, 28);
    assert_int_equal(a.session->last_offset, 20);
    assert_as_if_undisturbed(&a);
    assert_int_equal(a.metrics.records_total, 40);
}

static void a_commit_that_is_executed_late_counts_once(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        leave_a_commit_on_the_way(&a);
        host_answer(&a, LATE);
        if (before) /* before the acquire: it counts */
            host_late(&a);
        host_due(&a);
        host_answer(&a, ANSWERED);
        host_late(&a); /* after it: it is refused */
        assert_int_equal(redis_number(LEDGER, "offset"), before ? 25 : 20);
        assert_as_if_undisturbed(&a);
        assert_int_equal(a.metrics.memory_kept_total, 1);
        (void)end(state);
        (void)begin(state);
    }
}

static void a_second_loss_in_a_row_gives_memory_up(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    host_answer(&a, UNHEARD);
    host_due(&a);
    host_answer(&a, UNHEARD); /* the acquire was executed: the id before the next one is neither of the two */
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_LOADING);
    assert_int_equal(a.metrics.memory_kept_total, 0);
    assert_as_if_undisturbed(&a);
    assert_int_equal(a.metrics.rollbacks_total, 0);
}

static void a_load_without_an_answer_keeps_memory(void **state)
{
    (void)state;
    make_log(120);
    host_give(&a, 1);
    int losses = 0;
    for (int i = 0; i < 3000 && losses < 5; i++) {
        (void)host_offer(&a, 6);
        if (a.session->ticket == 0)
            host_due(&a);
        bool lose = a.request.any && a.session->resolving && losses < 5;
        if (a.request.any)
            host_answer(&a, lose ? UNHEARD : ANSWERED);
        else if (a.check)
            host_answer_check(&a);
        losses += lose;
        if (lose)
            a.blocked = false; /* unassigned: what was offered is gone */
    }
    assert_int_equal(losses, 5);
    assert_as_if_undisturbed(&a);
    assert_int_equal(a.metrics.memory_kept_total, 5);
    assert_int_equal(a.metrics.records_total, 120);
}

static void a_ledger_that_a_tool_has_changed_is_loaded_anew(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    host_answer(&a, LOST);
    REDIS_DO("HSET", LEDGER, "commits", "1000"); /* under the same id */
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(a.metrics.memory_kept_total, 0);
    assert_int_equal(a.position, 20);
    assert_as_if_undisturbed(&a);
}

static void a_script_that_was_lost_is_no_loss(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    REDIS_DO("SCRIPT", "FLUSH");
    host_reply(&a, ERR_REFUSED, NULL); /* what the store says after it has loaded it again */
    redis_load_scripts();
    assert_as_if_undisturbed(&a);
    assert_int_equal(a.metrics.memory_kept_total, 1);
}

static void redis_without_memory_pauses_and_recovers(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    struct buf before = BUF_EMPTY, after = BUF_EMPTY;
    redis_dump(PREFIX, &before);
    REDIS_DO("CONFIG", "SET", "maxmemory", "1");
    host_answer(&a, ANSWERED); /* -OOM */
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    assert_int_equal(a.metrics.commit_failures_total, 1);
    for (int i = 0; i < 10; i++) {
        host_due(&a);
        host_answer(&a, ANSWERED);
        assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    }
    REDIS_DO("CONFIG", "SET", "maxmemory", "0");
    redis_dump(PREFIX, &after);
    assert_string_equal(before.data, after.data); /* no partial commit */
    assert_int_equal(a.distrusted, 0);
    assert_as_if_undisturbed(&a);
    assert_int_equal(a.metrics.memory_kept_total, 1);
    buf_release(&before);
    buf_release(&after);
}

static void an_impossible_answer_to_a_commit_drops_memory(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    host_reply(&a, 0, reply_array(2, reply_text("ok"), reply_text("of another request")));
    assert_int_equal(a.distrusted, 1);
    assert_false(a.session->has_state);
    assert_as_if_undisturbed(&a);
}

static void a_ledger_that_goes_while_running_stops(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    redis_clear(PREFIX);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_false(a.assigned);
    struct store_reply *reply = REDIS_CALL("DBSIZE");
    assert_int_equal(reply->integer, 0); /* nothing is made anew */
    store_reply_free(reply);
}

static void a_commit_that_redis_finds_invalid_stops(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    REDIS_DO("DEL", PREFIX "{0}:city");
    REDIS_DO("SET", PREFIX "{0}:city", "text");
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(a.session->alarm, "refuses a commit"));
    assert_int_equal(redis_number(LEDGER, "offset"), 20);
}

static void a_stored_window_that_cannot_be_decoded_stops(void **state)
{
    (void)state;
    make_log(120);
    world.log_count = 80;
    host_give(&a, 1);
    host_run(&a, 7);
    const struct store_reply **keys;
    struct store_reply *reply = redis_keys(PREFIX "{0}:w:1h:", &keys);
    assert_true(reply->count > 0);
    for (size_t i = 0; i < reply->count * 6; i++) {
        char field[24];
        (void)snprintf(field, sizeof field, "%zu", i % 6 + 1);
        REDIS_DO("HSET", keys[i / 6]->text, field, "poison");
    }
    free(keys);
    store_reply_free(reply);
    a.cache.limit = 0;
    state_evict(&a.session->state);
    world.log_count = 120;
    host_run(&a, 7);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(a.session->alarm, "cannot be decoded"));
    assert_true(redis_number(LEDGER, "offset") >= 80 && redis_number(LEDGER, "offset") < 120);
}

static void counters_that_do_not_add_up_stop_before_a_commit(void **state)
{
    (void)state;
    make_log(10);
    REDIS_DO("HSET", LEDGER, "rows_in", "1");
    host_give(&a, 1);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(a.session->alarm, "isobarctl verify"));
    assert_int_equal(redis_number(LEDGER, "offset"), 0);
}

static void a_partition_that_the_consumer_gives_up_is_checked_again(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    session_failed(a.session, "unknown partition", world.now_ms);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    a.request.any = false;                                /* its answer meets nobody */
    session_failed(a.session, "once more", world.now_ms); /* of an assignment that is over */
    assert_int_equal(a.session->attempt, 1);
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(a.position, 28);
    session_failed(a.session, "bad record", world.now_ms); /* without a record in between */
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(a.session->alarm, "bad record"));
    assert_non_null(strstr(a.session->alarm, "28"));
    host_give(&a, 2);
    assert_as_if_undisturbed(&a);
}

static void what_is_resumed_may_fail_once_again_before_it_stops(void **state)
{
    (void)state;
    make_log(20);
    host_give(&a, 1);
    host_run(&a, 5);
    for (int64_t number = 2; number < 5; number++) {
        session_failed(a.session, "broker away", world.now_ms);
        host_until(&a, SESSION_RUNNING);
        session_failed(a.session, "broker away", world.now_ms);
        assert_int_equal(a.session->phase, SESSION_STOPPED);
        assert_non_null(strstr(a.session->alarm, "isobarctl partition resume 0"));
        host_give(&a, number);
        host_until(&a, SESSION_RUNNING);
    }
}

static void a_reset_under_a_running_owner_fences_it_and_is_taken_up(void **state)
{
    (void)state;
    make_log(40);
    host_give(&a, 1);
    host_run(&a, 5);
    int64_t rows = redis_number(LEDGER, "rows_in");
    const char *ledger = LEDGER, *next = "abababababababababababababababab";
    REDIS_DO("EVAL", script_reset_lua, "1", ledger, a.session->cid, next, "30");
    make_log(1);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(a.metrics.commit_mismatches_total, 1);
    assert_int_equal(a.metrics.memory_kept_total, 0);
    assert_int_equal(redis_number(LEDGER, "first_offset"), 30);
    assert_int_equal(redis_number(LEDGER, "offset"), 41);
    assert_int_equal(redis_number(LEDGER, "applied"), 11);
    assert_true(redis_number(LEDGER, "rows_in") >= rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_executed_commit_is_found_and_memory_kept),
        TEST(a_commit_that_was_not_executed_is_found_and_memory_kept),
        TEST(a_commit_that_is_executed_late_counts_once),
        TEST(a_second_loss_in_a_row_gives_memory_up),
        TEST(a_load_without_an_answer_keeps_memory),
        TEST(a_ledger_that_a_tool_has_changed_is_loaded_anew),
        TEST(a_script_that_was_lost_is_no_loss),
        TEST(redis_without_memory_pauses_and_recovers),
        TEST(an_impossible_answer_to_a_commit_drops_memory),
        TEST(a_ledger_that_goes_while_running_stops),
        TEST(a_commit_that_redis_finds_invalid_stops),
        TEST(a_stored_window_that_cannot_be_decoded_stops),
        TEST(counters_that_do_not_add_up_stop_before_a_commit),
        TEST(a_partition_that_the_consumer_gives_up_is_checked_again),
        TEST(what_is_resumed_may_fail_once_again_before_it_stops),
        TEST(a_reset_under_a_running_owner_fences_it_and_is_taken_up),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
