/* Every status has a name of its own, and codes keep the values that docs and scripts know. */
#include "error.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void every_code_has_its_name(void **state)
{
    (void)state;
    const char *unknown = error_name(-1000);
    assert_string_equal(error_name(1), unknown);
    assert_string_equal(error_name(INT_MIN), unknown);
    assert_string_equal(error_name(ERR_BUSY - 1), unknown); /* a new code needs a name, and a row here */
    for (int code = ERR_BUSY; code <= ERR_NONE; code++) {
        assert_true(strlen(error_name(code)) > 1);
        assert_string_not_equal(error_name(code), unknown);
        for (int other = ERR_BUSY; other < code; other++)
            assert_string_not_equal(error_name(code), error_name(other));
    }
    assert_string_equal(error_name(ERR_NONE), "ok");
    assert_string_equal(error_name(ERR_TIMEOUT), "timed out");
}

static void exit_codes_are_those_documented(void **state)
{
    (void)state;
    assert_int_equal(EXIT_CODE_OK, 0);
    assert_int_equal(EXIT_CODE_FAILURE, 1);
    assert_int_equal(EXIT_CODE_USAGE, 2);
    assert_int_equal(EXIT_CODE_UNAVAILABLE, 69); /* EX_UNAVAILABLE of sysexits.h */
    assert_int_equal(EXIT_CODE_CONFIG, 78);      /* EX_CONFIG */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_name),
        cmocka_unit_test(exit_codes_are_those_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
