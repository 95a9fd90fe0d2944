/* Whether limits suffice for a catalogue, and what is said when they do not. */
#include "../../coordinator/enough.h"

#include "duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct accounts accounts;

static bool enough(const char *quota, int64_t cities, int64_t every_ms, struct buf *text)
{
    struct buf error = BUF_EMPTY;
    assert_int_equal(accounts_parse(&accounts, quota, &error), 0);
    buf_reset(text);
    bool is = enough_for(&accounts.list[0], cities, every_ms, text);
    accounts_release(&accounts);
    return is;
}

static void it_says_the_numbers_and_the_nearest(void **state)
{
    (void)state;
    struct buf text = BUF_EMPTY;
    assert_false(enough("openweathermap=free", 500, 0, &text));
    assert_string_equal(text.data, "500 cities every 10m need 2232000 calls of openweathermap in any month, of which "
                                   "1000000 are allowed (95 % of them count as usable); 500 cities fit every 24m; "
                                   "every 10m, 212 cities fit");
    assert_true(enough("openweathermap=free", 500, 24 * DURATION_MINUTE, &text));
    assert_true(enough("openweathermap=free", 212, 0, &text));
    assert_int_equal(text.size, 0);
    buf_release(&text);
}

static void weights_and_the_air_count(void **state)
{
    (void)state;
    struct buf text = BUF_EMPTY;
    assert_true(enough("open-meteo=free", 63, 0, &text)); /* 96 times 1.3 and 24 times 1 a day */
    assert_false(enough("open-meteo=free", 64, 0, &text));
    assert_non_null(strstr(text.data, "in any day"));
    buf_release(&text);
}

static void what_fits_at_no_rhythm_is_said_without_one(void **state)
{
    (void)state;
    struct buf text = BUF_EMPTY;
    assert_false(enough("openweathermap=10/d", 500, 0, &text));
    assert_null(strstr(text.data, "500 cities fit"));
    assert_non_null(strstr(text.data, "every 10m, 0 cities fit"));
    buf_release(&text);
}

static void an_account_of_ones_own_name_is_not_judged(void **state)
{
    (void)state;
    struct buf text = BUF_EMPTY;
    assert_true(enough("stations=1/d", 100000, 0, &text));
    assert_true(enough("replay=unlimited", 100000, 0, &text));
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_the_numbers_and_the_nearest),
        cmocka_unit_test(weights_and_the_air_count),
        cmocka_unit_test(what_fits_at_no_rhythm_is_said_without_one),
        cmocka_unit_test(an_account_of_ones_own_name_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
