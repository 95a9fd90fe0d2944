/* Who stands still while others get on: the rule, on virtual time. */
#include "../../coordinator/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define LIMIT 10000

static struct progress list[3]; /* 0 and 1 of owner 1, 2 of owner 2 */
static int64_t now, offsets[3], stood[3];

static int start(void **state)
{
    (void)state;
    memset(list, 0, sizeof list);
    memset(stood, 0, sizeof stood);
    now = 1000000;
    for (int i = 0; i < 3; i++)
        offsets[i] = 100;
    return 0;
}

/* Time goes on in steps of heartbeats; those in `moving` (a bit each) get on. Returns who was judged to stand still. */
static unsigned go(int64_t duration_ms, unsigned moving)
{
    unsigned stalled = 0;
    for (int64_t end = now + duration_ms; now < end;) {
        now += 500;
        for (unsigned i = 0; i < 3; i++) {
            bool moves = moving >> i & 1;
            offsets[i] += moves;
            stood[i] = moves ? 0 : stood[i] ? stood[i] : now;
            progress_report(&list[i], i < 2 ? 1 : 2, offsets[i], true, moves ? 0 : now - stood[i] + 1, now);
        }
        for (unsigned i = 0; i < 3; i++)
            stalled |= (unsigned)progress_stalled(list, 3, i, LIMIT, now) << i;
    }
    return stalled;
}

static void who_gets_on_is_never_suspected(void **state)
{
    (void)state;
    assert_int_equal(go(600000, 7), 0);
}

static void one_that_stands_still_while_another_gets_on_is(void **state)
{
    (void)state;
    assert_int_equal(go(5000, 7), 0);
    assert_int_equal(go(LIMIT, 6), 0); /* not at once: the other must have got on for the whole limit */
    assert_int_equal(go(5000, 6), 1);
    assert_false(progress_owner_stalled(list, 3, 0, LIMIT, now)); /* its owner gets on with 1 */
    assert_int_equal(go(LIMIT + 6000, 4), 3);
    assert_true(progress_owner_stalled(list, 3, 0, LIMIT, now));
}

static void its_own_other_partitions_are_no_proof(void **state)
{
    (void)state;
    assert_int_equal(go(5000, 7), 0);
    assert_int_equal(go(600000, 2), 4); /* owner 1 gets on with 1, and nobody else: 2 is suspected and 0 is not */
}

static void an_outage_of_all_is_nobodys_fault(void **state)
{
    (void)state;
    assert_int_equal(go(5000, 7), 0);
    assert_int_equal(go(600000, 0), 0);
    /* Over: 2 comes back first, 0 and 1 need a little longer, less than the limit. */
    assert_int_equal(go(LIMIT - 1000, 4), 0);
    assert_int_equal(go(60000, 7), 0);
}

static void an_outage_that_begins_later_for_some_ends_the_suspicion(void **state)
{
    (void)state;
    assert_int_equal(go(5000, 7), 0);
    assert_int_equal(go(1000, 4), 0); /* within the skew: the same outage */
    assert_int_equal(go(600000, 0), 0);
}

static void without_lag_there_is_no_suspicion(void **state)
{
    (void)state;
    assert_int_equal(go(5000, 7), 0);
    for (int i = 0; i < 100; i++) {
        now += 500;
        progress_report(&list[0], 1, offsets[0], false, 50000, now);
        progress_report(&list[2], 2, ++offsets[2], true, 0, now);
        assert_false(progress_stalled(list, 3, 0, LIMIT, now));
    }
    /* Stopped with an alarm: needs an operator, no other owner. */
    for (int i = 0; i < 100; i++) {
        now += 500;
        progress_report(&list[0], 1, offsets[0], true, 50000, now);
        progress_rest(&list[0]);
        progress_report(&list[2], 2, ++offsets[2], true, 0, now);
        assert_false(progress_stalled(list, 3, 0, LIMIT, now));
    }
}

/* How long until it is judged to stand still, at most `most`. */
static int64_t time_to(unsigned moving, int64_t most)
{
    int64_t begun = now;
    while (now - begun < most && !go(500, moving))
        ;
    return now - begun;
}

static void moves_of_one_partition_become_rare_and_are_forgotten(void **state)
{
    (void)state;
    int64_t last = 0;
    go(5000, 7);
    for (int i = 0; i < 8; i++) {
        int64_t took = time_to(6, 2000000);
        assert_true(took >= LIMIT && (i == 0 || took >= last - 1000) && took <= PROGRESS_PAUSE_MS + 30000);
        last = took;
        progress_moved(&list[0], LIMIT, now);
        stood[0] = 0;
    }
    assert_true(last > PROGRESS_PAUSE_MS - 5000);
    go(2 * PROGRESS_PAUSE_MS, 7); /* it got on for long */
    assert_true(time_to(6, 2000000) < 2 * LIMIT);
    progress_moved(&list[0], LIMIT, now);
    assert_int_equal(list[0].moves, 1);
}

static void what_an_acquire_finds_is_no_progress(void **state)
{
    (void)state;
    go(5000, 0);
    for (int i = 0; i < 60; i++) {
        now += 500;
        progress_report(&list[0], 1, offsets[0], true, (i + 1) * 500, now);
        progress_report(&list[2], 2,
                        i < 2    ? -1
                        : i < 30 ? 5000
                                 : 4000,
                        true, (i + 1) * 500, now); /* found, rolled back */
        assert_false(progress_stalled(list, 3, 0, LIMIT, now));
    }
}

#define T(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    const struct CMUnitTest tests[] = {T(who_gets_on_is_never_suspected),
                                       T(one_that_stands_still_while_another_gets_on_is),
                                       T(its_own_other_partitions_are_no_proof),
                                       T(an_outage_of_all_is_nobodys_fault),
                                       T(an_outage_that_begins_later_for_some_ends_the_suspicion),
                                       T(without_lag_there_is_no_suspicion),
                                       T(moves_of_one_partition_become_rare_and_are_forgotten),
                                       T(what_an_acquire_finds_is_no_progress)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
