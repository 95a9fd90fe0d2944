/* Answers of aviationweather.gov as rows. */
#ifndef ISOBAR_TEST_METAR_ROWS_H
#define ISOBAR_TEST_METAR_ROWS_H

#include "../../fetcher/provider_metar.h"
#include "provider_rows.h"

#define FETCHED INT64_C(1790000123000) /* 2026-09-21T14:15:23Z */
#define TIME    "1789998780"           /* 13:53 */
#define TIME_MS INT64_C(1789998780000)
#define PLACES  5

/* A report of a station with some members more: ",\"temp\":1". */
#define REPORT(station, members) "{\"icaoId\":\"" station "\",\"obsTime\":" TIME members "}"

static const struct provider_place places[PLACES] = {{11, 4760621, -12233207, "KSEA"},
                                                     {12, 4071427, -7400597, "KNYC"},
                                                     {13, 5150853, -12574, "EGLL"},
                                                     {14, 5252437, 1341053, "EDDB"},
                                                     {15, 4071500, -7400000, "KNYC"}};

static inline enum fetch_status parse_answer(const struct provider_answer *answer)
{
    return provider_metar.parse(answer, &rows);
}

static inline enum fetch_status parse_as(const char *text, size_t size, int http_status, size_t count)
{
    struct provider_answer answer = {
        .call = FETCH_CURRENT, .http_status = http_status, .places = places, .count = count, .fetched_at_ms = FETCHED};
    return parse_exactly(text, size, answer, parse_answer);
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

#endif
