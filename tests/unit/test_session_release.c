/* How a session lets go of its partition in every phase, and how it waits for dead letters. */
#include "session_pair.h"

/* ---- release ---- */

static void release_before_anything_was_asked(void **state)
{
    (void)state;
    host_give(&a, 1);
    session_release(a.session, world.now_ms);
    assert_int_equal(a.released, 1);
    session_release(a.session, world.now_ms); /* twice: once */
    assert_int_equal(a.released, 1);
}

static void release_while_an_acquire_is_on_the_way(void **state)
{
    (void)state;
    static const enum fate fates[] = {ANSWERED, UNHEARD, LOST};
    for (int i = 0; i < 3; i++) {
        host_give(&a, 1 + i);
        host_due(&a);
        session_release(a.session, world.now_ms);
        assert_int_equal(a.released, i);
        session_renumber(a.session, 50); /* not while it goes */
        assert_int_equal(session_number(a.session), 1 + i);
        host_answer(&a, fates[i]);
        assert_int_equal(a.released, i + 1);
        host_bury(&a);
    }
    host_give(&b, 9);
    host_until(&b, SESSION_RUNNING);
    host_give(&a, 4);
    host_due(&a);
    session_release(a.session, world.now_ms);
    host_answer(&a, ANSWERED); /* refused */
    assert_int_equal(a.released, 4);
    host_bury(&a);
    redis_clear(PREFIX);
    host_give(&a, 10);
    host_due(&a);
    session_release(a.session, world.now_ms);
    host_answer(&a, ANSWERED); /* missing: no alarm of what is given away */
    assert_int_equal(a.released, 5);
    assert_int_equal(a.session->phase, SESSION_GONE);
}

static void release_while_loading_and_checking(void **state)
{
    (void)state;
    host_give(&a, 1);
    host_until(&a, SESSION_LOADING);
    session_release(a.session, world.now_ms);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.released, 1);
    host_bury(&a);
    host_give(&a, 2);
    host_until(&a, SESSION_CHECKING);
    session_release(a.session, world.now_ms);
    assert_int_equal(a.released, 2);
    host_answer_check(&a); /* meets nobody */
    assert_int_equal(a.session->phase, SESSION_GONE);
}

static void release_finishes_what_was_applied(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a); /* to 25, and 28 in memory */
    session_release(a.session, world.now_ms);
    assert_int_equal(a.session->phase, SESSION_RELEASING);
    assert_false(a.assigned);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.released, 0);
    host_run(&a, 5);
    assert_int_equal(a.released, 1);
    assert_int_equal(redis_number(LEDGER, "offset"), 28);
    assert_int_equal(a.session->last_offset, 28);
    host_give(&b, 2);
    assert_as_if_undisturbed(&b);
}

static void release_with_a_lost_commit_lets_go_at_once(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    session_release(a.session, world.now_ms);
    host_answer(&a, UNHEARD);
    assert_int_equal(a.released, 1);
    host_give(&b, 2);
    assert_as_if_undisturbed(&b);
}

static void release_of_a_stopped_one(void **state)
{
    (void)state;
    redis_clear(PREFIX);
    host_give(&a, 1);
    host_run(&a, 5);
    assert_int_equal(a.session->phase, SESSION_STOPPED);
    session_release(a.session, world.now_ms);
    assert_int_equal(a.released, 1);
    assert_int_equal(a.metrics.partitions_stopped, 0);
}

/* ---- dead letters ---- */

static void make_letters(int count)
{
    for (int i = 0; i < count; i++)
        log_add("junk", 4, NOON);
}

/* The session runs, has so many bad records before it, and no letter about them settles. */
static void run_with_letters_that_hang(int count)
{
    make_letters(count);
    a.letters_hang = true;
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
}

static void a_commit_waits_for_the_letters_it_passes(void **state)
{
    (void)state;
    run_with_letters_that_hang(3);
    assert_int_equal(host_offer(&a, 3), 3);
    assert_int_equal(a.session->letters, 3);
    host_due(&a);
    assert_false(a.request.any);
    assert_int_equal(a.session->due_ms, INT64_MAX);
    a.session->letters = 1;
    session_letters_done(a.session, world.now_ms);
    assert_int_equal(a.session->due_ms, INT64_MAX); /* not the last one */
    a.letters_hang = false;
    host_settle_letters(&a);
    host_run(&a, 5);
    assert_int_equal(redis_number(LEDGER, "rows_bad"), 3);
    assert_int_equal(redis_number(LEDGER, "offset"), 3);
}

static void letters_on_the_way_are_bounded(void **state)
{
    (void)state;
    run_with_letters_that_hang(1000);
    size_t taken = host_offer(&a, 1000);
    assert_true(taken > 0 && taken < 100);
    assert_true(a.blocked);
    assert_int_equal(host_offer(&a, 1000), 0);
    a.letters_hang = false;
    host_run(&a, 1000);
    assert_int_equal(redis_number(LEDGER, "rows_bad"), 1000);
    assert_int_equal(a.letters_sent, 1000);
}

static void what_is_dropped_does_not_wait_for_letters(void **state)
{
    (void)state;
    run_with_letters_that_hang(3);
    assert_int_equal(host_offer(&a, 3), 3);
    int forgotten = a.forgotten;
    host_give(&b, 2);
    host_run(&b, 5);
    session_failed(a.session, "gone", world.now_ms);
    host_due(&a);
    host_answer(&a, ANSWERED); /* refused */
    assert_int_equal(a.session->letters, 0);
    assert_true(a.forgotten > forgotten); /* nobody touches the counter any more */
    assert_int_equal(b.letters_sent, 3);  /* at least once */
}

static void a_failure_keeps_waiting_for_letters(void **state)
{
    (void)state;
    make_log(5);
    run_with_letters_that_hang(2);
    assert_int_equal(host_offer(&a, 5), 5);
    host_commit(&a);
    assert_true(a.request.any);
    assert_int_equal(host_offer(&a, 2), 2);
    host_answer(&a, LOST);
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(a.session->letters, 2); /* memory is kept, and what it waits for */
    host_commit(&a);
    assert_false(a.request.any);
    a.letters_hang = false;
    host_run(&a, 5);
    assert_int_equal(a.letters_sent, 2);
    assert_int_equal(redis_number(LEDGER, "offset"), 7);
}

static void release_waits_for_letters(void **state)
{
    (void)state;
    run_with_letters_that_hang(3);
    assert_int_equal(host_offer(&a, 3), 3);
    session_release(a.session, world.now_ms);
    host_due(&a);
    assert_int_equal(a.session->phase, SESSION_RELEASING);
    assert_false(a.request.any);
    a.letters_hang = false;
    host_run(&a, 5);
    assert_int_equal(a.released, 1);
    assert_int_equal(redis_number(LEDGER, "offset"), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(release_before_anything_was_asked),
        TEST(release_while_an_acquire_is_on_the_way),
        TEST(release_while_loading_and_checking),
        TEST(release_finishes_what_was_applied),
        TEST(release_with_a_lost_commit_lets_go_at_once),
        TEST(release_of_a_stopped_one),
        TEST(a_commit_waits_for_the_letters_it_passes),
        TEST(letters_on_the_way_are_bounded),
        TEST(what_is_dropped_does_not_wait_for_letters),
        TEST(a_failure_keeps_waiting_for_letters),
        TEST(release_waits_for_letters),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
