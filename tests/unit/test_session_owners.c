/*
 * Two sessions of one partition with lost, late and missing answers, and a Redis that goes back in time, still count
 * every record once.
 */
#include "seeds.h"
#include "session_pair.h"

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
    enum { SEEDS = SEEDS_OF(300), SEEDS_PER_LOG = 10 };
    struct seen seen = {0};
    struct buf want = BUF_EMPTY;
    for (int seed = 0; seed < SEEDS; seed++) {
        struct buf have = BUF_EMPTY;
        struct dice dice = {1000 + (uint64_t)seed}, log = {(uint64_t)(seed / SEEDS_PER_LOG)};
        (void)end(state);
        (void)begin(state);
        kit_rules(&world.rules[0], "10m:3h,1h:30d,1d:2y");
        world.rules[0].lateness_ms = 3 * HOUR;
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_zombie_is_refused),
        TEST(memory_is_not_kept_when_another_was_there),
        TEST(memory_is_not_kept_when_another_acquired_and_wrote_nothing),
        TEST(a_rollback_is_counted_and_replayed),
        TEST(every_record_is_counted_once_whatever_happens),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
