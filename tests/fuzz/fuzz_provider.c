/*
 * Answers of weather APIs, each provider of the table a variant. The first byte says what was asked for and how HTTP
 * answered, the rest is the body. Rows that come back are rows that a worker takes.
 */
#include "../../fetcher/provider.h"
#include "../../fetcher/provider_openmeteo.h"
#include "../../fetcher/provider_openweathermap.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define PLACES  3
#define FETCHED INT64_C(1795500000000)

void fuzz_variants(struct buf *out)
{
    provider_names(out);
}

/* What the first byte stands for. */
struct asked {
    uint8_t letter;
    enum fetch_call call;
    size_t places;
    int http_status;
};

static struct asked asked_of(uint8_t letter)
{
    static const struct asked list[] = {
        {'c', FETCH_CURRENT, 1, 200},  {'m', FETCH_CURRENT, PLACES, 200}, {'a', FETCH_AIR, 1, 200},
        {'n', FETCH_AIR, PLACES, 200}, {'h', FETCH_HISTORY, 1, 200},      {'4', FETCH_CURRENT, 1, 401},
        {'9', FETCH_CURRENT, 1, 429},  {'5', FETCH_CURRENT, 1, 503},      {'b', FETCH_CURRENT, PLACES, 400}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (list[i].letter == letter)
            return list[i];
    }
    return list[letter % 5];
}

static void check_rows(const struct provider_rows *rows)
{
    struct buf bytes = BUF_EMPTY;
    const char *reason;
    struct batch *batch = batch_new();
    for (size_t i = 0; i < rows->count; i += BATCH_MAX_ROWS) {
        size_t count = rows->count - i < BATCH_MAX_ROWS ? rows->count - i : BATCH_MAX_ROWS;
        buf_reset(&bytes);
        FUZZ_CHECK(batch_encode(&rows->rows[i], count, 0, &bytes) == 0);
        FUZZ_CHECK(batch_decode(batch, bytes.data, bytes.size, &reason) == 0 && batch_rows(batch) == count);
    }
    batch_free(batch);
    buf_release(&bytes);
}

/* Rows are in the order of their places, one of each place at most but in a history, and of a place that is well. */
static void check_places(const struct provider_answer *answer, const struct provider_rows *rows)
{
    size_t at = 0, good = 0;
    FUZZ_CHECK(rows->place_count == answer->count);
    for (size_t p = 0; p < answer->count; p++) {
        size_t from = at;
        FUZZ_CHECK(rows->statuses[p] >= FETCH_OK && rows->statuses[p] < FETCH_STATUS_COUNT);
        for (; at < rows->count && rows->rows[at].city_id == answer->places[p].city_id; at++) {
            const struct observation *row = &rows->rows[at];
            FUZZ_CHECK(row->observed_at_ms <= FETCHED + 3600000 && row->fetched_at_ms == FETCHED);
            FUZZ_CHECK(row->present != 0 && row->kind == ISOBAR__V1__ROW_KIND__OBSERVATION);
        }
        FUZZ_CHECK(at == from || rows->statuses[p] == FETCH_OK);
        FUZZ_CHECK(at - from <= 1 || answer->call == FETCH_HISTORY);
        good += rows->statuses[p] == FETCH_OK;
    }
    FUZZ_CHECK(at == rows->count && good >= 1);
}

static void check(enum fetch_status status, const struct provider_answer *answer, const struct provider_rows *rows)
{
    FUZZ_CHECK(status >= FETCH_OK && status < FETCH_STATUS_COUNT);
    FUZZ_CHECK(status == FETCH_OK || (rows->reason[0] && rows->count == 0));
    FUZZ_CHECK(rows->left_out >= 0 && rows->skipped >= 0 && rows->empty >= 0 && rows->retry_after_ms >= -1);
    fuzz_check_text(rows->reason, sizeof rows->reason - 1);
    for (const char *p = rows->reason; *p; p++)
        FUZZ_CHECK((unsigned char)*p < 0x80);
    if (status == FETCH_OK)
        check_places(answer, rows);
    check_rows(rows);
}

/* Recorded answers have units that the fetcher does not ask for. */
static void check_units(const struct provider_answer *answer, struct provider_rows *rows)
{
    for (int units = OPENWEATHERMAP_METRIC; units <= OPENWEATHERMAP_IMPERIAL; units++)
        check(openweathermap_parse(answer, (enum openweathermap_units)units, rows), answer, rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct provider_place places[PLACES] = {
        {2950159, 5252437, 1341053, "EDDB"}, {3688689, 460971, -7408175, "SKBO"}, {1283240, 2770169, 8532060, "VNKT"}};
    static const struct provider *provider;
    struct provider_rows rows = {0};
    if (!provider)
        provider = provider_find(*fuzz_variant() ? fuzz_variant() : "openweathermap");
    FUZZ_CHECK(provider != NULL);
    if (size == 0)
        return 0;
    struct asked asked = asked_of(*data);
    char *body = malloc(size > 1 ? size - 1 : 1); /* without a '\0', which it need not have */
    memcpy(body, data + 1, size - 1);
    struct provider_answer answer = {.call = asked.call,
                                     .http_status = asked.http_status,
                                     .body = body,
                                     .size = size - 1,
                                     .places = places,
                                     .count = asked.places < provider->places_max ? asked.places : provider->places_max,
                                     .fetched_at_ms = FETCHED};
    enum fetch_status status = provider->parse(&answer, &rows);
    check(status, &answer, &rows);
    if (provider == &provider_openweathermap)
        check_units(&answer, &rows);
    if (provider == &provider_openmeteo)
        check(openmeteo_parse(&answer, OPENMETEO_DEFAULT, &rows), &answer, &rows);
    provider_rows_release(&rows);
    free(body);
    return 0;
}
