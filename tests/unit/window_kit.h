/*
 * Windows compared by their bytes, which have all that a window is.
 */
#ifndef ISOBAR_TEST_WINDOW_KIT_H
#define ISOBAR_TEST_WINDOW_KIT_H

#include "mem.h"
#include "window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static inline void assert_same_bytes(const struct window *a, const struct window *b)
{
    struct buf left = BUF_EMPTY, right = BUF_EMPTY;
    window_encode(a, &left);
    window_encode(b, &right);
    assert_int_equal(left.size, right.size);
    assert_memory_equal(left.data, right.data, left.size);
    buf_release(&left);
    buf_release(&right);
}

/*
 * The window as it comes back from its bytes, which encodes to the same again. They are in a block of just their size,
 * so that a sanitizer sees a read behind them. Release the result.
 */
static inline struct window through_bytes(const struct window *window)
{
    struct window back;
    struct buf bytes = BUF_EMPTY;
    window_encode(window, &bytes);
    char *exact = mem_dup(bytes.data, bytes.size);
    assert_int_equal(window_decode(&back, exact, bytes.size), 0);
    free(exact);
    buf_release(&bytes);
    assert_same_bytes(&back, window);
    return back;
}

#endif
