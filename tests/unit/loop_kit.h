/*
 * Time in tests of what lives on a loop. Nothing sleeps: the loop runs until a condition holds, with a deadline, or for
 * a while in which nothing more must happen. Static functions, because each unit test is one source file.
 */
#ifndef ISOBAR_TEST_LOOP_KIT_H
#define ISOBAR_TEST_LOOP_KIT_H

#include "clock.h"
#include "error.h"
#include "loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define LIMIT_MS 20000 /* far more than a busy machine needs */

/* One turn of the loop, of at most 2 ms; less when it was stopped. */
static inline void turn(struct loop *loop)
{
    bool never = false;
    int status = loop_run_until(loop, &never, 2);
    assert_true(status == ERR_TIMEOUT || status == 0);
}

/* Runs the loop for a while. */
static inline void run_for(struct loop *loop, int64_t ms)
{
    bool never = false;
    assert_int_equal(loop_run_until(loop, &never, ms), ERR_TIMEOUT);
}

/* Turns the loop until the condition holds, and fails the test when that takes too long; how many ms it took. */
#define UNTIL(loop, condition)                                                                                         \
    ({                                                                                                                 \
        int64_t start_ms_ = clock_monotonic_ms();                                                                      \
        while (!(condition)) {                                                                                         \
            if (clock_monotonic_ms() > start_ms_ + LIMIT_MS)                                                           \
                fail_msg("line %d: not within %d ms: %s", __LINE__, LIMIT_MS, #condition);                             \
            turn(loop);                                                                                                \
        }                                                                                                              \
        clock_monotonic_ms() - start_ms_;                                                                              \
    })

#endif
