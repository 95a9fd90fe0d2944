/* Sessions and rules: which they take over by, how they change at a record, and what they do without (session_rules.c).
 */
#include "session_pair.h"

static int begin_with_two_rules(void **state)
{
    (void)begin(state);
    kit_rules(&world.rules[1], "10m:2d,30m:2d,1d:2y"); /* 30m is new, 1h is gone */
    world.rules[1].version = 2;
    return 0;
}

/* A reading every ten minutes from `from_ms` on. */
static void log_hours(int64_t from_ms, int hours)
{
    for (int i = 0; i < hours * 6; i++) {
        struct observation row = kit_row(CITY, from_ms + i * 10 * MINUTE, 1000 + i);
        log_rows(&row, 1, row.observed_at_ms);
    }
}

static void log_version(int64_t version, int64_t clock_ms)
{
    struct buf bytes = BUF_EMPTY;
    batch_encode_version(version, clock_ms, 0, &bytes);
    log_add(bytes.data, bytes.size, clock_ms);
    buf_release(&bytes);
}

/* Readings, new rules at 16:00, more readings. */
static void make_log_with_change(void)
{
    log_hours(NOON, 4);
    log_version(2, NOON + 4 * HOUR);
    log_hours(NOON + 4 * HOUR, 4);
}

static bool has_window(const char *size, int64_t start_ms)
{
    char key[80];
    if (strcmp(size, "1d") == 0)
        (void)snprintf(key, sizeof key, PREFIX "{0}:w:1d:2024-10-04"); /* NOON's date in UTC */
    else
        (void)snprintf(key, sizeof key, PREFIX "{0}:w:%s:%lld", size, (long long)start_ms);
    struct store_reply *reply = REDIS_CALL("EXISTS", key);
    bool there = reply->integer == 1;
    store_reply_free(reply);
    return there;
}

/* What make_log_with_change leaves behind, whoever applied it. */
static void assert_result(void)
{
    assert_int_equal(redis_number(LEDGER, "config_version"), 2);
    assert_int_equal(redis_number(LEDGER, "offset"), (int64_t)world.log_count);
    assert_int_equal(redis_number(LEDGER, "rows_in"), (int64_t)world.log_count - 1);
    assert_int_equal(redis_number(LEDGER, "rows_control"), 1);
    assert_int_equal(redis_number(LEDGER, "w_cursor_30m"), NOON + 4 * HOUR + 30 * MINUTE);
    assert_true(has_window("1h", NOON));
    assert_true(has_window("1h", NOON + 2 * HOUR));
    assert_false(has_window("1h", NOON + 5 * HOUR));
    assert_false(has_window("30m", NOON + 4 * HOUR));
    assert_true(has_window("30m", NOON + 4 * HOUR + 30 * MINUTE));
    assert_true(has_window("30m", NOON + 6 * HOUR));
    assert_true(has_window("10m", NOON + 4 * HOUR));
    assert_true(has_window("1d", window_start(NOON, DAY)));
}

static void rules_change_at_their_record(void **state)
{
    (void)state;
    for (size_t most = 1; most < 200; most = most * 3 + 1) {
        redis_clear(PREFIX);
        redis_make_ledger(LEDGER);
        log_clear();
        make_log_with_change();
        host_give(&a, 1);
        host_run(&a, most);
        assert_int_equal(a.session->phase, SESSION_RUNNING);
        assert_result();
        session_release(a.session, world.now_ms);
        host_run(&a, most);
        host_bury(&a);
    }
}

static void the_next_owner_takes_over_by_the_rules_in_force(void **state)
{
    (void)state;
    log_hours(NOON, 4);
    host_give(&a, 1);
    host_run(&a, 5);
    assert_int_equal(a.rules_asked, 1);
    log_version(2, NOON + 4 * HOUR);
    (void)host_offer(&a, 5);
    host_run(&a, 5);
    assert_int_equal(a.rules_asked, 2);
    session_release(a.session, world.now_ms);
    host_run(&a, 5);
    assert_int_equal(redis_number(LEDGER, "config_version"), 2);
    log_hours(NOON + 4 * HOUR, 4);
    host_give(&b, 2);
    host_run(&b, 5);
    assert_int_equal(b.rules_asked, 2); /* not the first, not what is newest */
    assert_result();
}

/* Dead between the commit of what came before and the one that has the change. */
static void a_hand_over_across_the_change(void **state)
{
    (void)state;
    make_log_with_change();
    a.rules_hang = true;
    host_give(&a, 1);
    for (int i = 0; i < 20; i++)
        (void)host_round(&a, 7); /* rules 1 are not at hand: it asks */
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    a.rules_hang = false;
    host_until(&a, SESSION_RUNNING);
    for (int i = 0; i < 400 && a.session->state.wanted_version == 0; i++)
        (void)host_round(&a, 7);
    assert_int_equal(a.session->state.wanted_version, 2);
    host_give(&b, 2); /* a is paused, b goes on */
    host_run(&b, 7);
    assert_result();
    for (int i = 0; i < 20; i++)
        (void)host_round(&a, 7);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING); /* refused: it waits for a newer number */
    assert_result();
}

/* All is stored when it changes, and the change itself can get lost: the answer to its commit is not heard. */
static void an_unheard_commit_of_the_change(void **state)
{
    (void)state;
    static const enum fate fates[] = {UNHEARD, LOST, LATE};
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        redis_clear(PREFIX);
        redis_make_ledger(LEDGER);
        log_clear();
        make_log_with_change();
        host_give(&a, 1 + (int64_t)i);
        host_until(&a, SESSION_RUNNING);
        for (int k = 0; k < 1000 && a.session->state.ledger.config_version != 2; k++)
            (void)host_round(&a, 7);
        assert_int_equal(a.session->state.ledger.config_version, 2);
        while (!a.request.any)
            host_due(&a);
        host_answer(&a, fates[i]);
        host_run(&a, 7);
        host_late(&a);
        host_run(&a, 7);
        assert_result();
        session_release(a.session, world.now_ms);
        host_run(&a, 7);
        host_bury(&a);
    }
}

/* The session runs as far as it comes while the rules of the change do not. */
static void run_without_the_new_rules(void)
{
    make_log_with_change();
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
    a.rules_hang = true;
    for (int i = 0; i < 400; i++)
        (void)host_round(&a, 7);
}

static void it_waits_for_rules_and_commits_what_came_before(void **state)
{
    (void)state;
    run_without_the_new_rules();
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(a.session->rules_version, 2);
    assert_int_equal(redis_number(LEDGER, "offset"), 24);
    assert_int_equal(redis_number(LEDGER, "config_version"), 1);
    assert_int_equal(session_records(a.session, &world.log[24], 5, world.now_ms), 0);

    int64_t due_ms = a.session->due_ms;
    session_rules(a.session, 3, NULL, world.now_ms); /* others' */
    assert_int_equal(a.session->due_ms, due_ms);
    a.rules_hang = false;
    session_rules(a.session, 2, NULL, world.now_ms);
    assert_int_equal(a.session->due_ms, world.now_ms);
    host_run(&a, 7);
    assert_result();
}

static void rules_that_do_not_come_are_asked_for_again(void **state)
{
    (void)state;
    a.rules_hang = true;
    host_give(&a, 1);
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    assert_int_equal(a.session->rules_version, 1);
    assert_int_equal(a.session->due_ms, world.now_ms + 1000);
    assert_int_equal(world.journal_count, 1); /* it did acquire: the chain of ids has no hole */
    a.rules_hang = false;
    host_run(&a, 7);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(world.journal_count, 2);
    assert_memory_equal(world.journal[0][1], world.journal[1][0], CID_BYTES);
}

static void unknown_rules_stop_the_partition(void **state)
{
    (void)state;
    make_log_with_change();
    log_version(9, NOON + 9 * HOUR);
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
    for (int i = 0; i < 400 && a.session->rules_version != 9; i++)
        (void)host_round(&a, 7);
    assert_int_equal(a.session->rules_version, 9);
    session_rules(a.session, 9, "are not in Redis: x:config has no field 9", world.now_ms);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    assert_non_null(strstr(a.session->alarm, "rules 9"));
    assert_non_null(strstr(a.session->alarm, "not in Redis"));
    assert_non_null(strstr(a.session->alarm, "isobarctl rules"));
    assert_non_null(strstr(a.session->alarm, "isobarctl partition resume 0"));
    assert_int_equal(redis_number(LEDGER, "offset"), (int64_t)world.log_count - 1); /* all before it is stored */

    kit_rules(&world.rules[2], "10m:2d");
    world.rules[2].version = 9;
    world.rules[2].windows.pane_ms = PANE;
    host_give(&a, 2); /* the operator has seen to it */
    host_run(&a, 7);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(redis_number(LEDGER, "config_version"), 9);
}

static void a_session_that_is_released_needs_no_new_rules(void **state)
{
    (void)state;
    run_without_the_new_rules();
    session_release(a.session, world.now_ms);
    host_run(&a, 7);
    assert_int_equal(a.session->phase, SESSION_GONE);
    assert_int_equal(redis_number(LEDGER, "offset"), 24);
    host_bury(&a);

    host_give(&a, 2);
    host_due(&a);
    session_release(a.session, world.now_ms); /* while the acquire is on the way */
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rules_change_at_their_record, begin_with_two_rules, end),
        cmocka_unit_test_setup_teardown(the_next_owner_takes_over_by_the_rules_in_force, begin_with_two_rules, end),
        cmocka_unit_test_setup_teardown(a_hand_over_across_the_change, begin_with_two_rules, end),
        cmocka_unit_test_setup_teardown(an_unheard_commit_of_the_change, begin_with_two_rules, end),
        cmocka_unit_test_setup_teardown(it_waits_for_rules_and_commits_what_came_before, begin_with_two_rules, end),
        cmocka_unit_test_setup_teardown(rules_that_do_not_come_are_asked_for_again, begin_with_two_rules, end),
        cmocka_unit_test_setup_teardown(unknown_rules_stop_the_partition, begin_with_two_rules, end),
        cmocka_unit_test_setup_teardown(a_session_that_is_released_needs_no_new_rules, begin_with_two_rules, end),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
