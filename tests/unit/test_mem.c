/* Allocation that aborts: zeroed, never NULL, and no product of sizes overflows. */
#include "mem.h"

#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void blocks_are_zeroed(void **state)
{
    (void)state;
    for (size_t size = 0; size < 2000; size += 7) {
        char *dirty = malloc(size + 1);
        memset(dirty, 0xa5, size + 1);
        free(dirty); /* so that a block with old bytes is at hand */
        char *block = mem_alloc(size), *elements = mem_calloc(size, 3);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(block[i] | elements[i] | elements[2 * size + i], 0);
        free(block);
        free(elements);
    }
}

static void nothing_is_a_block_too(void **state)
{
    (void)state;
    void *blocks[] = {mem_alloc(0), mem_calloc(0, 8), mem_calloc(8, 0), mem_grow(NULL, 0, 8), mem_dup("", 0)};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        assert_non_null(blocks[i]);
        free(blocks[i]);
    }
}

static void growing_keeps_the_bytes(void **state)
{
    (void)state;
    uint32_t *numbers = NULL;
    for (uint32_t count = 1; count <= 5000; count++) {
        numbers = mem_grow(numbers, count, sizeof *numbers);
        numbers[count - 1] = count * 2654435761u;
    }
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(numbers[i], (i + 1) * 2654435761u);
    numbers = mem_grow(numbers, 10, sizeof *numbers); /* and shrinking */
    assert_int_equal(numbers[9], 10 * 2654435761u);
    free(numbers);
}

static void copies_are_copies(void **state)
{
    (void)state;
    char text[] = "Reykjavík", bytes[] = {1, 0, 2};
    char *copy = mem_strdup(text), *more = mem_dup(bytes, sizeof bytes);
    text[0] = 'X';
    bytes[2] = 9;
    assert_string_equal(copy, "Reykjavík");
    assert_memory_equal(more, "\1\0\2", 3);
    free(copy);
    free(more);
    assert_null(mem_strdup(NULL));
}

static void calloc_overflow(void *arg)
{
    free(mem_calloc(SIZE_MAX / 2, *(size_t *)arg));
}

static void grow_overflow(void *arg)
{
    free(mem_grow(NULL, SIZE_MAX / 2, *(size_t *)arg));
}

static void more_than_there_is(void *arg)
{
    free(mem_alloc(SIZE_MAX - *(size_t *)arg));
}

static void overflow_and_exhaustion_end_the_process(void **state)
{
    (void)state;
    size_t three = 3, page = 4096;
    assert_true(dies(calloc_overflow, &three));
    assert_true(dies(grow_overflow, &three));
    assert_true(dies(more_than_there_is, &page));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed),
        cmocka_unit_test(nothing_is_a_block_too),
        cmocka_unit_test(growing_keeps_the_bytes),
        cmocka_unit_test(copies_are_copies),
        cmocka_unit_test(overflow_and_exhaustion_end_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
