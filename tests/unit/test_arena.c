/* The bump allocator: alignment, no overlap, the limit, and what reset keeps. */
#include "arena.h"

#include "rows.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void blocks_do_not_overlap(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct dice dice = {5};
    char *blocks[300];
    size_t sizes[300];
    for (size_t i = 0; i < 300; i++) {
        sizes[i] = (size_t)dice_below(&dice, i % 50 == 0 ? 20000 : 300);
        blocks[i] = arena_try(&arena, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], (int)(i & 255), sizes[i]);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal((unsigned char)blocks[i][k], i & 255);
    arena_release(&arena);
}

static void the_limit_holds(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    assert_null(arena_try(&arena, 10001));
    assert_null(arena_try(&arena, SIZE_MAX));
    assert_null(arena.protobuf.alloc(arena.protobuf.allocator_data, SIZE_MAX - 8));
    size_t got = 0;
    while (arena_try(&arena, 100))
        got += 100;
    assert_in_range(got, 8000, 10000);
    assert_true(arena.total <= arena.limit);
    arena_reset(&arena); /* and then there is room again */
    assert_non_null(arena_try(&arena, 100));
    arena_release(&arena);
    arena_init(&arena, 100); /* smaller than a first block */
    assert_non_null(arena_try(&arena, 90));
    assert_null(arena_try(&arena, 90));
    arena_release(&arena);
}

static void reset_keeps_the_largest(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    arena_reset(&arena); /* of an empty one */
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_try(&arena, 1000));
    size_t before = arena.total;
    arena_reset(&arena);
    assert_true(arena.total < before);
    size_t kept = arena.total;
    for (int i = 0; i < 30; i++)
        assert_non_null(arena_try(&arena, 1000));
    assert_int_equal(arena.total, kept); /* nothing new was needed */
    arena_release(&arena);
    assert_int_equal(arena.total, 0);
}

static void calloc_is_zeroed(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    memset(arena_try(&arena, 4000), 0xff, 4000);
    arena_reset(&arena);
    const char *zeroed = arena_calloc(&arena, 100, 40);
    for (int i = 0; i < 4000; i++)
        assert_int_equal(zeroed[i], 0);
    assert_non_null(arena_calloc(&arena, 0, 8));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(reset_keeps_the_largest),
        cmocka_unit_test(calloc_is_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
