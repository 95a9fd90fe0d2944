/* Answers of Open-Meteo as rows. */
#ifndef ISOBAR_TEST_OPENMETEO_ROWS_H
#define ISOBAR_TEST_OPENMETEO_ROWS_H

#include "../../fetcher/provider_openmeteo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCHED INT64_C(1790000123000) /* 2026-09-21T14:15:23Z */
#define TIME    "1789999200"           /* a quarter of an hour's begin before */
#define TIME_MS INT64_C(1789999200000)
#define PLACES  4
#define NONE    INT32_MIN
#define V(name) ISOBAR__V1__VALUE__##name

static struct provider_rows rows;
static const struct provider_place places[PLACES] = {
    {11, 5252000, 1341000, ""}, {12, 4070000, -7400000, ""}, {13, -3387000, 15121000, ""}, {14, 0, 0, ""}};

static inline int clear(void **state)
{
    (void)state;
    provider_rows_release(&rows);
    rows = (struct provider_rows){0};
    return 0;
}

/* Parses from memory of exactly the body's size, so that a read past its end is seen by the sanitizer. */
static inline enum fetch_status parse_as(const char *text, size_t size, enum fetch_call call, int http_status,
                                         size_t count)
{
    char *body = malloc(size ? size : 1);
    assert_non_null(body);
    memcpy(body, text, size);
    struct provider_answer answer = {.call = call,
                                     .http_status = http_status,
                                     .body = body,
                                     .size = size,
                                     .places = places,
                                     .count = count,
                                     .fetched_at_ms = FETCHED};
    enum fetch_status status = provider_openmeteo.parse(&answer, &rows);
    free(body);
    return status;
}

static inline enum fetch_status parse(const char *text, size_t count)
{
    return parse_as(text, strlen(text), FETCH_CURRENT, 200, count);
}

static inline void check(size_t row, int bit, int32_t want)
{
    assert_true(row < rows.count);
    bool has = observation_has(&rows.rows[row], bit);
    if (has != (want != NONE) || (has && rows.rows[row].value[bit] != want))
        fail_msg("row %zu, bit %d: %s %d, want %d", row, bit, has ? "is" : "not set, not", rows.rows[row].value[bit],
                 want);
}

/* The rows as a record: a worker takes it. */
static inline void check_worker_takes(void)
{
    struct buf bytes = BUF_EMPTY;
    struct batch *batch = batch_new();
    const char *reason = NULL;
    assert_int_equal(batch_encode(rows.rows, rows.count, 0, &bytes), 0);
    if (batch_decode(batch, bytes.data, bytes.size, &reason) != 0)
        fail_msg("a worker refuses it: %s", reason);
    batch_free(batch);
    buf_release(&bytes);
}

#endif
