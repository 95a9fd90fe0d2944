/*
 * A running session and its log: that it is checked again and again without being disturbed, that a topic made anew
 * under it stops it however far it has read on, and that commits are held while there is doubt.
 */
#include "session_pair.h"

#include "log.h"

/* The topic is deleted, made anew and filled with `count` records of a minute later. */
static void make_anew(int64_t count)
{
    log_clear();
    append(count, NOON + 60 * SECOND);
}

/* Reads a log of 20 records to its end, and has that committed. */
static void run_through(struct host *host)
{
    append(20, NOON);
    host_give(host, 1);
    host_run(host, 7);
    assert_int_equal(host->session->phase, SESSION_RUNNING);
    assert_int_equal(redis_number(LEDGER, "offset"), 20);
}

/* Time goes on until the log is asked about. */
static void until_asked(struct host *host)
{
    assert_int_not_equal(host->session->check_ms, INT64_MAX);
    assert_true(host->session->check_ms <= world.now_ms + host->config.check_ms);
    if (host->session->check_ms > world.now_ms)
        world.now_ms = host->session->check_ms - 1;
    session_watch(host->session, world.now_ms);
    assert_false(host->check); /* not before it is due */
    world.now_ms++;
    session_watch(host->session, world.now_ms);
    assert_true(host->check);
}

static void assert_stopped(struct host *host, const char *word)
{
    assert_int_equal(host->session->phase, SESSION_STOPPED);
    assert_non_null(strstr(host->session->alarm, word));
    assert_false(host->assigned);
}

/* ---- at rest ---- */

static void a_running_log_is_checked_and_nothing_disturbed(void **state)
{
    (void)state;
    run_through(&a);
    assert_int_equal(a.metrics.log_checks_total, 1); /* at take-over */
    append(10, NOON + 200 * SECOND);
    assert_int_equal(host_offer(&a, 3), 3);
    until_asked(&a);
    assert_int_equal(a.check_offsets[0], -1);
    assert_int_equal(a.check_offsets[1], 0); /* nothing had been applied at take-over: the first record since */
    host_due(&a);
    assert_true(a.request.any); /* commits go on */
    assert_int_equal(host_offer(&a, 3), 3);
    host_answer_check(&a);
    assert_true(a.request.any);
    assert_int_equal(a.metrics.log_checks_total, 2);
    assert_int_equal(a.metrics.log_mismatches_total, 0);
    assert_int_equal(a.session->state.ledger.anchor_offset, 22); /* when it was asked, not when it was answered */
    host_answer(&a, ANSWERED);
    host_run(&a, 7);
    assert_int_equal(redis_number(LEDGER, "offset"), 30);
    assert_int_equal(redis_number(LEDGER, "anchor_offset"), 22);
    until_asked(&a);
    assert_int_equal(a.check_offsets[1], 22);
    host_answer_check(&a);
    assert_int_equal(a.session->state.ledger.anchor_offset, 29);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
}

static void an_anchor_that_aged_out_is_replaced(void **state)
{
    (void)state;
    run_through(&a);
    until_asked(&a);
    world.low = 15;
    host_answer_check(&a);
    assert_int_equal(a.session->state.ledger.anchor_offset, 19);
    until_asked(&a);
    world.low = 20; /* of what was applied, nothing is left */
    host_answer_check(&a);
    assert_int_equal(a.session->state.ledger.anchor_offset, 19);
    append(5, NOON + 200 * SECOND);
    host_run(&a, 7);
    until_asked(&a);
    world.low = 25; /* what was read meanwhile may be deleted before it is asked about */
    host_answer_check(&a);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(a.metrics.log_mismatches_total, 0);
    assert_int_equal(a.session->state.ledger.anchor_offset, 24);
    make_anew(60); /* begins at 0, where nothing was left of the old one */
    world.low = 0;
    assert_int_equal(host_offer(&a, 5), 5);
    host_run(&a, 7);
    until_asked(&a);
    host_answer_check(&a);
    host_run(&a, 7);
    assert_stopped(&a, "made anew");
}

static void no_answer_is_no_mismatch(void **state)
{
    (void)state;
    static const int statuses[] = {ERR_TIMEOUT, ERR_UNAVAILABLE};
    run_through(&a);
    until_asked(&a);
    for (int i = 0; i < 4; i++) {
        world.check = (struct kafka_check){.partitions = 1, .high = 20, .cluster_id = "C"};
        *(i % 2 ? &world.check.status : &world.check.records[1].status) = statuses[i / 2];
        host_answer_check(&a);
        assert_int_equal(a.session->phase, SESSION_RUNNING);
        assert_true(a.assigned);
        assert_int_equal(a.session->check_ms, world.now_ms + 1000); /* again */
        until_asked(&a);
    }
    assert_int_equal(a.metrics.log_checks_unanswered_total, 4);
    world.check.partitions = 0;
    host_answer_check(&a);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(a.metrics.acquires_total, 1);
}

static void answers_of_before_are_not_heard(void **state)
{
    (void)state;
    run_through(&a);
    until_asked(&a);
    uint64_t old = a.check_ticket;
    a.check = false;
    session_failed(a.session, "offset out of range", world.now_ms);
    struct kafka_check none = {.partitions = 1, .cluster_id = "C"};
    session_checked(a.session, old, &none, world.now_ms);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    host_until(&a, SESSION_RUNNING);
    session_checked(a.session, old, &none, world.now_ms);
    session_checked(a.session, 0, &none, world.now_ms);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(a.metrics.log_mismatches_total, 0);
}

/* ---- a log made anew ---- */

/* The last record applied is of the new log, and so is the one in the ledger: only the anchor tells. */
static void a_log_that_was_read_on_stops(void **state)
{
    (void)state;
    run_through(&a);
    make_anew(40);
    assert_int_equal(host_offer(&a, 5), 5);
    host_run(&a, 0);
    assert_int_equal(redis_number(LEDGER, "offset"), 25);
    assert_int_equal(redis_number(LEDGER, "record_offset"), 24);
    assert_int_equal(host_offer(&a, 5), 5);
    until_asked(&a);
    assert_int_equal(host_offer(&a, 5), 5);
    host_answer_check(&a);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING); /* looked at once more; nothing is read meanwhile */
    assert_false(a.assigned);
    host_run(&a, 7);
    assert_stopped(&a, "made anew");
    assert_non_null(strstr(a.session->alarm, "partition reset 0 --to low"));
    assert_int_equal(a.metrics.log_mismatches_total, 2);
    assert_int_equal(redis_number(LEDGER, "offset"), 25); /* what was applied but not committed is dropped */
    world.now_ms += 60 * SECOND;
    session_watch(a.session, world.now_ms);
    assert_false(a.check);
    session_renumber(a.session, 2); /* an operator who repaired nothing */
    host_run(&a, 7);
    assert_stopped(&a, "made anew");
}

static void the_next_owner_sees_it_too(void **state)
{
    (void)state;
    run_through(&a);
    make_anew(40);
    assert_int_equal(host_offer(&a, 5), 5);
    host_run(&a, 0);
    session_release(a.session, world.now_ms);
    assert_int_equal(a.released, 1);
    assert_int_equal(redis_number(LEDGER, "record_offset"), 24);
    host_give(&b, 2);
    host_until(&b, SESSION_CHECKING);
    assert_int_equal(b.check_offsets[0], 24);
    assert_int_equal(b.check_offsets[1], redis_number(LEDGER, "anchor_offset"));
    host_run(&b, 7);
    assert_stopped(&b, "record 0 of partition 0 is not the one");
    assert_int_equal(redis_number(LEDGER, "offset"), 25);
}

static void what_a_failed_partition_had_read_on_is_not_committed(void **state)
{
    (void)state;
    run_through(&a);
    make_anew(40);
    assert_int_equal(host_offer(&a, 5), 5);
    session_failed(a.session, "unknown partition", world.now_ms);
    host_run(&a, 7);
    assert_stopped(&a, "made anew");
    assert_int_equal(redis_number(LEDGER, "offset"), 20);
}

static void other_evidence_stops_too(void **state)
{
    (void)state;
    static const char *const alarms[] = {"cluster D", "24 partitions", "beyond the log's end 19"};
    struct kafka_check answers[3];
    for (int i = 0; i < 3; i++)
        answers[i] = (struct kafka_check){
            .high = 20, .partitions = 1, .cluster_id = "C", .records = {{ERR_NOT_FOUND, 0}, {ERR_NOT_FOUND, 0}}};
    (void)snprintf(answers[0].cluster_id, sizeof answers[0].cluster_id, "D");
    answers[1].partitions = 24;
    answers[2].high = 19;
    run_through(&a);
    for (int i = 0; i < 3; i++) {
        until_asked(&a);
        world.check = answers[i];
        host_answer_check(&a);
        host_run(&a, 7);
        assert_stopped(&a, alarms[i]);
        world.check.partitions = 0;
        host_give(&a, 2 + i);
        host_until(&a, SESSION_RUNNING);
    }
}

static void a_topic_that_is_gone_is_waited_for(void **state)
{
    (void)state;
    run_through(&a);
    append(3, NOON + 200 * SECOND);
    assert_int_equal(host_offer(&a, 3), 3);
    until_asked(&a);
    world.check = (struct kafka_check){.status = ERR_NOT_FOUND, .partitions = 1};
    host_answer_check(&a);
    assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    assert_false(a.assigned);
    for (int i = 0; i < 5; i++) {
        host_until(&a, SESSION_CHECKING);
        host_answer_check(&a);
        assert_int_equal(a.session->phase, SESSION_ACQUIRING);
    }
    world.check.partitions = 0; /* it was another broker that did not know it yet */
    host_run(&a, 7);
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    assert_int_equal(redis_number(LEDGER, "offset"), 23);
}

/* ---- doubt ---- */

static void doubt_holds_commits_until_the_log_is_known(void **state)
{
    (void)state;
    run_through(&a);
    append(10, NOON + 200 * SECOND);
    assert_int_equal(host_offer(&a, 3), 3);
    session_doubt(a.session, world.now_ms);
    assert_true(a.check); /* at once */
    int64_t begun = world.now_ms;
    assert_int_equal(a.session->due_ms, begun + 3000);
    assert_int_equal(host_offer(&a, 3), 3); /* what comes is applied */
    world.now_ms += 300;
    session_step(a.session, world.now_ms);
    assert_false(a.request.any);
    host_answer_check(&a);
    assert_true(a.session->due_ms <= world.now_ms); /* goes on */
    host_run(&a, 7);
    assert_int_equal(redis_number(LEDGER, "offset"), 30);
}

static void nothing_of_a_log_made_anew_is_committed_in_doubt(void **state)
{
    (void)state;
    run_through(&a);
    make_anew(40);
    session_doubt(a.session, world.now_ms); /* comes before any record of it */
    assert_int_equal(host_offer(&a, 10), 10);
    world.now_ms += 500;
    session_step(a.session, world.now_ms);
    assert_false(a.request.any);
    host_answer_check(&a);
    host_run(&a, 7);
    assert_stopped(&a, "made anew");
    assert_int_equal(redis_number(LEDGER, "offset"), 20);
    assert_int_equal(a.metrics.rows_total, 30);
}

static void doubt_is_no_stop(void **state)
{
    (void)state;
    run_through(&a);
    append(10, NOON + 200 * SECOND);
    session_doubt(a.session, world.now_ms);
    assert_int_equal(host_offer(&a, 3), 3);
    assert_int_equal(a.session->due_ms, world.now_ms + 3000);
    host_due(&a);
    if (!a.request.any)
        host_due(&a);
    host_answer(&a, ANSWERED); /* Kafka did not answer all the time */
    assert_int_equal(redis_number(LEDGER, "offset"), 23);
    world.check = (struct kafka_check){.status = ERR_TIMEOUT, .partitions = 1};
    host_answer_check(&a);
    for (int i = 0; i < 6; i++) { /* something happens all the time: it is checked each second, but not held again */
        world.now_ms += 900;
        session_doubt(a.session, world.now_ms);
        assert_int_equal(a.check, i % 2 == 0);
        assert_true(a.session->held_ms <= world.now_ms);
        if (a.check)
            host_answer_check(&a);
    }
    assert_int_equal(a.session->phase, SESSION_RUNNING);
    world.now_ms += 3000;
    session_doubt(a.session, world.now_ms);
    assert_int_equal(a.session->held_ms, world.now_ms + 3000); /* after a while, it is */
}

static void doubt_that_was_answered_may_come_again(void **state)
{
    (void)state;
    run_through(&a);
    for (int i = 0; i < 3; i++) {
        session_doubt(a.session, world.now_ms);
        assert_int_equal(a.session->held_ms, world.now_ms + 3000);
        world.now_ms += 20;
        host_answer_check(&a);
        assert_int_equal(a.session->held_ms, 0);
        session_doubt(a.session, world.now_ms); /* at once: soon checked again, and that is all */
        assert_int_equal(a.session->held_ms, 0);
        assert_false(a.check);
        world.now_ms += 980;
        session_watch(a.session, world.now_ms);
        assert_true(a.check);
        host_answer_check(&a);
    }
}

static void an_answer_from_before_the_doubt_does_not_end_it(void **state)
{
    (void)state;
    run_through(&a);
    append(10, NOON + 200 * SECOND);
    until_asked(&a);
    session_doubt(a.session, world.now_ms);
    assert_int_equal(host_offer(&a, 3), 3);
    uint64_t first = a.check_ticket;
    host_answer_check(&a);
    assert_true(a.check);
    assert_true(a.check_ticket != first);
    assert_true(a.session->held_ms > world.now_ms);
    session_step(a.session, world.now_ms + 500);
    assert_false(a.request.any);
    host_answer_check(&a);
    assert_int_equal(a.session->held_ms, 0);
    host_run(&a, 7);
    assert_int_equal(redis_number(LEDGER, "offset"), 30);
}

/* The commit on the way cannot be held, but the one after it can; loads do not get around it. */
static void what_is_on_the_way_stays_so(void **state)
{
    (void)state;
    run_through(&a);
    append(10, NOON + 200 * SECOND);
    assert_int_equal(host_offer(&a, 3), 3);
    host_due(&a);
    assert_true(a.request.any);
    assert_int_equal(host_offer(&a, 3), 3);
    session_doubt(a.session, world.now_ms);
    while (a.request.any)
        host_answer(&a, ANSWERED);
    assert_true(a.session->due_ms >= a.session->held_ms);
    session_step(a.session, world.now_ms + 100);
    assert_false(a.request.any);
    host_answer_check(&a);
    host_run(&a, 7);
    assert_int_equal(redis_number(LEDGER, "offset"), 30);
}

static void in_doubt_nothing_is_committed_to_let_go(void **state)
{
    (void)state;
    run_through(&a);
    make_anew(40);
    session_doubt(a.session, world.now_ms);
    assert_int_equal(host_offer(&a, 5), 5);
    session_release(a.session, world.now_ms);
    assert_int_equal(a.released, 1);
    assert_false(a.request.any);
    assert_int_equal(redis_number(LEDGER, "offset"), 20);
    host_give(&b, 2);
    host_run(&b, 7);
    assert_stopped(&b, "made anew");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_running_log_is_checked_and_nothing_disturbed, begin, end),
        cmocka_unit_test_setup_teardown(an_anchor_that_aged_out_is_replaced, begin, end),
        cmocka_unit_test_setup_teardown(no_answer_is_no_mismatch, begin, end),
        cmocka_unit_test_setup_teardown(answers_of_before_are_not_heard, begin, end),
        cmocka_unit_test_setup_teardown(a_log_that_was_read_on_stops, begin, end),
        cmocka_unit_test_setup_teardown(the_next_owner_sees_it_too, begin, end),
        cmocka_unit_test_setup_teardown(what_a_failed_partition_had_read_on_is_not_committed, begin, end),
        cmocka_unit_test_setup_teardown(other_evidence_stops_too, begin, end),
        cmocka_unit_test_setup_teardown(a_topic_that_is_gone_is_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(doubt_holds_commits_until_the_log_is_known, begin, end),
        cmocka_unit_test_setup_teardown(nothing_of_a_log_made_anew_is_committed_in_doubt, begin, end),
        cmocka_unit_test_setup_teardown(doubt_is_no_stop, begin, end),
        cmocka_unit_test_setup_teardown(doubt_that_was_answered_may_come_again, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_from_before_the_doubt_does_not_end_it, begin, end),
        cmocka_unit_test_setup_teardown(what_is_on_the_way_stays_so, begin, end),
        cmocka_unit_test_setup_teardown(in_doubt_nothing_is_committed_to_let_go, begin, end),
    };
    log_setup("test", LOG_ERROR + 1, false);
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
