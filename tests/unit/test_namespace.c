/* Which keys belong to a namespace (ctl/namespace.h): a removal takes no other. */
#include "../../ctl/namespace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void an_installations_keys_are_its_own(void **state)
{
    (void)state;
    static const char *const own[] = {"r:meta",          "r:init",      "r:config", "r:replay",
                                      "r:leader",        "r:cluster",   "r:audit",  "r:{0}:w:1d:2026-11-30",
                                      "r:{4095}:ledger", "r:{7}:pane:0"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        assert_true(namespace_has("r:", own[i]));
}

static void keys_that_only_look_like_it_are_not(void **state)
{
    (void)state;
    static const char *const other[] = {"r:",        "r",    "s:meta",    "r:metadata", "r:x:meta",    "r:x:{1}:city",
                                        "r:{}:city", "r:{1", "r:{1}city", "r:{a}:city", "r:{-1}:city", "rr:{1}:city",
                                        "R:meta",    ""};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_false(namespace_has("r:", other[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_installations_keys_are_its_own),
        cmocka_unit_test(keys_that_only_look_like_it_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
