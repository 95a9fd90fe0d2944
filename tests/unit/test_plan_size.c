/* The planner's figures of memory. */
#include "../../ctl/plan_size.h"

#include "duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct plan_size of(const char *windows, int64_t cities, int64_t workers)
{
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, windows, &error), 0);
    return plan_size(&set, 2 * DURATION_DAY, 10 * DURATION_MINUTE, cities, workers);
}

/* What was measured: 335 cities with two days of readings were 97.3 MB with all that had come by then. */
static void two_days_of_readings(void **state)
{
    (void)state;
    struct plan_size size = of("10m:2d,1h:2d,1d:2d", 335, 1);
    assert_in_range(size.redis_bytes, 90000000, 110000000);
}

static void it_grows_with_cities_windows_and_retention(void **state)
{
    (void)state;
    int64_t usual = of("10m:2d,1h:30d,1d:2y", 1000, 2).redis_bytes;
    assert_true(of("10m:2d,1h:30d,1d:2y", 2000, 2).redis_bytes > 19 * usual / 10);
    assert_true(of("10m:2d,1h:60d,1d:2y", 1000, 2).redis_bytes > usual);
    assert_true(of("10m:2d,1h:30d,1d:2y,24h/1h", 1000, 2).redis_bytes == usual); /* made at read */
    assert_true(of("10m:2d", 1000, 2).redis_bytes < usual / 2);
}

static void what_has_no_reading_takes_nothing(void **state)
{
    (void)state;
    struct windowset set;
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&set, "10m:2d", &error), 0);
    int64_t often = plan_size(&set, DURATION_DAY, DURATION_MINUTE, 1000, 1).redis_bytes;
    assert_int_equal(plan_size(&set, DURATION_DAY, 10 * DURATION_MINUTE, 1000, 1).redis_bytes, often);
    assert_true(plan_size(&set, DURATION_DAY, DURATION_HOUR, 1000, 1).redis_bytes < often / 4);
}

/* 10,000 cities in one worker were 60.4 MB. */
static void workers_share_the_cities(void **state)
{
    (void)state;
    assert_in_range(of("10m:2d,1h:30d,1d:2y", 10000, 1).worker_bytes, 55000000, 66000000);
    assert_int_equal(of("10m:2d", 1000, 3).worker_bytes - of("10m:2d", 1000, 2).worker_bytes,
                     of("10m:2d", 0, 1).worker_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_days_of_readings),
        cmocka_unit_test(it_grows_with_cities_windows_and_retention),
        cmocka_unit_test(what_has_no_reading_takes_nothing),
        cmocka_unit_test(workers_share_the_cities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
