/* Answers of OpenWeatherMap as rows. */
#ifndef ISOBAR_TEST_OPENWEATHERMAP_ROWS_H
#define ISOBAR_TEST_OPENWEATHERMAP_ROWS_H

#include "../../fetcher/provider_openweathermap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CITY        INT64_C(5809844)
#define FETCHED     INT64_C(1790000000000)
#define DT          "1789999700" /* five minutes before */
#define DT_MS       INT64_C(1789999700000)
#define TEMPERATURE ISOBAR__V1__VALUE__TEMPERATURE
#define SEA_LEVEL   ISOBAR__V1__VALUE__PRESSURE_SEA_LEVEL
#define STATION     ISOBAR__V1__VALUE__PRESSURE_STATION
#define HUMIDITY    ISOBAR__V1__VALUE__HUMIDITY
#define SPEED       ISOBAR__V1__VALUE__WIND_SPEED
#define DIRECTION   ISOBAR__V1__VALUE__WIND_DIRECTION
#define GUST        ISOBAR__V1__VALUE__WIND_GUST
#define RAIN        ISOBAR__V1__VALUE__RAIN
#define SNOW        ISOBAR__V1__VALUE__SNOW
#define CLOUD       ISOBAR__V1__VALUE__CLOUD
#define VISIBILITY  ISOBAR__V1__VALUE__VISIBILITY
#define CONDITION   ISOBAR__V1__VALUE__CONDITION
#define NONE        INT32_MIN

static struct provider_rows rows;

static inline int clear(void **state)
{
    (void)state;
    provider_rows_release(&rows);
    rows = (struct provider_rows){0};
    return 0;
}

/* Parses from memory of exactly the body's size, so that a read past its end is seen by the sanitizer. */
static inline enum fetch_status parse_as(const char *text, size_t size, enum fetch_call call, int http_status,
                                         enum openweathermap_units units)
{
    char *body = malloc(size ? size : 1);
    assert_non_null(body);
    memcpy(body, text, size);
    static const struct provider_place place = {.city_id = CITY};
    struct provider_answer answer = {.call = call,
                                     .http_status = http_status,
                                     .body = body,
                                     .size = size,
                                     .places = &place,
                                     .count = 1,
                                     .fetched_at_ms = FETCHED};
    enum fetch_status status = openweathermap_parse(&answer, units, &rows);
    free(body);
    return status;
}

static inline enum fetch_status parse(const char *text)
{
    return parse_as(text, strlen(text), FETCH_CURRENT, 200, OPENWEATHERMAP_METRIC);
}

static inline void check(const char *text, int bit, int32_t want)
{
    assert_int_equal(rows.count, 1);
    bool has = observation_has(&rows.rows[0], bit);
    if (has != (want != NONE) || (has && rows.rows[0].value[bit] != want))
        fail_msg("%s: bit %d is %s %d, want %d", text, bit, has ? "set to" : "not set, not", rows.rows[0].value[bit],
                 want);
}

/* The rows of `text` as a record: a worker takes it. */
static inline void check_worker_takes(const char *text)
{
    struct buf bytes = BUF_EMPTY;
    struct batch *batch = batch_new();
    const char *reason = NULL;
    assert_int_equal(batch_encode(rows.rows, rows.count, 0, &bytes), 0);
    if (batch_decode(batch, bytes.data, bytes.size, &reason) != 0)
        fail_msg("%s: a worker refuses it: %s", text, reason);
    batch_free(batch);
    buf_release(&bytes);
}

/* What is no reading, and as what it is refused. */
struct bad {
    const char *text;
    enum fetch_status want;
};

#endif
