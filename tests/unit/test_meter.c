/* Grants of units, and the meter that joins them with shares of a second and a minute. */
#include "../../fetcher/meter.h"

#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define START INT64_C(1000000)
#define CALL  INT64_C(1000)

/* ---- the allowance ---- */

static void nothing_without_a_grant(void **state)
{
    (void)state;
    struct allowance allowance = {0};
    assert_int_equal(allowance_room(&allowance, START), 0);
    allowance_free(&allowance);
    assert_int_equal(allowance_room(&allowance, START), INT64_MAX);
}

static void a_grant_is_a_sum_and_ends(void **state)
{
    (void)state;
    struct allowance allowance = {0};
    allowance_grant(&allowance, 5 * CALL, START + 1000, START);
    allowance_take(&allowance, 2 * CALL);
    assert_int_equal(allowance_room(&allowance, START), 3 * CALL);
    allowance_grant(&allowance, 5 * CALL, START + 1000, START); /* once more */
    assert_int_equal(allowance_room(&allowance, START), 3 * CALL);
    allowance_grant(&allowance, 4 * CALL, START + 500, START); /* an older one, late */
    assert_int_equal(allowance_room(&allowance, START + 999), 3 * CALL);
    allowance_grant(&allowance, 6 * CALL, START + 2000, START + 999); /* what is left is good for longer now */
    assert_int_equal(allowance_room(&allowance, START + 1999), 4 * CALL);
    assert_int_equal(allowance_room(&allowance, START + 2000), 0);
    assert_int_equal(allowance.used_milli, 2 * CALL);
    assert_int_equal(allowance.forgone_milli, 4 * CALL);
}

/* The leader took what has lapsed for open still: it is not used after all. */
static void what_has_lapsed_does_not_come_back(void **state)
{
    (void)state;
    struct allowance allowance = {0};
    allowance_grant(&allowance, 5 * CALL, START + 1000, START);
    allowance_grant(&allowance, 6 * CALL, START + 9000, START + 1000);
    assert_int_equal(allowance_room(&allowance, START + 1000), CALL);
    assert_int_equal(allowance.forgone_milli, 5 * CALL);
    allowance_grant(&allowance, 8 * CALL, START + 9000, START + 9500); /* too long on its way */
    assert_int_equal(allowance_room(&allowance, START + 9500), 0);
    assert_int_equal(allowance.forgone_milli, 8 * CALL);
}

/* The sums go on when an account loses its limit and gets one again. */
static void sums_go_on_without_a_limit(void **state)
{
    (void)state;
    struct allowance allowance = {0};
    allowance_grant(&allowance, 5 * CALL, START + 1000, START);
    allowance_free(&allowance);
    allowance_take(&allowance, 7 * CALL);
    assert_int_equal(allowance.used_milli, 7 * CALL);
    assert_int_equal(allowance.granted_milli, 7 * CALL);
    allowance_grant(&allowance, 7 * CALL, START + 1000, START);
    assert_int_equal(allowance_room(&allowance, START), 0);
}

/* ---- the meter ---- */

static void the_smallest_counts(void **state)
{
    (void)state;
    static struct meter meter;
    int64_t later = START + 60000 + BUCKET_LAG_MS + 200;
    meter_init(&meter, START);
    assert_int_equal(meter_room(&meter, START), 0);
    meter_share(&meter, 2000, 60000, START);
    allowance_free(&meter.allowance);
    assert_int_equal(meter_room(&meter, later), 2000);
    meter_share(&meter, BUCKET_UNLIMITED, 60000, later);
    assert_int_equal(meter_room(&meter, later), 60000);
    allowance_grant(&meter.allowance, 1400, later + 5000, later);
    assert_int_equal(meter_room(&meter, later), 1400);
    meter_begin(&meter, 1400, later);
    assert_int_equal(meter_room(&meter, later), 0);
    meter_end(&meter, 1400, later);
    assert_int_equal(meter_retry_ms(&meter, CALL, later), INT64_MAX);
    allowance_grant(&meter.allowance, 3000, later + 50000, later);
    int64_t next = meter_retry_ms(&meter, CALL, later);
    assert_in_range(next, later + 1400 - BUCKET_SLOT_MS, later + 1400);
    assert_int_equal(meter_room(&meter, next - 1), 0);
    assert_true(meter_room(&meter, next) >= CALL);
}

/* Whoever asks again when it is told to gets what there is, without asking all the time. */
static void asking_when_told_is_enough(void **state)
{
    (void)state;
    static struct meter meter;
    int64_t now = START, end = START + 600000, calls = 0, asked = 0;
    meter_init(&meter, START);
    meter_share(&meter, 3000, 90000, START);
    allowance_grant(&meter.allowance, 500 * CALL, end, START);
    while (now < end && calls < 500) {
        asked++;
        if (meter_room(&meter, now) >= CALL) {
            meter_begin(&meter, CALL, now);
            meter_end(&meter, CALL, now);
            calls++;
        }
        int64_t next = meter_retry_ms(&meter, CALL, now);
        assert_true(next > now || meter_room(&meter, now) >= CALL);
        now = next;
    }
    assert_int_equal(calls, 500);
    assert_int_equal(allowance_room(&meter.allowance, START + 1), 0);
    assert_true(now < START + 360000 || now == INT64_MAX);
    assert_true(asked < 10 * calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_without_a_grant),    cmocka_unit_test(a_grant_is_a_sum_and_ends),
        cmocka_unit_test(sums_go_on_without_a_limit), cmocka_unit_test(what_has_lapsed_does_not_come_back),
        cmocka_unit_test(the_smallest_counts),        cmocka_unit_test(asking_when_told_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
