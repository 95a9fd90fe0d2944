/* What --quota says: accounts, their plans or limits, and each mistake. */
#include "../../coordinator/account.h"

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void accounts_are_read(void **state)
{
    (void)state;
    struct accounts accounts;
    struct buf error = BUF_EMPTY;
    assert_int_equal(accounts_parse(&accounts, "openweathermap=free;open-meteo=5/s,70/h;replay=unlimited", &error), 0);
    assert_int_equal(accounts.count, 3);
    const struct account *first = accounts_find(&accounts, "openweathermap");
    assert_string_equal(first->plan->name, "free");
    assert_int_equal(first->limits.units[LIMIT_MINUTE], 60);
    assert_int_equal(first->ledger.line_count, 1);
    const struct account *second = accounts_find(&accounts, "open-meteo");
    assert_null(second->plan);
    assert_int_equal(second->limits.units[LIMIT_SECOND], 5);
    assert_int_equal(second->ledger.line_count, 1);
    assert_int_equal(accounts_find(&accounts, "replay")->ledger.line_count, 0);
    assert_null(accounts_find(&accounts, ""));
    accounts_release(&accounts);
    assert_int_equal(accounts_parse(&accounts, "", &error), 0);
    assert_int_equal(accounts.count, 0);
    accounts_release(&accounts);
}

static void check_error(const char *text, const char *part)
{
    struct accounts accounts;
    struct buf error = BUF_EMPTY;
    assert_int_equal(accounts_parse(&accounts, text, &error), ERR_INVALID);
    if (!strstr(error.data, part))
        fail_msg("'%s' is told as: %s", text, error.data);
    buf_release(&error);
    accounts_release(&accounts);
}

static void every_mistake_is_named(void **state)
{
    (void)state;
    check_error("free", "'free' must be account=plan");
    check_error("=free", "must be account=plan");
    check_error("Open=free", "must be account=plan");
    check_error("open meteo=free", "must be account=plan");
    check_error("abcdefghijabcdefghijabcdefghijabc=1/m", "must be account=plan"); /* 33 characters */
    check_error("open-meteo=gold", "one of the plans: free");
    check_error("open-meteo=60/x", "account open-meteo: '60/x'");
    check_error("a=1/m;a=2/m", "account a is given twice");
    check_error("a=1/m;;b=1/m", "must be account=plan");
    check_error("a=1/m;b=1/m;c=1/m;d=1/m;e=1/m;f=1/m;g=1/m;h=1/m;i=1/m;j=1/m;k=1/m;l=1/m;m=1/m;n=1/m;o=1/m;p=1/m;q=1/m",
                "more than 16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_are_read),
        cmocka_unit_test(every_mistake_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
