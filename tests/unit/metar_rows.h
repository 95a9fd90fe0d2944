/* Answers of aviationweather.gov as rows. */
#ifndef ISOBAR_TEST_METAR_ROWS_H
#define ISOBAR_TEST_METAR_ROWS_H

#include "../../fetcher/provider_metar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCHED INT64_C(1790000123000) /* 2026-09-21T14:15:23Z */
#define TIME    "1789998780"           /* 13:53 */
#define TIME_MS INT64_C(1789998780000)
#define PLACES  5
#define NONE    INT32_MIN
#define V(name) ISOBAR__V1__VALUE__##name

/* A report of a station with some members more: ",\"temp\":1". */
#define REPORT(station, members) "{\"icaoId\":\"" station "\",\"obsTime\":" TIME members "}"

static struct provider_rows rows;
static const struct provider_place places[PLACES] = {{11, 4760621, -12233207, "KSEA"},
                                                     {12, 4071427, -7400597, "KNYC"},
                                                     {13, 5150853, -12574, "EGLL"},
                                                     {14, 5252437, 1341053, "EDDB"},
                                                     {15, 4071500, -7400000, "KNYC"}};

static inline int clear(void **state)
{
    (void)state;
    provider_rows_release(&rows);
    rows = (struct provider_rows){0};
    return 0;
}

/* Parses from memory of exactly the body's size, so that a read past its end is seen by the sanitizer. */
static inline enum fetch_status parse_as(const char *text, size_t size, int http_status, size_t count)
{
    char *body = malloc(size ? size : 1);
    assert_non_null(body);
    memcpy(body, text, size);
    struct provider_answer answer = {.call = FETCH_CURRENT,
                                     .http_status = http_status,
                                     .body = body,
                                     .size = size,
                                     .places = places,
                                     .count = count,
                                     .fetched_at_ms = FETCHED};
    enum fetch_status status = provider_metar.parse(&answer, &rows);
    free(body);
    return status;
}

static inline enum fetch_status parse(const char *text, size_t count)
{
    return parse_as(text, strlen(text), 200, count);
}

/* The value of a report of the first place with these members. */
static inline int32_t value_of(const char *members, int bit)
{
    char text[1024];
    int size = snprintf(text, sizeof text, "[" REPORT("KSEA", ",%s") "]", members);
    assert_in_range(size, 1, sizeof text - 1);
    assert_int_equal(parse(text, 1), FETCH_OK);
    return rows.count && observation_has(&rows.rows[0], bit) ? rows.rows[0].value[bit] : NONE;
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
    const char *reason = NULL;
    if (rows.count == 0)
        return;
    struct batch *batch = batch_new();
    assert_int_equal(batch_encode(rows.rows, rows.count, 0, &bytes), 0);
    if (batch_decode(batch, bytes.data, bytes.size, &reason) != 0)
        fail_msg("a worker refuses it: %s", reason);
    batch_free(batch);
    buf_release(&bytes);
}

#endif
