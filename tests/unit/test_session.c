/*
 * A session through every phase and failure, against the real scripts: what it drops, what it keeps, what it says; and
 * that two sessions with lost, late and missing answers and a Redis that goes back in time still count every record
 * once.
 */
#include "session_world.h"

#include "log.h"

static struct host a, b;

static int begin(void **state)
{
    (void)state;
    world_begin();
    host_init(&a, "worker-1/1");
    host_init(&b, "worker-2/2");
    return 0;
}

static int end(void **state)
{
    (void)state;
    host_release(&a);
    host_release(&b);
    world_end();
    return 0;
}

/* `count` records of one reading each, ten seconds apart, of six cities. */
static void make_log(int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        struct observation row = kit_row(1 + i % 6, NOON + i * 10 * SECOND, (int32_t)i);
        log_rows(&row, 1, NOON + i * 10 * SECOND);
    }
}

/* Commits half of a log of 40 records, applies five more, and leaves their commit on the way. */
static void leave_a_commit_on_the_way(struct host *host)
{
    make_log(40);
    size_t all = world.log_count;
    world.log_count = 20;
    host_give(host, 1);
    host_run(host, 5);
    world.log_count = all;
    assert_int_equal(redis_number(LEDGER, "offset"), 20);
    assert_int_equal(host_offer(host, 5), 5);
    host_due(host);
    if (host->session->resolving)
        host_answer(host, ANSWERED);
    assert_true(host->session->state.sent.any);
    assert_int_equal(host_offer(host, 3), 3); /* applied while it is on the way */
}

/* What one undisturbed session makes of the log. */
static void reference(struct buf *out)
{
    struct host host;
    redis_clear(PREFIX);
    redis_make_ledger(LEDGER);
    host_init(&host, "reference/1");
    host_give(&host, 1);
    host_run(&host, 7);
    assert_int_equal(host.session->phase, SESSION_RUNNING);
    host_release(&host);
    redis_dump(PREFIX, out);
}

/* Runs to the end of the log, and compares with the reference. */
static void assert_as_if_undisturbed(struct host *host)
{
    struct buf have = BUF_EMPTY, want = BUF_EMPTY;
    host_run(host, 7);
    assert_int_equal(host->session->phase, SESSION_RUNNING);
    assert_int_equal(redis_number(LEDGER, "offset"), (int64_t)world.log_count);
    redis_dump(PREFIX, &have);
    reference(&want);
    assert_string_equal(have.data, want.data);
    buf_release(&have);
    buf_release(&want);
}

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
    host_due(&a);
    world.now_ms += 7; /* so long takes the answer */
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->due_ms, INT64_MAX);
    assert_int_equal(host_offer(&a, 1), 1);
    assert_int_equal(a.session->due_ms, world.now_ms + 5 + 2 * 7); /* busier, so later */
    host_due(&a);
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
    host_due(&a);
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

/* ---- acquire ---- */

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
                {"config_version", "2", "upgrade"},
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

static void logs_that_are_not_the_one_stop(void **state)
{
    (void)state;
    make_log(20);
    host_give(&a, 1);
    host_run(&a, 5);
    session_release(a.session, world.now_ms);
    host_bury(&a);
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
    make_log(20);
    host_give(&a, 1);
    host_run(&a, 5);
    session_release(a.session, world.now_ms);
    host_bury(&a);
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

/* ---- commits without an answer ---- */

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
    for (int64_t city = 1; city <= 6; city++) {
        char field[24];
        (void)snprintf(field, sizeof field, "%lld", (long long)city);
        REDIS_DO("HSET", keys[0]->text, field, "poison");
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

/* ---- two owners ---- */

static void a_zombie_is_refused(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a); /* and there it is stopped */
    host_give(&b, 2);
    host_until(&b, SESSION_RUNNING);
    assert_int_equal(b.position, 20);
    assert_int_equal(host_offer(&b, 10), 10);
    host_due(&b);
    while (b.request.any)
        host_answer(&b, ANSWERED);
    host_answer(&a, ANSWERED); /* it wakes up */
    assert_int_equal(a.metrics.commit_mismatches_total, 1);
    assert_false(a.session->has_state);
    assert_false(a.assigned);
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.metrics.acquires_refused_total, 1);
    assert_as_if_undisturbed(&b);
}

static void memory_is_not_kept_when_another_was_there(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    host_answer(&a, LOST);
    host_give(&b, 2);
    host_run(&b, 5);
    session_release(b.session, world.now_ms);
    session_renumber(a.session, 3);
    host_due(&a);
    host_answer(&a, ANSWERED);
    assert_int_equal(a.session->phase, SESSION_LOADING);
    host_run(&a, 5);
    assert_int_equal(a.position, 40);
    assert_as_if_undisturbed(&a);
}

static void memory_is_not_kept_when_another_acquired_and_wrote_nothing(void **state)
{
    (void)state;
    leave_a_commit_on_the_way(&a);
    host_answer(&a, LOST);
    host_give(&b, 2);
    host_until(&b, SESSION_LOADING);
    session_renumber(a.session, 3);
    host_due(&a);
    host_answer(&a, ANSWERED); /* offset and number of commits are ours, the id is not */
    assert_int_equal(a.session->phase, SESSION_LOADING);
    assert_as_if_undisturbed(&a);
}

static void a_rollback_is_counted_and_replayed(void **state)
{
    (void)state;
    struct snapshot snapshot = {NULL, NULL, 0};
    make_log(80);
    size_t all = world.log_count;
    world.log_count = 30;
    host_give(&a, 1);
    host_run(&a, 5);
    snapshot_take(&snapshot, PREFIX);
    world.log_count = 60;
    host_run(&a, 5);
    assert_int_equal(redis_number(LEDGER, "offset"), 60);
    snapshot_restore(&snapshot, PREFIX);
    world.log_count = all;
    assert_int_equal(host_offer(&a, 2), 2);
    host_due(&a);
    while (a.request.any && a.session->phase == SESSION_RUNNING)
        host_answer(&a, ANSWERED);
    assert_int_equal(a.metrics.commit_mismatches_total, 1);
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(a.metrics.rollbacks_total, 1);
    assert_int_equal(a.position, 30);
    assert_int_equal(a.metrics.memory_kept_total, 0);
    assert_as_if_undisturbed(&a);
    snapshot_release(&snapshot);
}

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

static void a_commit_waits_for_the_letters_it_passes(void **state)
{
    (void)state;
    make_letters(3);
    a.letters_hang = true;
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
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
    make_letters(1000);
    a.letters_hang = true;
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
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
    make_letters(3);
    a.letters_hang = true;
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
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
    make_letters(2);
    a.letters_hang = true;
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(host_offer(&a, 5), 5);
    host_due(&a);
    assert_true(a.request.any);
    assert_int_equal(host_offer(&a, 2), 2);
    host_answer(&a, LOST);
    host_until(&a, SESSION_RUNNING);
    assert_int_equal(a.session->letters, 2); /* memory is kept, and what it waits for */
    host_due(&a);
    assert_false(a.request.any);
    a.letters_hang = false;
    host_run(&a, 5);
    assert_int_equal(a.letters_sent, 2);
    assert_int_equal(redis_number(LEDGER, "offset"), 7);
}

static void release_waits_for_letters(void **state)
{
    (void)state;
    make_letters(3);
    a.letters_hang = true;
    host_give(&a, 1);
    host_until(&a, SESSION_RUNNING);
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
        host_due(&a);
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
    a.cache.pinned += a.cache.limit; /* what other partitions have to commit */
    for (int64_t i = 1; i <= 3; i++) {
        assert_int_equal(host_offer(&a, 5), 1); /* one at a time, so that nobody waits for ever */
        assert_true(a.blocked);
        assert_int_equal(a.session->due_ms, world.now_ms);
        host_due(&a);
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

/* ---- random schedules ---- */

enum { TAIL = 60 }; /* ticks at the end of a log, which only the undisturbed end sees */

/* Hosts share a log of random rows; `dice` decides what happens to every request. */
static void random_log(struct dice *dice, int records)
{
    int64_t clock = NOON;
    for (int i = 0; i < records; i++) {
        struct observation rows[4];
        size_t count = (size_t)dice_between(dice, 1, 4);
        clock += dice_below(dice, 15) ? dice_below(dice, 2 * MINUTE) : dice_below(dice, 3 * HOUR);
        for (size_t k = 0; k < count; k++) {
            rows[k] = row_random(dice, window_start(clock, MINUTE) - (dice_below(dice, 8) ? 30 * MINUTE : 4 * HOUR), 32,
                                 MINUTE);
            rows[k].city_id = 1 + dice_below(dice, 4);
            rows[k].series = rows[k].provider = 0;
            rows[k].kind = dice_below(dice, 10) ? ISOBAR__V1__ROW_KIND__OBSERVATION : dice_between(dice, 0, 3);
        }
        if (dice_below(dice, 40) == 0)
            log_add("junk", 4, clock);
        else
            log_rows(rows, count, clock);
    }
    struct observation tick = kit_kind(ISOBAR__V1__ROW_KIND__TICK, 0, clock);
    for (int i = 0; i < TAIL; i++) /* so that retirement catches up, however many commits there were */
        log_rows(&tick, 1, clock + i * SECOND);
}

static enum fate random_fate(struct dice *dice)
{
    int64_t roll = dice_below(dice, 20);
    return roll == 0 ? UNHEARD : roll == 1 ? LOST : roll == 2 ? LATE : ANSWERED;
}

/* One thing happens to one host. */
static void random_event(struct dice *dice, struct host *host, int64_t *number)
{
    if (dice_below(dice, 40) == 0) {
        host_give(host, ++*number); /* the other is not asked: it may be silent */
    } else if (dice_below(dice, 10) == 0) {
        host_late(host);
    }
    if (!host->session)
        return;
    if (dice_below(dice, 60) == 0)
        session_release(host->session, world.now_ms);
    if (host->request.any)
        host_answer(host, random_fate(dice));
    else if (host->check)
        host_answer_check(host);
    else if (host->session->phase == SESSION_RUNNING && dice_below(dice, 2))
        (void)host_offer(host, (size_t)dice_between(dice, 1, 9));
    else if (dice_below(dice, 3))
        host_settle_letters(host);
    else
        host_due(host);
    if (host->session->phase == SESSION_STOPPED)
        fail_msg("%s", host->session->alarm);
    host_bury(host);
}

/* I4: without a rollback no id has two successors. */
static void assert_a_chain(void)
{
    for (size_t i = 0; i < world.journal_count; i++) {
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(world.journal[i][0], world.journal[k][0]);
    }
}

static void end_session(struct host *host)
{
    host_late(host);
    if (host->session)
        session_free(host->session);
    host->session = NULL;
    host->request.any = host->check = false;
}

/* Both processes end, then one of them reads to the end undisturbed; everything stored as text. */
static void finish(int64_t *number, struct buf *out)
{
    end_session(&a);
    end_session(&b);
    world.log_count += TAIL;
    host_give(&a, ++*number);
    host_run(&a, 3);
    if (a.session->phase != SESSION_RUNNING)
        fail_msg("%s: %s", session_phase_name(a.session->phase), a.session->alarm);
    assert_int_equal(redis_number(LEDGER, "offset"), (int64_t)world.log_count);
    redis_dump(PREFIX, out);
}

struct seen {
    int64_t kept, mismatches, refused, rollbacks, retired, late;
};

static void note_seen(struct seen *seen)
{
    const struct host *hosts[] = {&a, &b};
    for (int i = 0; i < 2; i++) {
        seen->kept += hosts[i]->metrics.memory_kept_total;
        seen->mismatches += hosts[i]->metrics.commit_mismatches_total;
        seen->refused += hosts[i]->metrics.acquires_refused_total;
        seen->rollbacks += hosts[i]->metrics.rollbacks_total;
    }
    seen->retired += redis_number(LEDGER, "retired");
    seen->late += redis_number(LEDGER, "rows_late");
}

static void run_schedule(struct dice *dice, bool roll_back, struct buf *out)
{
    struct snapshot snapshot = {NULL, NULL, 0};
    int64_t number = 1;
    world.log_count -= TAIL;
    host_give(&a, number);
    snapshot_take(&snapshot, PREFIX);
    for (int i = 0; i < 400; i++) {
        random_event(dice, dice_below(dice, 3) ? &a : &b, &number);
        if (roll_back && dice_below(dice, 60) == 0)
            snapshot_take(&snapshot, PREFIX);
        if (roll_back && dice_below(dice, 100) == 0)
            snapshot_restore(&snapshot, PREFIX);
    }
    finish(&number, out);
    if (!roll_back)
        assert_a_chain();
    snapshot_release(&snapshot);
}

static void every_record_is_counted_once_whatever_happens(void **state)
{
    enum { SEEDS = 300, SEEDS_PER_LOG = 10 };
    struct seen seen = {0};
    struct buf want = BUF_EMPTY;
    for (int seed = 0; seed < SEEDS; seed++) {
        struct buf have = BUF_EMPTY;
        struct dice dice = {1000 + (uint64_t)seed}, log = {(uint64_t)(seed / SEEDS_PER_LOG)};
        (void)end(state);
        (void)begin(state);
        kit_rules(&world.rules, "10m:3h,1h:30d,1d:2y");
        world.rules.lateness_ms = 3 * HOUR;
        a.cache.limit = b.cache.limit = (size_t)4096 << seed % 3 * 4; /* forgets at once, now and then, never */
        random_log(&log, 120);
        if (seed % SEEDS_PER_LOG == 0) {
            buf_reset(&want);
            reference(&want);
            redis_clear(PREFIX);
            redis_make_ledger(LEDGER);
            world.journal_count = 0;
        }
        run_schedule(&dice, seed % 2, &have);
        if (strcmp(have.data, want.data) != 0)
            fail_msg("seed %d: what is stored differs from the undisturbed run", seed);
        note_seen(&seen);
        buf_release(&have);
    }
    buf_release(&want);
    /* The schedules do what they are for. */
    assert_true(seen.kept > SEEDS && seen.mismatches > SEEDS && seen.refused > SEEDS / 4 && seen.rollbacks > SEEDS / 4);
    assert_true(seen.retired > SEEDS * 20 && seen.late > SEEDS * 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_partition_is_acquired_read_committed_and_released),
        TEST(a_take_over_goes_on_where_the_other_stopped),
        TEST(commits_keep_their_distance),
        TEST(many_changes_make_a_commit_due_but_never_split_a_record),
        TEST(what_is_noted_is_what_was_committed),
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
        TEST(half_of_the_cities_are_no_state),
        TEST(a_load_is_refused_when_another_has_acquired),
        TEST(a_ledger_that_goes_while_loading_stops),
        TEST(a_city_that_cannot_be_decoded_stops_and_nothing_is_lost),
        TEST(logs_that_are_not_the_one_stop),
        TEST(a_log_that_fits_another_owner_stops_nothing),
        TEST(the_edges_of_the_log_are_inside),
        TEST(a_broker_that_does_not_answer_is_asked_again),
        TEST(answers_to_older_questions_meet_nobody),
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
        TEST(acquires_wait_for_their_turn),
        TEST(a_log_that_was_cut_is_named_when_the_consumer_fails),
        TEST(a_zombie_is_refused),
        TEST(memory_is_not_kept_when_another_was_there),
        TEST(memory_is_not_kept_when_another_acquired_and_wrote_nothing),
        TEST(a_rollback_is_counted_and_replayed),
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
        TEST(whoever_held_up_the_consumer_lets_it_go_on),
        TEST(changes_are_bounded_over_all_partitions),
        TEST(records_that_come_after_the_end_are_left_over),
        TEST(a_tick_goes_on_over_commits),
        TEST(a_tick_under_way_is_taken_over),
        TEST(every_record_is_counted_once_whatever_happens),
    };
    log_setup("test", LOG_ERROR + 1, false);
    return cmocka_run_group_tests(tests, redis_kit_start, redis_kit_stop);
}
