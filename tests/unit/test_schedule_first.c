/* First polls of cities: soon, those first whose time has just come; and how many are due by a time. */
#include "../../fetcher/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define INTERVAL (INT64_C(10) * 60 * 1000)
#define START    INT64_C(5000000)
#define EPOCH    INT64_C(1790000000123)

static void test_first_polls_come_in_the_order_of_phases(void **state)
{
    (void)state;
    struct schedule schedule;
    struct schedule_item items[200] = {{0}};
    schedule_init(&schedule, INTERVAL, EPOCH, 1);
    for (int i = 0; i < 200; i++)
        schedule_add(&schedule, &items[i], 1000 + i, START);
    assert_int_equal(schedule_count(&schedule, START - 1, 1000), 0);
    assert_int_equal(schedule_count(&schedule, START + 10000, 1000), 200);
    assert_int_equal(schedule_count(&schedule, START + 10000, 150), 150);
    assert_in_range(schedule_count(&schedule, START + 5000, 1000), 70, 130);
    int64_t missed = INTERVAL / 50, before = -1;
    for (int i = 0; i < 200; i++) { /* from the phase that was missed a little ago on, once around */
        struct schedule_item *item = schedule_take(&schedule, START + 10000);
        int64_t phase = (item->phase_ms - (START - missed + EPOCH)) % INTERVAL;
        phase = phase < 0 ? phase + INTERVAL : phase;
        assert_true(phase / 100 >= before / 100); /* the ms of 10 s */
        before = phase;
    }
    schedule_release(&schedule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_polls_come_in_the_order_of_phases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
