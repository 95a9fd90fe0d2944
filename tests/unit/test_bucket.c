/*
 * The share of calls on a virtual clock: never more than the limit in any 60 s, at constant shares, at changing ones,
 * with several fetchers, with slow calls; and not much less than it either.
 */
#include "../../fetcher/bucket.h"

#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#define START    INT64_C(1000000)
#define MINUTE   INT64_C(60000)
#define CALL     INT64_C(1000) /* weight of one */
#define CALLS    200000
#define FETCHERS 16

static bool allows(struct bucket *bucket, int64_t now_ms)
{
    return bucket_room(bucket, now_ms) >= CALL;
}

static int64_t arrivals[CALLS];
static size_t arrival_count;

static int by_time(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* Most arrivals in any 60 s (half open, as the simulator counts). */
static int64_t busiest(void)
{
    int64_t most = 0;
    size_t first = 0;
    qsort(arrivals, arrival_count, sizeof *arrivals, by_time);
    for (size_t i = 0; i < arrival_count; i++) {
        while (arrivals[first] <= arrivals[i] - MINUTE)
            first++;
        int64_t inside = (int64_t)(i - first + 1);
        most = inside > most ? inside : most;
    }
    return most;
}

/* A fetcher that always wants to call, with calls of random length. */
struct caller {
    struct bucket bucket;
    int64_t ends[64];
    int running;
    int64_t calls;
    bool wants;
};

static void caller_step(struct caller *caller, struct dice *dice, int64_t now, int64_t longest_ms)
{
    for (int i = 0; i < caller->running;) {
        if (caller->ends[i] > now) {
            i++;
            continue;
        }
        bucket_end(&caller->bucket, CALL, now);
        caller->ends[i] = caller->ends[--caller->running];
    }
    while (caller->wants && caller->running < 64 && allows(&caller->bucket, now)) {
        int64_t length = dice_below(dice, longest_ms + 1);
        bucket_begin(&caller->bucket, CALL, now);
        caller->ends[caller->running++] = now + length;
        assert_true(arrival_count < CALLS);
        arrivals[arrival_count++] = now + dice_below(dice, length + 1);
        caller->calls++;
    }
}

static void run(struct caller *caller, struct dice *dice, int64_t from, int64_t to, int64_t longest_ms)
{
    for (int64_t now = from; now < to; now += 10)
        caller_step(caller, dice, now, longest_ms);
}

static void test_nothing_without_a_share(void **state)
{
    (void)state;
    struct bucket bucket;
    bucket_init(&bucket, BUCKET_MINUTE_MS, START);
    for (int64_t now = START; now < START + 10 * MINUTE; now += 1000)
        assert_false(allows(&bucket, now));
    assert_int_equal(bucket_retry_ms(&bucket, CALL, START + 10 * MINUTE), INT64_MAX);
    bucket_set(&bucket, 0, START + 10 * MINUTE);
    assert_false(allows(&bucket, START + 20 * MINUTE));
}

static void test_unlimited(void **state)
{
    (void)state;
    struct bucket bucket;
    bucket_init(&bucket, BUCKET_MINUTE_MS, START);
    bucket_set(&bucket, BUCKET_UNLIMITED, START);
    for (int i = 0; i < 10000; i++) {
        assert_true(allows(&bucket, START));
        bucket_begin(&bucket, CALL, START);
    }
    /* A limit that comes then holds for the calls already made. */
    bucket_set(&bucket, 60000, START + 1);
    for (int i = 0; i < 10000; i++)
        bucket_end(&bucket, CALL, START + 1000);
    assert_false(allows(&bucket, START + 30000));
    assert_false(allows(&bucket, START + 60900));
    assert_true(allows(&bucket, START + 61200));
}

/* The coordinator says it again and again: the time that a raise takes runs from the first. */
static void test_a_share_that_is_repeated_is_no_raise(void **state)
{
    (void)state;
    struct bucket bucket;
    bucket_init(&bucket, BUCKET_MINUTE_MS, START);
    int64_t now = START;
    for (; !allows(&bucket, now) && now < START + 60000; now += 50) {
        if (now % 500 == 0)
            bucket_set(&bucket, 600000, now);
    }
    assert_in_range(now - START, BUCKET_LAG_MS, BUCKET_LAG_MS + 500);
    bucket_set(&bucket, 900000, now); /* a further raise has its own time */
    bucket_set(&bucket, 800000, now + 1000);
    assert_int_equal(bucket.raised_ms, now + BUCKET_LAG_MS);
    bucket_set(&bucket, 900000, now + 1500);
    assert_int_equal(bucket.raised_ms, now + 1500 + BUCKET_LAG_MS);
}

static void check_constant(int32_t share_milli, int64_t longest_ms)
{
    struct caller caller = {.wants = true};
    struct dice dice = {(uint64_t)share_milli};
    int64_t limit = share_milli / 1000;
    arrival_count = 0;
    bucket_init(&caller.bucket, BUCKET_MINUTE_MS, START);
    bucket_set(&caller.bucket, share_milli, START);
    run(&caller, &dice, START, START + 20 * MINUTE, longest_ms);
    if (busiest() > limit)
        fail_msg("%lld calls in a minute at a share of %d/1000", (long long)busiest(), share_milli);
    /* 19 of 20 minutes at the full rate but for what long calls cost. */
    int64_t least = limit * 19 * 60000 / (61000 + longest_ms);
    if (caller.calls < least)
        fail_msg("only %lld calls in 20 minutes at a share of %d/1000, want %lld", (long long)caller.calls, share_milli,
                 (long long)least);
}

static void test_a_constant_share_is_used_and_never_exceeded(void **state)
{
    (void)state;
    static const int32_t shares[] = {1000, 2000, 7500, 30000, 60000, 599999, 600000, 3000000};
    static const int64_t lengths[] = {0, 50, 800, 10000};
    for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            if (shares[s] < 600000 || lengths[l] < 1000) /* 64 calls at a time are not enough for all */
                check_constant(shares[s], lengths[l]);
        }
    }
}

static void test_a_share_below_a_call_gives_none(void **state)
{
    (void)state;
    struct bucket bucket;
    bucket_init(&bucket, BUCKET_MINUTE_MS, START);
    bucket_set(&bucket, 1400, START);
    for (int64_t now = START; now < START + 10 * MINUTE; now += 100)
        assert_true(bucket_room(&bucket, now) <= 1400);
    assert_int_equal(bucket_room(&bucket, START + 10 * MINUTE), 1400);
    assert_int_equal(bucket_retry_ms(&bucket, 1401, START + 10 * MINUTE), INT64_MAX);
    assert_true(bucket_retry_ms(&bucket, 1400, START + 10 * MINUTE) < INT64_MAX);
    bucket_set(&bucket, 999, START + 10 * MINUTE);
    assert_int_equal(bucket_retry_ms(&bucket, CALL, START + 10 * MINUTE), INT64_MAX);
}

/* Calls of all weights, in both spans: their sum in any span is within the share, and not much less. */
static void check_weights(int64_t window_ms, int32_t share_milli, int32_t heaviest_milli)
{
    static int64_t at[CALLS], weight[CALLS];
    struct bucket bucket;
    struct dice dice = {(uint64_t)share_milli};
    size_t count = 0, first = 0;
    int64_t inside = 0, all = 0, next = 1 + dice_below(&dice, heaviest_milli);
    bucket_init(&bucket, window_ms, START);
    bucket_set(&bucket, share_milli, START);
    for (int64_t now = START; now < START + 40 * window_ms + BUCKET_LAG_MS; now++) {
        if (bucket_room(&bucket, now) < next)
            continue;
        bucket_begin(&bucket, next, now);
        bucket_end(&bucket, next, now);
        at[count] = now;
        weight[count++] = next;
        for (inside += next, all += next; at[first] <= now - window_ms; first++)
            inside -= weight[first];
        if (inside > share_milli)
            fail_msg("%lld of %d in a span of %lld ms", (long long)inside, share_milli, (long long)window_ms);
        next = 1 + dice_below(&dice, heaviest_milli);
    }
    if (all < share_milli * INT64_C(30))
        fail_msg("only %lld of %d in 40 spans of %lld ms", (long long)all, share_milli, (long long)window_ms);
}

static void test_calls_of_any_weight(void **state)
{
    (void)state;
    check_weights(BUCKET_MINUTE_MS, 60000, 1400);
    check_weights(BUCKET_MINUTE_MS, 60000, 9000);
    check_weights(BUCKET_MINUTE_MS, 600000, 103600);
    check_weights(BUCKET_MINUTE_MS, 7000, 1000);
    check_weights(BUCKET_SECOND_MS, 5000, 1000);
    check_weights(BUCKET_SECOND_MS, 100000, 1400);
}

static void test_calls_are_spread_not_sent_in_a_burst(void **state)
{
    (void)state;
    struct caller caller = {.wants = false};
    struct dice dice = {1};
    arrival_count = 0;
    bucket_init(&caller.bucket, BUCKET_MINUTE_MS, START);
    bucket_set(&caller.bucket, 60000, START);
    run(&caller, &dice, START, START + 5 * MINUTE, 0); /* nothing to ask */
    caller.wants = true;
    run(&caller, &dice, START + 5 * MINUTE, START + 6 * MINUTE, 0);
    for (size_t i = 1; i < arrival_count; i++)
        assert_true(arrivals[i] - arrivals[i - 1] >= 1000 - BUCKET_SLOT_MS);
    assert_in_range(arrival_count, 59, 60);
}

static void test_the_first_call_comes_soon(void **state)
{
    (void)state;
    struct bucket bucket;
    int64_t now = START;
    bucket_init(&bucket, BUCKET_MINUTE_MS, now);
    bucket_set(&bucket, 60000, now);
    while (!allows(&bucket, now)) {
        int64_t next = bucket_retry_ms(&bucket, CALL, now);
        assert_true(next > now);
        now = next;
    }
    assert_in_range(now - START, BUCKET_LAG_MS + 900, BUCKET_LAG_MS + 1300);
}

static void test_asking_when_told_is_enough(void **state)
{
    (void)state;
    struct bucket bucket;
    int64_t now = START, calls = 0, asked = 0;
    bucket_init(&bucket, BUCKET_MINUTE_MS, now);
    bucket_set(&bucket, 30000, now);
    while (now < START + 10 * MINUTE) {
        asked++;
        if (allows(&bucket, now)) {
            bucket_begin(&bucket, CALL, now);
            bucket_end(&bucket, CALL, now);
            calls++;
            continue;
        }
        now = bucket_retry_ms(&bucket, CALL, now);
    }
    assert_in_range(calls, 284, 299);
    assert_true(asked < 10 * calls);
}

/*
 * The coordinator's promise: shares in force add up to at most the limit at every moment. A lowered share is in force
 * at once, what it frees is given away a moment later; fetchers come and go; some have nothing to ask and then have
 * much.
 */
struct world {
    struct caller callers[FETCHERS];
    int32_t shares[FETCHERS]; /* 1/1000 */
    struct dice dice;
    int32_t limit; /* calls a minute */
    int64_t longest_ms;
};

static int64_t free_share(const struct world *world)
{
    int64_t used = 0;
    for (int i = 0; i < FETCHERS; i++)
        used += world->shares[i];
    return (int64_t)world->limit * 1000 - used;
}

static void change(struct world *world, int64_t now)
{
    int i = (int)dice_below(&world->dice, FETCHERS);
    struct caller *caller = &world->callers[i];
    switch (dice_below(&world->dice, 4)) {
    case 0: /* gives some or all back */
        world->shares[i] = world->shares[i] ? (int32_t)dice_below(&world->dice, world->shares[i] + 1) : 0;
        break;
    case 1: /* gets all there is */
    case 2: /* gets some */
        world->shares[i] += (int32_t)dice_below(&world->dice, free_share(world) + 1);
        break;
    default:
        caller->wants = !caller->wants;
        break;
    }
    if (world->shares[i] < 1000)
        world->shares[i] = 0; /* tiny shares are not promised */
    bucket_set(&caller->bucket, world->shares[i], now);
}

static void check_world(uint64_t seed, int32_t limit, int64_t longest_ms)
{
    static struct world world;
    world = (struct world){.dice = {seed}, .limit = limit, .longest_ms = longest_ms};
    arrival_count = 0;
    for (int i = 0; i < FETCHERS; i++) {
        bucket_init(&world.callers[i].bucket, BUCKET_MINUTE_MS, START);
        world.callers[i].wants = true;
    }
    int64_t next = START;
    for (int64_t now = START; now < START + 30 * MINUTE; now += 20) {
        if (now >= next) {
            change(&world, now);
            next = now + dice_below(&world.dice, 15000);
        }
        for (int i = 0; i < FETCHERS; i++)
            caller_step(&world.callers[i], &world.dice, now, longest_ms);
    }
    int64_t most = busiest();
    if (most > limit)
        fail_msg("seed %llu: %lld calls in a minute, limit %d", (unsigned long long)seed, (long long)most, limit);
    assert_true(arrival_count > (size_t)limit * 3);
}

static void test_the_limit_holds_for_all_fetchers_at_any_change_of_shares(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        check_world(seed, 30, 300);
        check_world(seed + 1000, 60, 1500);
        check_world(seed + 2000, 600, 100);
    }
}

/* One gives everything to another, again and again: the case that a token bucket with a burst fails. */
static void test_a_share_that_wanders_is_not_spent_twice(void **state)
{
    (void)state;
    static struct caller callers[2];
    struct dice dice = {7};
    for (int64_t period = 500; period < 90000; period = period * 3 / 2) {
        arrival_count = 0;
        for (int i = 0; i < 2; i++) {
            callers[i] = (struct caller){.wants = true};
            bucket_init(&callers[i].bucket, BUCKET_MINUTE_MS, START);
        }
        for (int64_t now = START; now < START + 10 * MINUTE; now += 10) {
            if ((now - START) % period == 0) {
                int owner = (int)((now - START) / period % 2);
                bucket_set(&callers[!owner].bucket, 0, now);
                bucket_set(&callers[owner].bucket, 60000, now);
            }
            caller_step(&callers[0], &dice, now, 400);
            caller_step(&callers[1], &dice, now, 400);
        }
        if (busiest() > 60)
            fail_msg("%lld calls in a minute when the share wanders each %lld ms", (long long)busiest(),
                     (long long)period);
    }
}

/* The last calls of the old owner are still on their way when the new one begins. */
static void test_slow_calls_of_the_former_owner_are_allowed_for(void **state)
{
    (void)state;
    static struct bucket former, next;
    int64_t arrives[8] = {0}, change = START + 5 * MINUTE, under_way = 0;
    arrival_count = 0;
    bucket_init(&former, BUCKET_MINUTE_MS, START);
    bucket_init(&next, BUCKET_MINUTE_MS, START);
    bucket_set(&former, 60000, START);
    for (int64_t now = START; now < change + 3 * MINUTE; now++) {
        if (now == change) {
            bucket_set(&former, 0, now);
            bucket_set(&next, 60000, now);
        }
        if (under_way && arrives[0] <= now) {
            arrivals[arrival_count++] = now; /* at the very end of a call of nearly BUCKET_LAG_MS */
            bucket_end(&former, CALL, now);
            memmove(arrives, arrives + 1, sizeof arrives - sizeof *arrives);
            under_way--;
        }
        if (allows(&former, now)) {
            bucket_begin(&former, CALL, now);
            arrives[under_way++] = now + BUCKET_LAG_MS - 100;
        }
        if (allows(&next, now)) {
            arrivals[arrival_count++] = now;
            bucket_begin(&next, CALL, now);
            bucket_end(&next, CALL, now);
        }
    }
    assert_true(arrival_count > 400);
    assert_in_range(busiest(), 55, 60);
}

static void test_a_clock_that_jumps_far_forgets_all(void **state)
{
    (void)state;
    struct bucket bucket;
    bucket_init(&bucket, BUCKET_MINUTE_MS, START);
    bucket_set(&bucket, 60000, START);
    assert_true(allows(&bucket, START + 100 * MINUTE));
    bucket_begin(&bucket, CALL, START + 100 * MINUTE);
    bucket_end(&bucket, CALL, START + 100 * MINUTE);
    assert_int_equal(bucket.ended_sum, CALL);
    assert_true(allows(&bucket, START + 100000 * MINUTE));
    assert_int_equal(bucket.ended_sum, 0);
    assert_int_equal(bucket.share_sum, INT64_C(60000) * (BUCKET_SLOTS - 1));
}

/* A call that weighs several is taken whole: there must be room for all of it, and its pace is waited for after it. */
static void test_room_for_a_call_that_weighs_several(void **state)
{
    (void)state;
    struct bucket bucket;
    bucket_init(&bucket, BUCKET_MINUTE_MS, START);
    assert_int_equal(bucket_room(&bucket, START), 0);
    bucket_set(&bucket, BUCKET_UNLIMITED, START);
    assert_int_equal(bucket_room(&bucket, START), INT64_MAX);
    bucket_set(&bucket, 60000, START);
    int64_t now = START + MINUTE;
    assert_int_equal(bucket_room(&bucket, now), 60 * CALL);
    bucket_begin(&bucket, 30 * CALL, now);
    assert_int_equal(bucket_room(&bucket, now), 0); /* 30 s at 60 a minute */
    assert_int_equal(bucket_room(&bucket, now + 29000), 0);
    assert_int_equal(bucket_room(&bucket, now + 30000), 30 * CALL);
    bucket_end(&bucket, 30 * CALL, now + 30000);
    assert_int_equal(bucket_room(&bucket, now + 89000), 30 * CALL);
    assert_int_equal(bucket_room(&bucket, now + 91000), 60 * CALL);
}

/* Two buckets that are used alike, one of them asked at every step: slots that are skipped count as those that are not.
 */
static void test_skipping_changes_nothing(void **state)
{
    (void)state;
    struct dice dice = {4711};
    for (int round = 0; round < 2; round++) {
        struct bucket seldom, often;
        int64_t now = START, window = round ? BUCKET_SECOND_MS : BUCKET_MINUTE_MS;
        bucket_init(&seldom, window, now);
        bucket_init(&often, window, now);
        for (int i = 0; i < 3000; i++) {
            int64_t leap = dice_below(&dice, i % 50 == 0 ? 4 * window : window / 20);
            for (int64_t at = now; at < now + leap; at += window / 600)
                (void)bucket_room(&often, at);
            now += leap;
            if (dice_below(&dice, 10) == 0) {
                int32_t share = (int32_t)dice_below(&dice, 100) * 1000 - 1000;
                bucket_set(&seldom, share < 0 ? BUCKET_UNLIMITED : share, now);
                bucket_set(&often, share < 0 ? BUCKET_UNLIMITED : share, now);
            }
            assert_int_equal(bucket_room(&seldom, now), bucket_room(&often, now));
            if (bucket_room(&seldom, now) >= CALL) {
                bucket_begin(&seldom, CALL, now);
                bucket_begin(&often, CALL, now);
                bucket_end(&seldom, CALL, now);
                bucket_end(&often, CALL, now);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_share_that_is_repeated_is_no_raise),
        cmocka_unit_test(test_nothing_without_a_share),
        cmocka_unit_test(test_unlimited),
        cmocka_unit_test(test_a_constant_share_is_used_and_never_exceeded),
        cmocka_unit_test(test_a_share_below_a_call_gives_none),
        cmocka_unit_test(test_calls_of_any_weight),
        cmocka_unit_test(test_calls_are_spread_not_sent_in_a_burst),
        cmocka_unit_test(test_the_first_call_comes_soon),
        cmocka_unit_test(test_asking_when_told_is_enough),
        cmocka_unit_test(test_the_limit_holds_for_all_fetchers_at_any_change_of_shares),
        cmocka_unit_test(test_a_share_that_wanders_is_not_spent_twice),
        cmocka_unit_test(test_slow_calls_of_the_former_owner_are_allowed_for),
        cmocka_unit_test(test_room_for_a_call_that_weighs_several),
        cmocka_unit_test(test_a_clock_that_jumps_far_forgets_all),
        cmocka_unit_test(test_skipping_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
