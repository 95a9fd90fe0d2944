/*
 * Shares of the quota: by hand, then random fleets of fetchers with late and lost messages, deaths, cuts and new
 * leaders on a virtual clock. What counts is what fetchers really use, not what the leader believes.
 */
#include "../../coordinator/quota.h"

#include "entropy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define TOTAL 60000

/* ---- by hand ---- */

static void one_gets_all_two_get_half(void **state)
{
    (void)state;
    struct quota_share shares[2] = {{.live = true}};
    assert_true(quota_divide(shares, 1, TOTAL, 0));
    assert_int_equal(shares[0].sent_milli, TOTAL);
    assert_false(quota_divide(shares, 1, TOTAL, 0));
    shares[1].live = true;
    assert_true(quota_divide(shares, 2, TOTAL, 0));
    assert_int_equal(shares[0].sent_milli, TOTAL / 2);
    assert_int_equal(shares[1].sent_milli, 0); /* the first may still use all */
    quota_report(&shares[0], TOTAL, false);    /* an old heartbeat */
    assert_false(quota_divide(shares, 2, TOTAL, 0));
    quota_report(&shares[0], TOTAL / 2, true);
    assert_true(quota_divide(shares, 2, TOTAL, 0));
    assert_int_equal(shares[1].sent_milli, TOTAL / 2);
}

/* Lowered, raised and lowered again before the first acknowledgement: the largest on the way counts. */
static void the_largest_on_the_way_counts(void **state)
{
    (void)state;
    struct quota_share shares[3] = {{.live = true}};
    (void)quota_divide(shares, 1, TOTAL, 0);
    shares[1].live = shares[2].live = true;
    (void)quota_divide(shares, 3, TOTAL, 0);
    shares[1].live = shares[2].live = false;
    shares[1].may_milli = shares[2].may_milli = 0;
    (void)quota_divide(shares, 3, TOTAL, 0);
    assert_int_equal(shares[0].sent_milli, TOTAL);
    shares[1].live = true;
    (void)quota_divide(shares, 2, TOTAL, 0);
    assert_int_equal(shares[0].sent_milli, TOTAL / 2);
    assert_int_equal(shares[0].may_milli, TOTAL);
    quota_report(&shares[0], TOTAL / 3, false);
    assert_int_equal(shares[0].may_milli, TOTAL);
    quota_report(&shares[0], TOTAL / 2, true);
    assert_int_equal(shares[0].may_milli, TOTAL / 2);
}

static void a_silent_share_is_kept_back_for_a_minute(void **state)
{
    (void)state;
    struct quota_share shares[3] = {{.live = true, .sent_milli = 30000, .may_milli = 30000},
                                    {.live = false, .heard_ms = 1000, .may_milli = 30000},
                                    {.live = true}};
    (void)quota_divide(shares, 3, TOTAL, 2000);
    assert_int_equal(shares[0].sent_milli, 15000); /* the two divide what is left */
    assert_int_equal(shares[2].sent_milli, 0);
    quota_report(&shares[0], 15000, true);
    (void)quota_divide(shares, 3, TOTAL, 2500);
    assert_int_equal(shares[2].sent_milli, 15000);
    assert_false(quota_divide(shares, 3, TOTAL, 1000 + QUOTA_RECLAIM_MS));
    assert_true(quota_divide(shares, 3, TOTAL, 1001 + QUOTA_RECLAIM_MS));
    assert_int_equal(shares[0].sent_milli, 30000);
    assert_int_equal(shares[2].sent_milli, 30000);
    /* It comes back, still using its share: it is to stop until the others have given back. */
    shares[1].live = true;
    assert_true(quota_divide(shares, 3, TOTAL, 90000));
    assert_int_equal(shares[1].sent_milli, 0);
    assert_int_equal(shares[0].sent_milli, 0); /* there is no room at all now */
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            quota_report(&shares[k], shares[k].sent_milli, true);
        (void)quota_divide(shares, 3, TOTAL, 90001);
    }
    for (int k = 0; k < 3; k++)
        assert_int_equal(shares[k].sent_milli, TOTAL / 3);
}

static void a_share_is_told_when_it_is_noted(void **state)
{
    (void)state;
    struct quota_share share = {.live = true};
    quota_report(&share, 0, false);
    (void)quota_divide(&share, 1, TOTAL, 0);
    assert_int_equal(quota_told(&share), 0);
    quota_noted(&share); /* of a former lead */
    assert_int_equal(quota_told(&share), 0);
    quota_note(&share);
    assert_int_equal(quota_told(&share), 0);
    quota_noted(&share);
    assert_int_equal(quota_told(&share), TOTAL);
    (void)quota_divide(&share, 1, TOTAL / 2, 0);
    assert_int_equal(quota_told(&share), TOTAL / 2); /* lower: at once */
    quota_report(&share, TOTAL / 2, true);
    quota_note(&share); /* Redis may have the lower one now */
    (void)quota_divide(&share, 1, TOTAL, 0);
    assert_int_equal(quota_told(&share), TOTAL / 2);
    quota_noted(&share);
    assert_int_equal(quota_told(&share), TOTAL / 2);
    /* A new leader takes nothing from whom it does not know yet. */
    struct quota_share known = {.live = true}, unlimited = {.live = true};
    quota_report(&known, TOTAL, false);
    (void)quota_divide(&known, 1, TOTAL, 0);
    assert_int_equal(quota_told(&known), TOTAL);
    quota_report(&unlimited, -1, false);
    (void)quota_divide(&unlimited, 1, TOTAL, 0);
    assert_int_equal(quota_told(&unlimited), TOTAL);
    (void)quota_divide(&known, 1, QUOTA_UNLIMITED, 0);
    assert_int_equal(quota_told(&known), TOTAL);
    quota_note(&known);
    quota_noted(&known);
    assert_int_equal(quota_told(&known), QUOTA_UNLIMITED);
}

static void a_new_leader_believes_what_is_in_force(void **state)
{
    (void)state;
    struct quota_share shares[2] = {{.live = true}, {.live = true}};
    quota_report(&shares[0], TOTAL, false);
    (void)quota_divide(shares, 2, TOTAL, 0);
    assert_int_equal(shares[0].sent_milli, TOTAL / 2);
    assert_int_equal(shares[1].sent_milli, 0);
    quota_report(&shares[1], -1, false); /* a former leader had no limit */
    (void)quota_divide(shares, 2, TOTAL, 0);
    assert_int_equal(shares[1].may_milli, QUOTA_UNLIMITED);
    assert_int_equal(quota_in_use(shares, 2, TOTAL, 0), 2 * TOTAL);
    quota_report(&shares[0], 0, true);
    quota_report(&shares[1], 0, true);
    (void)quota_divide(shares, 2, TOTAL, 0);
    assert_int_equal(shares[0].sent_milli, TOTAL / 2);
    assert_int_equal(shares[1].sent_milli, TOTAL / 2);
}

static void totals_at_the_edges(void **state)
{
    (void)state;
    struct quota_share shares[3] = {{.live = true}, {.live = true}, {.live = false}};
    assert_false(quota_divide(shares, 3, 0, 0)); /* none is none */
    assert_int_equal(shares[0].sent_milli, 0);
    assert_true(quota_divide(shares, 3, QUOTA_UNLIMITED, 0));
    assert_int_equal(shares[0].sent_milli, QUOTA_UNLIMITED);
    assert_int_equal(shares[2].sent_milli, 0);
    assert_true(quota_divide(shares, 3, 1000000000, 0)); /* and the limit comes back */
    assert_true(shares[0].sent_milli >= 0);
    struct quota_share one = {.live = true};
    assert_false(quota_divide(&one, 1, 999, 0)); /* no whole call */
    assert_true(quota_divide(&one, 1, 2999, 0));
    assert_int_equal(one.sent_milli, 2000);
    assert_false(quota_divide(NULL, 0, TOTAL, 0));
    struct quota_share draining[2] = {{.live = true, .draining = true, .sent_milli = TOTAL, .may_milli = TOTAL},
                                      {.live = true}};
    assert_true(quota_divide(draining, 2, TOTAL, 0));
    assert_int_equal(draining[0].sent_milli, 0);
    quota_report(&draining[0], 0, true);
    (void)quota_divide(draining, 2, TOTAL, 0);
    assert_int_equal(draining[1].sent_milli, TOTAL);
}

/* ---- random fleets ---- */

#define FLEET      6
#define IN_FLIGHT  64
#define SILENT_MS  2000
#define BEAT_MS    500
#define TICK_MS    50
#define LATE_MS    400 /* largest delay of a message */
#define NOTE_MS    1000
#define MOVING_MS  240000
#define RESTING_MS (QUOTA_RECLAIM_MS + 10000)

struct message {
    int64_t due_ms, version;
    int32_t milli;
};

/* First in, first out, each message with a delay of its own: what a connection does. */
struct wire {
    struct message messages[IN_FLIGHT];
    size_t count;
};

struct fetcher {
    bool alive, cut; /* cut: it runs, but nothing passes either way */
    int64_t incarnation;
    int64_t version, beat_ms; /* version of the target in force */
    int32_t in_force;
    struct wire down, up;
};

struct book { /* the leader's */
    struct quota_share share;
    int32_t stored_milli; /* in Redis: the last note that got there */
    bool known;
    int64_t version;
};

struct world {
    struct fetcher fetchers[FLEET];
    struct book books[2 * FLEET]; /* the second half: former incarnations, kept back */
    int64_t now_ms, silent_since_ms[FLEET];
    int64_t note_ms; /* when the note on its way gets to Redis and back; 0: none is */
    int64_t next_note_ms;
    int32_t total;
    struct jitter random;
    int64_t largest;
};

static void put(struct world *world, struct wire *wire, int64_t version, int32_t milli)
{
    if (wire->count == IN_FLIGHT)
        return;
    int64_t due_ms = world->now_ms + jitter_below(&world->random, LATE_MS),
            after_ms = wire->count ? wire->messages[wire->count - 1].due_ms : 0;
    wire->messages[wire->count++] = (struct message){due_ms > after_ms ? due_ms : after_ms, version, milli};
}

static bool take(struct world *world, struct wire *wire, struct message *message)
{
    if (wire->count == 0 || wire->messages[0].due_ms > world->now_ms)
        return false;
    *message = wire->messages[0];
    memmove(wire->messages, wire->messages + 1, --wire->count * sizeof *wire->messages);
    return true;
}

/* Sends the share that the fetcher may be told when it is not `told` already. */
static void tell(struct world *world, int index, int32_t told)
{
    struct book *book = &world->books[index];
    if (quota_told(&book->share) == told)
        return;
    book->version++;
    if (!world->fetchers[index].cut)
        put(world, &world->fetchers[index].down, book->version, quota_told(&book->share));
}

/* Once a second, and when a share `waits` for it, the leader notes in Redis what may be in use. */
static void note(struct world *world, bool waits)
{
    for (int i = 0; world->note_ms != 0 && world->now_ms >= world->note_ms && i < FLEET; i++) {
        struct quota_share *share = &world->books[i].share;
        int32_t told = quota_told(share);
        world->books[i].stored_milli = share->noting ? share->noting_milli : world->books[i].stored_milli;
        quota_noted(share);
        tell(world, i, told);
    }
    world->note_ms = world->now_ms >= world->note_ms ? 0 : world->note_ms;
    if (world->note_ms != 0 || (!waits && world->now_ms < world->next_note_ms))
        return;
    world->note_ms = world->now_ms + 1 + jitter_below(&world->random, LATE_MS);
    world->next_note_ms = world->now_ms + NOTE_MS;
    for (int i = 0; i < FLEET; i++)
        quota_note(&world->books[i].share);
}

static void lead(struct world *world)
{
    struct quota_share shares[2 * FLEET];
    for (int i = 0; i < 2 * FLEET; i++) {
        struct book *book = &world->books[i];
        if (i < FLEET)
            book->share.live = book->known && world->now_ms - book->share.heard_ms <= SILENT_MS;
        shares[i] = book->share;
    }
    (void)quota_divide(shares, 2 * FLEET, world->total, world->now_ms);
    bool waits = false;
    for (int i = 0; i < 2 * FLEET; i++) {
        int32_t told = quota_told(&world->books[i].share);
        world->books[i].share = shares[i];
        waits |= shares[i].live && quota_told(&shares[i]) != shares[i].sent_milli;
        if (i < FLEET)
            tell(world, i, told);
    }
    note(world, waits);
}

static void hear(struct world *world, int index, const struct message *message)
{
    struct book *book = &world->books[index];
    book->known = true;
    book->share.heard_ms = world->now_ms;
    book->share.live = true;
    quota_report(&book->share, message->milli, message->version == book->version);
    if (message->version != book->version)
        put(world, &world->fetchers[index].down, book->version, quota_told(&book->share)); /* again, until it is seen */
}

static void live(struct world *world, int index)
{
    struct fetcher *fetcher = &world->fetchers[index];
    struct message message;
    while (!fetcher->cut && take(world, &fetcher->up, &message))
        hear(world, index, &message);
    while (fetcher->alive && !fetcher->cut && take(world, &fetcher->down, &message)) {
        if (message.version <= fetcher->version)
            continue;
        fetcher->version = message.version;
        fetcher->in_force = message.milli;
        put(world, &fetcher->up, fetcher->version, fetcher->in_force);
    }
    if (fetcher->alive && !fetcher->cut && world->now_ms - fetcher->beat_ms >= BEAT_MS) {
        fetcher->beat_ms = world->now_ms;
        put(world, &fetcher->up, fetcher->version, fetcher->in_force);
    }
}

/* Killed, or ended: the book of the incarnation is kept back when it did not say BYE. */
static void end(struct world *world, int index, bool bye)
{
    struct fetcher *fetcher = &world->fetchers[index];
    struct book *book = &world->books[index], *kept = &world->books[FLEET + index];
    if (!fetcher->alive || fetcher->cut ||
        (!bye && kept->share.may_milli > 0 && world->now_ms - kept->share.heard_ms <= QUOTA_RECLAIM_MS))
        return; /* one former incarnation at a time is enough */
    if (!bye)
        *kept = *book;
    kept->share.live = false;
    *book = (struct book){.known = false};
    *fetcher = (struct fetcher){.alive = false};
}

/* Another leader: it knows from its predecessor's last note what may be in use, and nothing else. */
static void new_leader(struct world *world)
{
    bool lost = jitter_below(&world->random, 2) == 0; /* the note on its way */
    for (int i = 0; i < FLEET; i++) {
        const struct quota_share *share = &world->books[i].share;
        if (world->note_ms != 0 && share->noting && !lost)
            world->books[i].stored_milli = share->noting_milli;
    }
    world->note_ms = 0;
    for (int i = 0; i < FLEET; i++) {
        struct book *book = &world->books[i];
        struct fetcher *fetcher = &world->fetchers[i];
        book->version += 1000;
        book->share =
            (struct quota_share){.heard_ms = book->share.heard_ms, .may_milli = book->stored_milli, .sent_milli = 0};
        fetcher->up.count = fetcher->down.count = 0; /* those of the old connection */
        book->known = false;
    }
}

static void happen(struct world *world)
{
    int index = (int)jitter_below(&world->random, FLEET);
    struct fetcher *fetcher = &world->fetchers[index];
    switch (jitter_below(&world->random, 12)) {
    case 0:
        end(world, index, true);
        break;
    case 1:
        end(world, index, false);
        break;
    case 2:
        fetcher->cut = fetcher->alive; /* for less than a minute: see wait_over */
        fetcher->up.count = fetcher->down.count = 0;
        break;
    case 3:
    case 4:
        fetcher->cut = false;
        break;
    case 5:
        new_leader(world);
        break;
    default:
        if (!fetcher->alive)
            *fetcher = (struct fetcher){.alive = true, .version = -1};
    }
}

static void check(struct world *world)
{
    int64_t sum = 0;
    for (int i = 0; i < FLEET; i++) {
        struct fetcher *fetcher = &world->fetchers[i];
        if (world->now_ms - world->books[i].share.heard_ms > QUOTA_RECLAIM_MS - BEAT_MS - LATE_MS - 2 * TICK_MS)
            fetcher->cut = false; /* the promise is for a minute without a word */
        sum += fetcher->alive ? fetcher->in_force : 0;
    }
    world->largest = sum > world->largest ? sum : world->largest;
    if (sum > world->total)
        fail_msg("at %lld ms %lld are in use of %d", (long long)world->now_ms, (long long)sum, world->total);
}

static void run(struct world *world, int64_t duration_ms, bool moving)
{
    int64_t end_ms = world->now_ms + duration_ms;
    for (; world->now_ms < end_ms; world->now_ms += TICK_MS) {
        if (moving && jitter_below(&world->random, 20) == 0)
            happen(world);
        for (int i = 0; i < FLEET; i++)
            live(world, i);
        lead(world);
        check(world);
    }
}

/* All of it is in use, in whole calls, and nobody has two more than another. */
static void check_rest(const struct world *world, uint64_t seed, int32_t callers)
{
    int64_t sum = 0;
    for (int i = 0; i < FLEET; i++) {
        int32_t share = world->fetchers[i].alive ? world->fetchers[i].in_force : 0;
        int32_t least = world->total / 1000 / callers * 1000;
        sum += share;
        if (world->fetchers[i].alive && share != least && share != least + 1000)
            fail_msg("seed %llu: %d of %d for one of %d", (unsigned long long)seed, share, world->total, callers);
    }
    assert_int_equal(sum, world->total / 1000 * 1000);
}

/* More fetchers than calls: the last ones are to have none, and say so. */
static void no_call_is_lost_and_none_is_cut(void **state)
{
    (void)state;
    struct quota_share shares[16];
    for (int32_t total = 1; total <= 40; total++) {
        int64_t sum = 0;
        for (int i = 0; i < 16; i++)
            shares[i] = (struct quota_share){.live = true};
        (void)quota_divide(shares, 16, total * 1000, 0);
        for (int i = 0; i < 16; i++) {
            assert_int_equal(shares[i].sent_milli % 1000, 0);
            assert_int_equal(shares[i].due_milli, shares[i].sent_milli);
            assert_true(i == 0 || shares[i].sent_milli <= shares[i - 1].sent_milli);
            sum += shares[i].sent_milli;
        }
        assert_int_equal(sum, total * 1000);
    }
}

static void random_fleets(void **state)
{
    (void)state;
    static const int32_t totals[] = {60000, 1000, 7000, 1000000000};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world *world = calloc(1, sizeof *world);
        jitter_init(&world->random, seed);
        world->total = totals[seed % 4];
        world->now_ms = 1;
        for (int round = 0; round < 2; round++) {
            run(world, MOVING_MS, true);
            for (int i = 0; i < FLEET; i++) {
                world->fetchers[i].cut = false;
                if (!world->fetchers[i].alive)
                    world->fetchers[i] = (struct fetcher){.alive = i == 0, .version = -1};
            }
            run(world, RESTING_MS, false);
            int32_t callers = 0;
            for (int i = 0; i < FLEET; i++)
                callers += world->fetchers[i].alive;
            check_rest(world, seed, callers);
        }
        assert_true(world->largest > 0);
        free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_gets_all_two_get_half),
        cmocka_unit_test(the_largest_on_the_way_counts),
        cmocka_unit_test(a_silent_share_is_kept_back_for_a_minute),
        cmocka_unit_test(a_share_is_told_when_it_is_noted),
        cmocka_unit_test(a_new_leader_believes_what_is_in_force),
        cmocka_unit_test(totals_at_the_edges),
        cmocka_unit_test(no_call_is_lost_and_none_is_cut),
        cmocka_unit_test(random_fleets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
