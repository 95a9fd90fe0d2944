/* The growable buffer: its invariants at every size, what a take leaves, and formatted text of any length. */
#include "buf.h"

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

static void assert_sound(const struct buf *buf)
{
    assert_non_null(buf->data);
    assert_int_equal(buf->data[buf->size], '\0');
    assert_true(buf->size < buf->capacity || (buf->capacity == 0 && buf->size == 0));
}

static void an_empty_buffer_owns_nothing(void **state)
{
    (void)state;
    struct buf buf = BUF_EMPTY;
    assert_sound(&buf);
    assert_string_equal(buf.data, "");
    buf_reset(&buf);
    buf_advance(&buf, 0);
    buf_release(&buf);
    buf_release(&buf); /* twice is fine */
    assert_sound(&buf);
    buf_init(&buf);
    assert_ptr_equal(buf.data, buf_nothing);
    assert_int_equal(buf_nothing[0], 0);
}

static void every_size_is_kept_whole(void **state)
{
    (void)state;
    for (size_t size = 0; size < 700; size++) {
        struct buf buf = BUF_EMPTY;
        for (size_t i = 0; i < size; i++) {
            buf_byte(&buf, (char)('a' + i % 26));
            assert_sound(&buf);
        }
        assert_int_equal(buf.size, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(buf.data[i], 'a' + i % 26);
        buf_release(&buf);
    }
}

static void bytes_may_be_zero(void **state)
{
    (void)state;
    struct buf buf = BUF_EMPTY;
    buf_append(&buf, "a\0b", 3);
    buf_append(&buf, NULL, 0);
    buf_append(&buf, "\0", 1);
    assert_int_equal(buf.size, 4);
    assert_memory_equal(buf.data, "a\0b\0", 5);
    buf_release(&buf);
}

static void growth_is_geometric(void **state)
{
    (void)state;
    struct buf buf = BUF_EMPTY;
    int moves = 0;
    size_t capacity = 0;
    for (int i = 0; i < 1 << 20; i++) {
        buf_byte(&buf, 'x');
        moves += buf.capacity != capacity;
        capacity = buf.capacity;
    }
    assert_in_range(moves, 1, 16); /* 64 bytes doubled to 2 MiB */
    assert_true(buf.capacity <= 4u << 20);
    buf_release(&buf);
}

static void reserve_leaves_the_size(void **state)
{
    (void)state;
    struct buf buf = BUF_EMPTY;
    buf_text(&buf, "head");
    char *to = buf_reserve(&buf, 1000);
    assert_int_equal(buf.size, 4);
    assert_string_equal(buf.data, "head");
    memset(to, '!', 1000);
    buf_advance(&buf, 3);
    assert_string_equal(buf.data, "head!!!");
    assert_sound(&buf);
    size_t capacity = buf.capacity;
    const char *data = buf.data;
    buf_reset(&buf);
    assert_string_equal(buf.data, "");
    buf_reserve(&buf, 900); /* the memory is kept */
    assert_int_equal(buf.capacity, capacity);
    assert_ptr_equal(buf.data, data);
    buf_release(&buf);
}

static void formatted_text_of_any_length(void **state)
{
    (void)state;
    char text[300];
    for (int size = 0; size < 299; size++) { /* over the first guess of 64 and over capacities */
        struct buf buf = BUF_EMPTY;
        memset(text, 'y', sizeof text);
        text[size] = '\0';
        buf_text(&buf, "<");
        buf_printf(&buf, "%s", text);
        buf_printf(&buf, "%d%c%.2f>", -42, 'z', 1.5);
        assert_int_equal(buf.size, (size_t)size + 10);
        assert_memory_equal(buf.data + 1, text, (size_t)size);
        assert_string_equal(buf.data + 1 + size, "-42z1.50>");
        assert_sound(&buf);
        buf_release(&buf);
    }
}

static void take_hands_over(void **state)
{
    (void)state;
    struct buf buf = BUF_EMPTY;
    char *nothing = buf_take(&buf);
    assert_string_equal(nothing, "");
    free(nothing); /* the caller's, also of an empty one */
    buf_text(&buf, "mine");
    char *text = buf_take(&buf);
    assert_string_equal(text, "mine");
    assert_sound(&buf);
    assert_int_equal(buf.size, 0);
    buf_text(&buf, "next");
    assert_string_equal(text, "mine");
    free(text);
    buf_release(&buf);
}

static void reserve_too_much(void *arg)
{
    buf_reserve(arg, SIZE_MAX / 2);
}

static void advance_too_far(void *arg)
{
    buf_advance(arg, 1000);
}

static void misuse_is_caught(void **state)
{
    (void)state;
    struct buf buf = BUF_EMPTY;
    buf_text(&buf, "x");
    assert_true(dies(reserve_too_much, &buf));
    assert_true(dies(advance_too_far, &buf));
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_owns_nothing),
        cmocka_unit_test(every_size_is_kept_whole),
        cmocka_unit_test(bytes_may_be_zero),
        cmocka_unit_test(growth_is_geometric),
        cmocka_unit_test(reserve_leaves_the_size),
        cmocka_unit_test(formatted_text_of_any_length),
        cmocka_unit_test(take_hands_over),
        cmocka_unit_test(misuse_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
