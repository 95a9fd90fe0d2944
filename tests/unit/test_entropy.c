/* Ids and incarnations: unique and well formed. Jitter: repeats with its seed, stays in its bounds, and is spread
 * evenly. */
#include "entropy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define IDS 20000

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ids_are_unique_hex(void **state)
{
    (void)state;
    static char ids[IDS][ENTROPY_ID_BYTES];
    size_t digits[16] = {0};
    for (int i = 0; i < IDS; i++) {
        memset(ids[i], 'X', sizeof ids[i]);
        entropy_id(ids[i]);
        assert_int_equal(strlen(ids[i]), 32);
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
        for (int k = 0; k < 32; k++)
            digits[strchr("0123456789abcdef", ids[i][k]) - strchr("0123456789abcdef", '0')]++;
    }
    qsort(ids, IDS, sizeof ids[0], by_text);
    for (int i = 1; i < IDS; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
    for (int i = 0; i < 16; i++) /* 40,000 expected of each; sd is 194 */
        assert_in_range(digits[i], 38000, 42000);
}

static void incarnations_are_positive(void **state)
{
    (void)state;
    int64_t seen = 0, last = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t number = entropy_i63();
        assert_true(number > 0);
        assert_true(number != last);
        last = number;
        seen |= number;
    }
    assert_int_equal(seen, INT64_MAX); /* every bit is used */
}

static void jitter_repeats_with_its_seed(void **state)
{
    (void)state;
    struct jitter a, b, other;
    jitter_init(&a, 42);
    jitter_init(&b, 42);
    jitter_init(&other, 43);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t value = jitter_below(&a, 1000000);
        assert_int_equal(value, jitter_below(&b, 1000000));
        same += value == jitter_below(&other, 1000000);
    }
    assert_in_range(same, 0, 2);
    struct jitter c, d;
    jitter_init(&c, 0); /* from the kernel: not alike */
    jitter_init(&d, 0);
    assert_true(c.state != d.state && c.state != 0 && d.state != 0);
    /* SplitMix64 of seed 0x0123456789abcdef: high bits of the published algorithm's first outputs. */
    struct jitter known = {0x0123456789abcdef};
    assert_int_equal(jitter_below(&known, 65536), 0x157a);
}

static void jitter_stays_below(void **state)
{
    (void)state;
    static const int64_t bounds[] = {1, 2, 3, 7, 100, 1000003, INT64_MAX};
    struct jitter jitter;
    jitter_init(&jitter, 7);
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        int64_t low = INT64_MAX, high = -1;
        for (int i = 0; i < 5000; i++) {
            int64_t value = jitter_below(&jitter, bounds[b]);
            assert_true(value >= 0 && value < bounds[b]);
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        assert_true(low <= bounds[b] / 100); /* both ends are reached, or come near */
        assert_true(high >= bounds[b] - 1 - bounds[b] / 100);
    }
    assert_int_equal(jitter_below(&jitter, 0), 0);
    assert_int_equal(jitter_below(&jitter, -5), 0);
    size_t buckets[10] = {0};
    for (int i = 0; i < 100000; i++)
        buckets[jitter_below(&jitter, 10)]++;
    for (int i = 0; i < 10; i++)
        assert_in_range(buckets[i], 9500, 10500);
}

static void backoff_doubles_to_the_cap(void **state)
{
    (void)state;
    struct jitter jitter;
    jitter_init(&jitter, 9);
    int64_t limit = 100;
    for (int attempt = 0; attempt < 40; attempt++) {
        int64_t high = 0, expected = limit < 5000 ? limit : 5000;
        for (int i = 0; i < 2000; i++) {
            int64_t delay = jitter_backoff_ms(&jitter, attempt, 100, 5000);
            assert_in_range(delay, 0, expected);
            high = delay > high ? delay : high;
        }
        assert_true(high >= expected * 9 / 10); /* full jitter uses the whole range */
        limit = limit < 5000 ? limit * 2 : limit;
    }
}

static void backoff_takes_any_numbers(void **state)
{
    (void)state;
    struct jitter jitter;
    jitter_init(&jitter, 11);
    assert_int_equal(jitter_backoff_ms(&jitter, INT32_MAX, 0, 1000), 0); /* and at once */
    assert_int_equal(jitter_backoff_ms(&jitter, 3, 1000, 0), 0);
    assert_in_range(jitter_backoff_ms(&jitter, -1, 10, 1000), 0, 10);
    for (int i = 0; i < 100; i++) {
        assert_true(jitter_backoff_ms(&jitter, INT32_MAX, 1, INT64_MAX) >= 0);
        assert_true(jitter_backoff_ms(&jitter, 62, INT64_MAX / 3, INT64_MAX - 1) >= 0);
        assert_in_range(jitter_backoff_ms(&jitter, 0, 8000, 50), 0, 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_unique_hex),           cmocka_unit_test(incarnations_are_positive),
        cmocka_unit_test(jitter_repeats_with_its_seed), cmocka_unit_test(jitter_stays_below),
        cmocka_unit_test(backoff_doubles_to_the_cap),   cmocka_unit_test(backoff_takes_any_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
