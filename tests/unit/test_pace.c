/* The rate of acquires: even places in time, a small burst, and nobody passed over. */
#include "../../worker/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void a_thousand_at_once_come_one_after_the_other(void **state)
{
    (void)state;
    struct pace pace = {.per_second = 500};
    int64_t last = 0, at_once = 0, within[4] = {0};
    for (int i = 0; i < 1000; i++) {
        int64_t at = pace_reserve(&pace, 10000);
        assert_true(at >= 10000 && at >= last);
        last = at;
        at_once += at == 10000;
        if (at < 14000)
            within[(at - 10000) / 1000]++;
    }
    assert_int_equal(at_once, 51); /* a tenth of a second's worth, and the one that is due */
    for (int i = 1; i < 4; i++)
        assert_true(within[i] <= 500);
    assert_true(last >= 11890 && last <= 11900);
}

static void a_pause_earns_no_more_than_the_burst(void **state)
{
    (void)state;
    struct pace pace = {.per_second = 100};
    for (int64_t now = 1000; now < 5000; now += 10)
        assert_true(pace_reserve(&pace, now) == now); /* slower than the limit: never waits */
    int at_once = 0;
    while (pace_reserve(&pace, 100000) == 100000)
        at_once++;
    assert_int_equal(at_once, 11);
}

static void no_limit_and_a_slow_one(void **state)
{
    (void)state;
    struct pace none = {0}, slow = {.per_second = 1};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pace_reserve(&none, 7), 7);
    assert_int_equal(pace_reserve(&slow, 100000), 100000);
    assert_int_equal(pace_reserve(&slow, 100000), 100900);
    assert_int_equal(pace_reserve(&slow, 100000), 101900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_thousand_at_once_come_one_after_the_other),
                                       cmocka_unit_test(a_pause_earns_no_more_than_the_burst),
                                       cmocka_unit_test(no_limit_and_a_slow_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
