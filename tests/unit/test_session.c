/* A session on the straight way: commits, back-pressure and ticks. */
#include "session_pair.h"

/* ---- the straight way ---- */

static void a_partition_is_acquired_read_committed_and_released(void **state)
{
    (void)state;
    make_log(100);
    host_give(&a, 5);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    host_due(&a);
    assert_int_equal(a.request.script, SCRIPT_ACQUIRE);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_LOADING);
    assert_int_equal(redis_number(LEDGER, "number"), 5);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_CHECKING);
    host_answer_check(&a);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_true(a.assigned);
    assert_int_equal(a.metrics.partitions_running, 1);
    host_run(&a, 9);
    assert_int_equal(redis_number(LEDGER, "offset"), 100);
    assert_int_equal(redis_number(LEDGER, "rows"), 100);
    assert_int_equal(a.noted, 100);
    assert_int_equal(a.session->last_offset, 100);
    assert_int_equal(a.metrics.commits_total, redis_number(LEDGER, "commits"));
    assert_int_equal(a.metrics.acquires_total, 1);
    session_release(a.session, world.now_ms);
    assert_int_equal(a.session->phase, SESSION_GONE); /* nothing was left to commit */
    assert_int_equal(a.released, 1);
    assert_int_equal(a.metrics.partitions_running, 0);
}

static void a_take_over_goes_on_where_the_other_stopped(void **state)
{
    (void)state;
    make_log(60);
    world.log_count = 31;
    host_give(&a, 1);
    host_run(&a, 4);
    session_release(a.session, world.now_ms);
    assert_int_equal(a.released, 1);
    world.log_count = 60;
    host_give(&b, 2);
    host_until(&b, SESSION_RUNNING);
    assert_int_equal(b.position, 31);
    assert_int_equal(HASH_COUNT(b.session->state.cities), 6);
    assert_as_if_undisturbed(&b);
}

static void commits_keep_their_distance(void **state)
{
    (void)state;
    make_log(40);
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(a.session->due_ms, INT64_MAX); /* nothing to commit */
    assert_int_equal(host_offer(&a, 1), 1);
    host_commit(&a);
    world.now_ms += 7; /* so long takes the answer */
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->due_ms, INT64_MAX);
    assert_int_equal(host_offer(&a, 1), 1);
    assert_int_equal(a.session->due_ms, world.now_ms + 5 + 2 * 7); /* busier, so later */
    host_commit(&a);
    world.now_ms += 500;
    host_answer(&a, ANSWERED);
    assert_int_equal(host_offer(&a, 1), 1);
    assert_int_equal(a.session->due_ms, world.now_ms + 100); /* but not for ever */
    session_release(a.session, world.now_ms);
    assert_int_equal(a.session->due_ms, world.now_ms); /* at once, when it is wanted back */
    assert_false(a.assigned);
}

static void many_changes_make_a_commit_due_but_never_split_a_record(void **state)
{
    (void)state;
    struct observation rows[BATCH_MAX_ROWS];
    for (int64_t i = 0; i < BATCH_MAX_ROWS; i++)
        rows[i] = kit_row(1 + i, NOON, 1);
    log_rows(rows, BATCH_MAX_ROWS, NOON); /* 512 cities, commit_fields is 20 */
    log_rows(rows, 1, NOON);
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(host_offer(&a, 2), 1);
    assert_true(a.blocked); /* no more before a commit */
    assert_int_equal(a.session->due_ms, world.now_ms);
    host_commit(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(redis_number(LEDGER, "rows"), BATCH_MAX_ROWS);
    assert_int_equal(a.resumed, 1);
    assert_false(a.blocked);
    host_run(&a, 1);
    assert_int_equal(redis_number(LEDGER, "rows"), BATCH_MAX_ROWS + 1);
}

static void what_is_noted_is_what_was_committed(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(redis_number(LEDGER, "offset"), 25);
    assert_int_equal(a.noted, 25); /* memory is at 28 */
    assert_int_equal(a.session->last_offset, 25);
    assert_int_equal(world.journal_offset, 25);
    assert_string_equal(world.journal_what, "commit");
    assert_int_equal(a.session->state.ledger.offset, 28);
    assert_int_equal(a.metrics.rollbacks_total, 0);
}

/* ---- back-pressure ---- */

static void whoever_held_up_the_consumer_lets_it_go_on(void **state)
{
    (void)state;
    static const enum fate fates[] = {ANSWERED, UNHEARD, LOST};
    struct observation rows[BATCH_MAX_ROWS];
    for (int64_t k = 0; k < 10; k++) {
        for (int64_t i = 0; i < 100; i++)
            rows[i] = kit_row(1 + k * 100 + i, NOON, 1);
        log_rows(rows, 100, NOON);
    }
    for (int i = 0; i < 3; i++) {
        host_give(&a, 1);
        host_until(&a, SESSION_RUNNING);
        (void)host_offer(&a, 10);
        assert_true(a.blocked);
        host_commit(&a);
        int resumed = a.resumed;
        host_answer(&a, fates[i]);
        assert_int_equal(a.resumed, resumed + 1);
    }
    host_until(&a, SESSION_RUNNING);
    (void)host_offer(&a, 10);
    assert_true(a.blocked);
    int resumed = a.resumed;
    session_release(a.session, world.now_ms);
    assert_int_equal(a.resumed, resumed + 1);
}

static void changes_are_bounded_over_all_partitions(void **state)
{
    (void)state;
    make_log(10);
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
    a.cache.limit = 1 << 20;
    a.cache.pinned += a.cache.limit; /* what other partitions have to commit */
    for (int64_t i = 1; i <= 3; i++) {
        assert_int_equal(host_offer(&a, 5), 1); /* one at a time, so that nobody waits for ever */
        assert_true(a.blocked);
        assert_int_equal(a.session->due_ms, world.now_ms);
        host_commit(&a);
        assert_int_equal(host_offer(&a, 5), 0);
        host_answer(&a, ANSWERED);
        assert_false(a.blocked);
        assert_int_equal(redis_number(LEDGER, "offset"), i);
    }
    a.cache.pinned -= a.cache.limit;
    assert_int_equal(host_offer(&a, 5), 5);
    assert_as_if_undisturbed(&a);
}

static void records_that_come_after_the_end_are_left_over(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    host_answer(&a, LOST);
    assert_int_equal(session_records(a.session, &world.log[28], 5, world.now_ms), 5);
    assert_int_equal(a.session->state.ledger.offset, 28); /* not applied */
    assert_as_if_undisturbed(&a);
}

/* ---- ticks ---- */

static void make_silent_cities(void)
{
    struct observation rows[BATCH_MAX_ROWS];
    for (int64_t k = 0; k < 4; k++) {
        for (int64_t i = 0; i < 400; i++)
            rows[i] = kit_row(1 + k * 400 + i, NOON, 1);
        log_rows(rows, 400, NOON);
    }
    struct observation tick = kit_kind(ISOBAR__V1__ROW_KIND__TICK, 0, NOON);
    log_rows(&tick, 1, NOON + HOUR);
    struct observation late = kit_row(7, NOON + 1, 1);
    log_rows(&late, 1, NOON + HOUR);
}

static void a_tick_goes_on_over_commits(void **state)
{
    (void)state;
    make_silent_cities(); /* 1,600 cities: four steps */
    host_give(&a, 1);
    host_run(&a, 10);
    assert_int_equal(redis_number(LEDGER, "tick_clock_ms"), 0);
    assert_int_equal(kit_open_rows(&a.session->state), 0);
    assert_int_equal(redis_number(LEDGER, "rows_late"), 1);
    assert_true(redis_number(LEDGER, "commits") >= 4 + 4);
}

static void a_tick_under_way_is_taken_over(void **state)
{
    (void)state;
    make_silent_cities();
    size_t all = world.log_count;
    world.log_count = 4;
    host_give(&a, 1);
    host_run(&a, 10);
    world.log_count = all;
    assert_int_equal(host_offer(&a, 2), 1); /* the tick, and nothing after it */
    session_release(a.session, world.now_ms);
    host_run(&a, 10);
    assert_int_equal(a.released, 1); /* it does not finish the tick first */
    assert_true(redis_number(LEDGER, "tick_clock_ms") > 0);
    assert_int_equal(redis_number(LEDGER, "offset"), 5);
    host_give(&b, 2);
    host_until(&b, SESSION_RUNNING);
    assert_int_equal(b.session->due_ms, world.now_ms);
    assert_int_equal(host_offer(&b, 1), 0); /* the tick comes first */
    assert_as_if_undisturbed(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_partition_is_acquired_read_committed_and_released),
        TEST(a_take_over_goes_on_where_the_other_stopped),
        TEST(commits_keep_their_distance),
        TEST(many_changes_make_a_commit_due_but_never_split_a_record),
        TEST(what_is_noted_is_what_was_committed),
        TEST(whoever_held_up_the_consumer_lets_it_go_on),
        TEST(changes_are_bounded_over_all_partitions),
        TEST(records_that_come_after_the_end_are_left_over),
        TEST(a_tick_goes_on_over_commits),
        TEST(a_tick_under_way_is_taken_over),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
