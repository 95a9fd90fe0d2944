/* Answers of OpenWeatherMap as rows. */
#ifndef ISOBAR_TEST_OPENWEATHERMAP_ROWS_H
#define ISOBAR_TEST_OPENWEATHERMAP_ROWS_H

#include "../../fetcher/provider_openweathermap.h"
#include "provider_rows.h"

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

static enum openweathermap_units parse_units; /* of the answer that is parsed */

static inline enum fetch_status parse_answer(const struct provider_answer *answer)
{
    return openweathermap_parse(answer, parse_units, &rows);
}

static inline enum fetch_status parse_as(const char *text, size_t size, enum fetch_call call, int http_status,
                                         enum openweathermap_units units)
{
    static const struct provider_place place = {.city_id = CITY};
    struct provider_answer answer = {
        .call = call, .http_status = http_status, .places = &place, .count = 1, .fetched_at_ms = FETCHED};
    parse_units = units;
    return parse_exactly(text, size, answer, parse_answer);
}

static inline enum fetch_status parse(const char *text)
{
    return parse_as(text, strlen(text), FETCH_CURRENT, 200, OPENWEATHERMAP_METRIC);
}

/* The value of the one row. */
static inline void check_only(const char *text, int bit, int32_t want)
{
    assert_int_equal(rows.count, 1);
    check_value(text, 0, bit, want);
}

/* What is no reading, and as what it is refused. */
struct bad {
    const char *text;
    enum fetch_status want;
};

#endif
