/* Keys that were there before. */
#include "../../ctl/keyset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void each_key_is_new_once(void **state)
{
    struct keyset set = {0};
    char key[32];
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            (void)snprintf(key, sizeof key, "topic/%d/%d/-1", i % 7, i);
            assert_int_equal(keyset_add(&set, key), round == 0);
        }
    }
    assert_int_equal(set.count, 5000);
    assert_true(set.capacity >= 2 * set.count);
    assert_true(keyset_add(&set, ""));
    assert_false(keyset_add(&set, ""));
    keyset_release(&set);
    assert_int_equal(set.count, 0);
    assert_true(keyset_add(&set, "topic/0/0/-1"));
    keyset_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_key_is_new_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
