/* See provider.h. The table of providers, and what all of them share. */
#include "provider.h"

#include "mem.h"
#include "provider_metar.h"
#include "provider_openmeteo.h"
#include "provider_openweathermap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLDEST_S INT64_C(946684800) /* 2000-01-01: older data is no current weather */
#define FUTURE_S 300                /* a clock may be wrong by that much */

static const struct provider *const providers[] = {&provider_openweathermap, &provider_openmeteo, &provider_metar,
                                                   &provider_replay};
#define PROVIDERS (sizeof providers / sizeof(const struct provider *))

const struct provider *provider_find(const char *name)
{
    for (size_t i = 0; i < PROVIDERS; i++) {
        if (strcmp(providers[i]->name, name) == 0)
            return providers[i];
    }
    return NULL;
}

/* What a place weighs in a call that is full. Where it is less than alone, calls fill up as they get scarce. */
static int32_t share_of_call(const struct provider *provider, enum fetch_call call)
{
    int32_t places = (int32_t)provider->places_max, whole = provider->cost_milli(call, provider->places_max);
    return (whole + places - 1) / places;
}

struct cadence provider_cadence(const struct provider *provider, bool air, int64_t every_ms)
{
    struct cadence cadence = {.cost_milli = share_of_call(provider, FETCH_CURRENT),
                              .interval_ms = every_ms ? every_ms : provider->interval_ms};
    if (air && provider->air_interval_ms) {
        cadence.air_cost_milli = share_of_call(provider, FETCH_AIR);
        cadence.air_interval_ms = provider->air_interval_ms;
    }
    return cadence;
}

int64_t provider_reading_ms(const struct provider *provider, int64_t every_ms)
{
    return every_ms > provider->reading_ms ? every_ms : provider->reading_ms;
}

void provider_names(struct buf *out)
{
    for (size_t i = 0; i < PROVIDERS; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", providers[i]->name);
}

const char *fetch_status_name(enum fetch_status status)
{
#define FETCH_NAME(id, name) [id] = (name),
    static const char *const names[] = {FETCH_STATUSES(FETCH_NAME)};
#undef FETCH_NAME
    return names[status];
}

enum fetch_status fetch_status_of_http(int http_status)
{
    switch (http_status) {
    case 200:
        return FETCH_OK;
    case 400:
    case 404:
        return FETCH_BAD_PLACE;
    case 401:
    case 403:
        return FETCH_KEY_REFUSED;
    case 408:
        return FETCH_SERVER_ERROR;
    case 429:
        return FETCH_RATE_LIMITED;
    default:
        return http_status >= 500 && http_status <= 599 ? FETCH_SERVER_ERROR : FETCH_UNEXPECTED_STATUS;
    }
}

void provider_rows_start(struct provider_rows *rows, size_t places)
{
    if (places > rows->place_capacity) {
        rows->place_capacity = places;
        rows->statuses = mem_grow(rows->statuses, places, sizeof *rows->statuses);
    }
    for (size_t i = 0; i < places; i++)
        rows->statuses[i] = FETCH_OK;
    rows->place_count = places;
    rows->count = 0;
    rows->retry_after_ms = -1;
    rows->reason[0] = '\0';
}

struct observation *provider_rows_add(struct provider_rows *rows)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? rows->capacity * 2 : 1;
        rows->rows = mem_grow(rows->rows, rows->capacity, sizeof *rows->rows);
    }
    struct observation *row = &rows->rows[rows->count++];
    memset(row, 0, sizeof *row);
    return row;
}

enum fetch_status provider_fail(struct provider_rows *rows, enum fetch_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(rows->reason, sizeof rows->reason, format, args);
    va_end(args);
    return status;
}

bool provider_time_is_good(double seconds, int64_t fetched_at_ms)
{
    return seconds >= (double)OLDEST_S && seconds * 1000 <= (double)(fetched_at_ms + FUTURE_S * 1000);
}

void provider_append_degrees(struct buf *out, int32_t degrees_e5)
{
    int64_t size = degrees_e5 < 0 ? -(int64_t)degrees_e5 : degrees_e5;
    buf_printf(out, "%s%lld.%05lld", degrees_e5 < 0 ? "-" : "", (long long)(size / 100000), (long long)(size % 100000));
}

void provider_append_encoded(struct buf *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text))
            buf_byte(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

void provider_rows_release(struct provider_rows *rows)
{
    free(rows->rows);
    free(rows->statuses);
    rows->rows = NULL;
    rows->statuses = NULL;
    rows->count = rows->capacity = rows->place_count = rows->place_capacity = 0;
}
