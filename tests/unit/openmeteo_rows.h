/* Answers of Open-Meteo as rows. */
#ifndef ISOBAR_TEST_OPENMETEO_ROWS_H
#define ISOBAR_TEST_OPENMETEO_ROWS_H

#include "../../fetcher/provider_openmeteo.h"
#include "provider_rows.h"

#define FETCHED INT64_C(1790000123000) /* 2026-09-21T14:15:23Z */
#define TIME    "1789999200"           /* a quarter of an hour's begin before */
#define TIME_MS INT64_C(1789999200000)
#define PLACES  4

static const struct provider_place places[PLACES] = {
    {11, 5252000, 1341000, ""}, {12, 4070000, -7400000, ""}, {13, -3387000, 15121000, ""}, {14, 0, 0, ""}};

static inline enum fetch_status parse_answer(const struct provider_answer *answer)
{
    return provider_openmeteo.parse(answer, &rows);
}

static inline enum fetch_status parse_as(const char *text, size_t size, enum fetch_call call, int http_status,
                                         size_t count)
{
    struct provider_answer answer = {
        .call = call, .http_status = http_status, .places = places, .count = count, .fetched_at_ms = FETCHED};
    return parse_exactly(text, size, answer, parse_answer);
}

static inline enum fetch_status parse(const char *text, size_t count)
{
    return parse_as(text, strlen(text), FETCH_CURRENT, 200, count);
}

#endif
