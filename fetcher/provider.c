/* See provider.h. The table of providers, and what all of them share. */
#include "provider.h"

#include "mem.h"
#include "provider_openweathermap.h"

#include <stdlib.h>
#include <string.h>

static const struct provider *const providers[] = {&provider_openweathermap, &provider_replay};
#define PROVIDERS (sizeof providers / sizeof(const struct provider *))

const struct provider *provider_find(const char *name)
{
    for (size_t i = 0; i < PROVIDERS; i++) {
        if (strcmp(providers[i]->name, name) == 0)
            return providers[i];
    }
    return NULL;
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

void provider_rows_release(struct provider_rows *rows)
{
    free(rows->rows);
    free(rows->statuses);
    rows->rows = NULL;
    rows->statuses = NULL;
    rows->count = rows->capacity = rows->place_count = rows->place_capacity = 0;
}
