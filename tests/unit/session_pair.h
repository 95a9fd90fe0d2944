/*
 * Two processes with a session each of the same partition, the logs they read, and what one undisturbed session makes
 * of such a log.
 */
#ifndef ISOBAR_TEST_SESSION_PAIR_H
#define ISOBAR_TEST_SESSION_PAIR_H

#include "session_world.h"

static struct host a, b;

static inline int begin(void **state)
{
    (void)state;
    world_begin();
    host_init(&a, "worker-1/1");
    host_init(&b, "worker-2/2");
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    host_release(&a);
    host_release(&b);
    world_end();
    return 0;
}

/* Appends `count` records of one reading each, ten seconds apart, of six cities. */
static inline void append(int64_t count, int64_t clock_ms)
{
    for (int64_t i = 0; i < count; i++) {
        struct observation row = kit_row(1 + i % 6, clock_ms + i * 10 * SECOND, (int32_t)i);
        log_rows(&row, 1, clock_ms + i * 10 * SECOND);
    }
}

static inline void make_log(int64_t count)
{
    append(count, NOON);
}

/* Commits half of a log of 40 records, applies five more, and leaves their commit on the way. */
static inline void leave_a_commit_on_the_way(struct host *host)
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
static inline void reference(struct buf *out)
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
static inline void assert_as_if_undisturbed(struct host *host)
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

#endif
