/*
 * The ledger of an account: by hand, and then random years of grants, kills, restarts, rollbacks and clocks that are
 * set. What counts is when units were really used, in real time, whatever the ledger believes.
 */
#include "../../coordinator/quota_deal.h"

#include "duration.h"
#include "error.h"
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define START INT64_C(1790000000000)

static struct limits limits_of(const char *text)
{
    struct limits limits;
    struct buf error = BUF_EMPTY;
    if (limits_parse(text, strlen(text), &limits, &error) != 0)
        fail_msg("%s", error.data);
    return limits;
}

static struct quota_ledger *ledger_of(const char *text, int64_t now_ms)
{
    struct quota_ledger *ledger = malloc(sizeof *ledger);
    struct limits limits = limits_of(text);
    assert_non_null(ledger);
    quota_ledger_init(ledger, &limits, now_ms);
    return ledger;
}

static void drop(struct quota_ledger *ledger)
{
    quota_ledger_release(ledger);
    free(ledger);
}

/* ---- by hand ---- */

static void no_long_limit_no_line(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("5/s,60/m", START);
    assert_int_equal(ledger->line_count, 0);
    assert_int_equal(quota_ledger_available(ledger), INT64_MAX);
    quota_ledger_lose(ledger);
    quota_ledger_report(ledger, 1, 5, 5);
    assert_null(quota_ledger_holder(ledger, 1));
    assert_int_equal(quota_deal(ledger, &(struct quota_ask){1, 1000, 1000}, 1, &(size_t){0}), 0);
    drop(ledger);
}

static void units_are_granted_at_an_even_pace(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("60/m,3600/h", START);
    quota_ledger_report(ledger, 1, 0, 0);
    assert_int_equal(quota_ledger_available(ledger), 0);
    quota_ledger_advance(ledger, START + 10000);
    int64_t available = quota_ledger_available(ledger);
    assert_in_range(available, 9850, 10000);
    quota_ledger_grant(ledger, 1, available);
    assert_int_equal(quota_ledger_available(ledger), 0);
    assert_int_equal(ledger->open_milli, available);
    quota_ledger_advance(ledger, START + 600000);
    assert_in_range(quota_ledger_available(ledger), 14000, 15500); /* no more than the credit */
    drop(ledger);
}

static void a_new_one_has_credit(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("1000000/mo", START);
    quota_ledger_fresh(ledger);
    assert_in_range(quota_ledger_available(ledger), 1300000, 1400000); /* an hour's */
    drop(ledger);
}

static void what_is_used_counts_for_a_window(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("100/h", START);
    quota_ledger_fresh(ledger);
    quota_ledger_report(ledger, 1, 0, 0);
    quota_ledger_grant(ledger, 1, 1000);
    quota_ledger_report(ledger, 1, 1000, 400);
    assert_int_equal(ledger->open_milli, 600);
    assert_int_equal(ledger->lines[0].spent_milli, 400);
    assert_int_equal(quota_line_counted(ledger, &ledger->lines[0]), 1000);
    quota_ledger_report(ledger, 1, 1000, 300); /* overtaken */
    assert_int_equal(ledger->open_milli, 600);
    quota_ledger_report(ledger, 1, 1000, 5000); /* a lie */
    assert_int_equal(ledger->open_milli, 0);
    assert_int_equal(ledger->lines[0].spent_milli, 1000);
    quota_ledger_advance(ledger, START + DURATION_HOUR);
    assert_int_equal(ledger->lines[0].spent_milli, 1000);
    assert_true(quota_line_eases_ms(&ledger->lines[0], ledger->now_ms) > START + DURATION_HOUR);
    quota_ledger_advance(ledger, START + DURATION_HOUR + 15000);
    assert_int_equal(ledger->lines[0].spent_milli, 0);
    assert_int_equal(quota_line_eases_ms(&ledger->lines[0], ledger->now_ms), ledger->now_ms);
    drop(ledger);
}

/* What a silent fetcher has open counts until it has lapsed, and then as used. */
static void a_silent_fetcher_s_grant_is_spent(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("1000/h", START);
    quota_ledger_fresh(ledger);
    quota_ledger_report(ledger, 7, 0, 0);
    quota_ledger_grant(ledger, 7, 3000);
    int64_t until = quota_ledger_holder(ledger, 7)->until_ms;
    assert_int_equal(until, START + QUOTA_VALID_MS + QUOTA_CALL_MS);
    quota_ledger_advance(ledger, until - 1);
    assert_int_equal(ledger->open_milli, 3000);
    quota_ledger_advance(ledger, until);
    assert_int_equal(ledger->open_milli, 0);
    assert_int_equal(ledger->lines[0].spent_milli, 3000);
    quota_ledger_report(ledger, 7, 3000, 1000); /* it is back */
    assert_int_equal(ledger->lines[0].spent_milli, 3000);
    assert_int_equal(ledger->losses, 0);
    quota_ledger_advance(ledger, until + QUOTA_KEEP_MS);
    assert_null(quota_ledger_holder(ledger, 7));
    drop(ledger);
}

static void who_knows_of_more_shows_a_loss(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("1000/h,10000/d", START);
    quota_ledger_fresh(ledger);
    quota_ledger_report(ledger, 1, 5000, 3000);
    assert_int_equal(ledger->losses, 1);
    for (size_t i = 0; i < ledger->line_count; i++) {
        int64_t counted = quota_line_counted(ledger, &ledger->lines[i]), limit = ledger->lines[i].limit_milli;
        assert_true(counted > limit * 97 / 100 && counted < limit * 115 / 100);
    }
    assert_int_equal(quota_ledger_available(ledger), 0);
    int64_t spent = ledger->lines[1].spent_milli;
    quota_ledger_report(ledger, 2, 4000, 4000); /* the next one that tells adds little */
    assert_true(ledger->lines[1].spent_milli - spent <= 4000);
    quota_ledger_advance(ledger, START + 30 * DURATION_MINUTE); /* and it goes on soon */
    assert_true(quota_ledger_available(ledger) > 0);
    drop(ledger);
}

static void what_may_be_open(void **state)
{
    (void)state;
    struct quota_ledger *hour = ledger_of("1000/h,10000/d", START), *month = ledger_of("1000000/mo", START);
    assert_int_equal(quota_ledger_open_max(hour), 10000); /* the least: half a minute of the day is less */
    assert_in_range(quota_ledger_open_max(month), 11000, 11300);
    drop(hour);
    drop(month);
}

/* ---- in Redis ---- */

static struct quota_ledger *restored(const struct quota_ledger *from, const char *text, int64_t now_ms)
{
    struct buf note = BUF_EMPTY;
    struct quota_ledger *ledger = ledger_of(text, now_ms);
    quota_ledger_pack(from, &note);
    assert_int_equal(quota_ledger_unpack(ledger, note.data, note.size), 0);
    buf_release(&note);
    return ledger;
}

static void a_note_is_taken_over(void **state)
{
    (void)state;
    static const char text[] = "100000/h,1000000/d,10000000/mo";
    struct quota_ledger *ledger = ledger_of(text, START);
    quota_ledger_fresh(ledger);
    quota_ledger_report(ledger, 1, 0, 0);
    quota_ledger_grant(ledger, 1, 100000);
    quota_ledger_report(ledger, 1, 100000, 90000);
    quota_ledger_advance(ledger, START + 50 * DURATION_MINUTE);
    struct quota_ledger *next = restored(ledger, text, START + 50 * DURATION_MINUTE);
    for (size_t i = 0; i < 3; i++) {
        const struct quota_line *line = &next->lines[i];
        assert_int_equal(line->spent_milli, 100000);
        assert_int_equal(line->credit, 0);
    }
    assert_int_equal(quota_ledger_holder(next, 1)->granted_milli, 100000);
    quota_ledger_report(next, 1, 100000, 100000);
    assert_int_equal(next->losses, 0);
    drop(next);
    next = restored(ledger, text, START + 40 * DURATION_MINUTE); /* the clock went back */
    assert_int_equal(next->lines[0].spent_milli, 100000);
    drop(next);
    next = restored(ledger, text, START + 30 * DURATION_DAY); /* nobody led for long: as if it had been used */
    assert_true(next->lines[1].spent_milli > 990 * INT64_C(1000000));
    drop(next);
    next = restored(ledger, "100000/h,500000/d", START + 51 * DURATION_MINUTE); /* another plan */
    assert_int_equal(next->line_count, 2);
    assert_int_equal(next->losses, 0);
    drop(next);
    drop(ledger);
}

static void what_is_no_note_counts_as_a_loss(void **state)
{
    (void)state;
    struct quota_ledger *hour = ledger_of("100/h", START), *both = ledger_of("100/h,1000/d", START);
    struct buf note = BUF_EMPTY;
    quota_ledger_pack(hour, &note);
    assert_int_equal(quota_ledger_unpack(both, note.data, note.size), 0); /* it knows nothing of the day */
    assert_int_equal(both->losses, 1);
    assert_int_equal(quota_ledger_unpack(hour, "\xff\xff", 2), ERR_INVALID);
    assert_int_equal(hour->losses, 1);
    assert_int_equal(quota_ledger_unpack(hour, "", 0), ERR_INVALID); /* no format */
    note.data[note.size / 2] ^= 0x55;
    (void)!quota_ledger_unpack(both, note.data, note.size);
    buf_release(&note);
    drop(hour);
    drop(both);
}

/* ---- who gets what ---- */

static void all_get_on_when_there_is_little(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("3600/h", START);
    struct quota_ask asks[16];
    size_t turn = 0;
    for (int i = 0; i < 16; i++)
        asks[i] = (struct quota_ask){i + 1, 20000, 1400};
    for (int64_t now = START; now < START + 120000; now += 1000) {
        quota_ledger_advance(ledger, now);
        for (int i = 0; i < 16; i++) {
            const struct quota_holder *holder = quota_ledger_holder(ledger, i + 1);
            int64_t granted = holder ? holder->granted_milli : 0;
            quota_ledger_report(ledger, i + 1, granted, granted / 1400 * 1400); /* used at once */
        }
        (void)quota_deal(ledger, asks, 16, &turn);
    }
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 16; i++) {
        int64_t granted = quota_ledger_holder(ledger, i + 1)->granted_milli;
        least = granted < least ? granted : least;
        most = granted > most ? granted : most;
    }
    if (least < 5600 || most - least > 1400)
        fail_msg("from %lld to %lld", (long long)least, (long long)most);
    drop(ledger);
}

static void who_wants_nothing_gets_nothing_but_time(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("3600/h", START);
    struct quota_ask asks[2] = {{1, 0, 1000}, {2, 5000, 1000}};
    size_t turn = 0;
    quota_ledger_fresh(ledger);
    quota_ledger_report(ledger, 1, 0, 0);
    quota_ledger_report(ledger, 2, 0, 0);
    assert_int_equal(quota_deal(ledger, asks, 2, &turn), 5000);
    assert_int_equal(quota_ledger_holder(ledger, 1)->granted_milli, 0);
    quota_ledger_advance(ledger, START + 30000);
    quota_ledger_report(ledger, 2, 5000, 0);
    assert_int_equal(quota_deal(ledger, asks, 2, &turn), 0);
    assert_int_equal(quota_ledger_holder(ledger, 2)->until_ms, START + 30000 + QUOTA_VALID_MS + QUOTA_CALL_MS);
    drop(ledger);
}

/* A call that weighs more than the credit is granted bit by bit, to one after the other. */
static void a_small_limit_grants_whole_calls(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("20/d", START);
    struct quota_ask asks[3] = {{1, 1400, 1400}, {2, 1400, 1400}, {3, 1400, 1400}};
    size_t turn = 0;
    int64_t calls = 0;
    for (int64_t now = START; now < START + DURATION_DAY; now += DURATION_MINUTE) {
        quota_ledger_advance(ledger, now);
        for (int i = 1; i <= 3; i++) {
            const struct quota_holder *holder = quota_ledger_holder(ledger, i);
            int64_t granted = holder ? holder->granted_milli : 0, used = granted / 1400 * 1400;
            calls += holder && used > holder->settled_milli;
            quota_ledger_report(ledger, i, granted, used);
        }
        (void)quota_deal(ledger, asks, 3, &turn);
    }
    assert_in_range(calls, 11, 14); /* 20 / 1.4 */
    assert_int_equal(ledger->losses, 0);
    drop(ledger);
}

/* What is known of the last hours is more than the even pace: it stands for the quiet days before. */
static void a_known_burst_does_not_count_besides_the_pace(void **state)
{
    (void)state;
    struct quota_ledger *ledger = ledger_of("60/m,1000000/mo", START);
    quota_ledger_report(ledger, 1, 0, 0);
    quota_ledger_fresh(ledger);
    for (int hour = 1; hour <= 12; hour++) {
        quota_ledger_advance(ledger, START + hour * DURATION_HOUR);
        quota_ledger_report(ledger, 1, quota_ledger_holder(ledger, 1)->granted_milli,
                            quota_ledger_holder(ledger, 1)->granted_milli);
        quota_ledger_grant(ledger, 1, quota_ledger_available(ledger));
    }
    quota_ledger_report(ledger, 1, quota_ledger_holder(ledger, 1)->granted_milli,
                        quota_ledger_holder(ledger, 1)->granted_milli);
    quota_ledger_lose(ledger);
    int64_t pace = quota_line_pace(&ledger->lines[0], 10 * DURATION_MINUTE);
    quota_ledger_advance(ledger, ledger->now_ms + 10 * DURATION_MINUTE);
    assert_in_range(quota_ledger_available(ledger), pace - 1000, pace); /* at the even pace, from then on */
    drop(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_long_limit_no_line),
        cmocka_unit_test(units_are_granted_at_an_even_pace),
        cmocka_unit_test(a_new_one_has_credit),
        cmocka_unit_test(what_is_used_counts_for_a_window),
        cmocka_unit_test(a_silent_fetcher_s_grant_is_spent),
        cmocka_unit_test(who_knows_of_more_shows_a_loss),
        cmocka_unit_test(what_may_be_open),
        cmocka_unit_test(a_note_is_taken_over),
        cmocka_unit_test(what_is_no_note_counts_as_a_loss),
        cmocka_unit_test(all_get_on_when_there_is_little),
        cmocka_unit_test(who_wants_nothing_gets_nothing_but_time),
        cmocka_unit_test(a_small_limit_grants_whole_calls),
        cmocka_unit_test(a_known_burst_does_not_count_besides_the_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
