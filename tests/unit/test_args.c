/* Arguments of script calls: binary-safe, in order, and reusable. */
#include "../../worker/args.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void in_order_and_binary_safe(void **state)
{
    (void)state;
    struct args args;
    args_init(&args);
    args_text(&args, "key");
    args_add(&args, "a\0b", 3);
    args_text(&args, "");
    args_integer(&args, INT64_MIN);
    args_integer(&args, INT64_MAX);
    buf_printf(args_open(&args), "%s{%d}", "isobar:", 3);
    args_close(&args);
    assert_int_equal(args.count, 6);
    const char *const *pointers = args_pointers(&args);
    static const char *const want[] = {"key", "a", "", "-9223372036854775808", "9223372036854775807", "isobar:{3}"};
    static const size_t sizes[] = {3, 3, 0, 20, 19, 10};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(args.sizes[i], sizes[i]);
        assert_memory_equal(pointers[i], want[i], strlen(want[i]));
    }
    assert_memory_equal(pointers[1], "a\0b", 3);
    args_release(&args);
    assert_int_equal(args.count, 0);
}

static void it_grows_and_is_reused(void **state)
{
    (void)state;
    struct args args;
    args_init(&args);
    for (int round = 0; round < 2; round++) {
        args_reset(&args);
        assert_int_equal(args.count, 0);
        for (int64_t i = 0; i < 5000; i++)
            args_integer(&args, i * (round + 1));
        size_t capacity = args.capacity;
        const char *const *pointers = args_pointers(&args);
        for (int64_t i = 0; i < 5000; i++) {
            char text[24];
            int size = snprintf(text, sizeof text, "%" PRId64, i * (round + 1));
            assert_int_equal(args.sizes[i], size);
            assert_memory_equal(pointers[i], text, (size_t)size);
        }
        assert_int_equal(args.capacity, capacity);
    }
    args_release(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order_and_binary_safe),
                                       cmocka_unit_test(it_grows_and_is_reused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
