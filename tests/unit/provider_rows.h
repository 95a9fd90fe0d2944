/* What the tests of providers share: answers as rows, and rows as what a worker takes. */
#ifndef ISOBAR_TEST_PROVIDER_ROWS_H
#define ISOBAR_TEST_PROVIDER_ROWS_H

#include "../../fetcher/provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE    INT32_MIN
#define V(name) ISOBAR__V1__VALUE__##name

static struct provider_rows rows;

static inline int clear(void **state)
{
    (void)state;
    provider_rows_release(&rows);
    rows = (struct provider_rows){0};
    return 0;
}

/*
 * Hands `answer` to fn(answer) with a body of exactly the size of `text`, so that a read past its end is seen by the
 * sanitizer.
 */
static inline enum fetch_status parse_exactly(const char *text, size_t size, struct provider_answer answer,
                                              enum fetch_status (*fn)(const struct provider_answer *))
{
    char *body = malloc(size ? size : 1);
    assert_non_null(body);
    memcpy(body, text, size);
    answer.body = body;
    answer.size = size;
    enum fetch_status status = fn(&answer);
    free(body);
    return status;
}

/* The value of a row, or NONE; `text` says of what. */
static inline void check_value(const char *text, size_t row, int bit, int32_t want)
{
    assert_true(row < rows.count);
    bool has = observation_has(&rows.rows[row], bit);
    if (has != (want != NONE) || (has && rows.rows[row].value[bit] != want))
        fail_msg("%s: row %zu, bit %d: %s %d, want %d", text, row, bit, has ? "is" : "not set, not",
                 rows.rows[row].value[bit], want);
}

static inline void check(size_t row, int bit, int32_t want)
{
    check_value("the answer", row, bit, want);
}

/* The rows of `text`, one at least, as a record: a worker takes it. */
static inline void check_worker_takes(const char *text)
{
    struct buf bytes = BUF_EMPTY;
    const char *reason = NULL;
    struct batch *batch = batch_new();
    assert_true(rows.count > 0);
    assert_int_equal(batch_encode(rows.rows, rows.count, 0, &bytes), 0);
    if (batch_decode(batch, bytes.data, bytes.size, &reason) != 0)
        fail_msg("%s: a worker refuses it: %s", text, reason);
    batch_free(batch);
    buf_release(&bytes);
}

#endif
