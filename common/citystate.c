/*
 * The state of one city (citystate.h): its open panes as a sorted array without much spare room, since there are
 * mostly two or three, and its bytes. Event time (what is late, which panes close) is the worker's.
 */
#include "citystate.h"

#include "error.h"
#include "mem.h"

#include "city.pb-c.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT     1
#define SPARE_ROOM 4 /* panes that may stay allocated though none needs them */

typedef Isobar__V1__CityState message_t;
typedef Isobar__V1__Reading reading_t;

void citystate_init(struct citystate *city, int64_t city_id, int32_t series)
{
    *city = (struct citystate){.city_id = city_id, .series = series};
}

void citystate_release(struct citystate *city)
{
    for (int32_t i = 0; i < city->open_count; i++)
        pane_release(&city->open[i]);
    free(city->open);
    latest_release(&city->latest);
    alert_states_release(&city->alerts);
    quality_history_release(&city->history);
    quality_tally_release(&city->flagged);
    citystate_init(city, city->city_id, city->series);
}

struct pane *citystate_pane(struct citystate *city, int64_t start_ms, int64_t pane_ms)
{
    int32_t at = city->open_count; /* most rows are the newest */
    while (at > 0 && city->open[at - 1].window.start_ms >= start_ms)
        at--;
    if (at < city->open_count && city->open[at].window.start_ms == start_ms)
        return &city->open[at];
    assert(at == 0 || city->open[at - 1].window.end_ms <= start_ms);
    assert(at == city->open_count || city->open[at].window.start_ms >= start_ms + pane_ms);

    if (city->open_count == city->open_capacity) {
        city->open_capacity += 1 + city->open_capacity / 4;
        city->open = mem_grow(city->open, (size_t)city->open_capacity, sizeof *city->open);
    }
    memmove(&city->open[at + 1], &city->open[at], (size_t)(city->open_count - at) * sizeof *city->open);
    city->open_count++;
    pane_init(&city->open[at], start_ms, start_ms + pane_ms);
    return &city->open[at];
}

void citystate_drop_panes(struct citystate *city, int32_t count)
{
    assert(count >= 0 && count <= city->open_count);
    for (int32_t i = 0; i < count; i++)
        pane_release(&city->open[i]);
    city->open_count -= count;
    if (count > 0 && city->open_count > 0)
        memmove(city->open, city->open + count, (size_t)city->open_count * sizeof *city->open);
    if (city->open_capacity > city->open_count + SPARE_ROOM) { /* after a burst of history */
        city->open_capacity = city->open_count + SPARE_ROOM;
        city->open = mem_grow(city->open, (size_t)city->open_capacity, sizeof *city->open);
    }
}

const char *citystate_field(int64_t city_id, int32_t series, char *out)
{
    if (series == 0)
        snprintf(out, CITY_FIELD_BYTES, "%" PRId64, city_id);
    else
        snprintf(out, CITY_FIELD_BYTES, "%" PRId64 "/%" PRId32, city_id, series);
    return out;
}

/* ---- to bytes ---- */

static reading_t *reading_message(const struct citystate *city, struct arena *arena)
{
    const struct latest *latest = &city->latest;
    reading_t *message = arena_calloc(arena, 1, sizeof *message);
    isobar__v1__reading__init(message);
    message->observed_at_ms = latest->observed_at_ms;
    message->fetched_at_ms = latest->fetched_at_ms;
    message->produced_at_ms = latest->produced_at_ms;
    message->provider = latest->provider;
    message->quality = latest->quality;
    message->accumulation_s = latest->accumulation_s;
    message->present = (int64_t)latest->present;
    message->n_value = (size_t)__builtin_popcountll(latest->present);
    message->value = latest->values; /* borrowed */
    return message;
}

static char *text_in(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(arena_calloc(arena, size, 1), text, size);
}

static message_t *city_message(const struct citystate *city, struct arena *arena)
{
    message_t *message = arena_calloc(arena, 1, sizeof *message);
    isobar__v1__city_state__init(message);
    message->format = FORMAT;
    message->city_id = city->city_id;
    message->series = city->series;
    message->watermark_ms = city->watermark_ms;
    message->heard_at_ms = city->heard_at_ms;
    message->closed_through_ms = city->closed_through_ms;
    message->checked_at_ms = city->checked_at_ms;
    message->zone = text_in(arena, zone_name(city->zone));
    message->interval_s = city->interval_s;
    message->country = text_in(arena, city->country);
    message->zoned_until_ms = city->zoned_until_ms;
    message->rows_in = city->rows_in;
    message->rows_late = city->rows_late;
    message->rows_duplicate = city->rows_duplicate;
    message->rows_correction = city->rows_correction;
    message->rows_retired = city->rows_retired;
    message->rows_bad = city->rows_bad;
    message->covered_last_ms = city->last_ms[TRAIL_COVERED];
    message->rain_last_ms = city->last_ms[TRAIL_RAIN];
    message->snow_last_ms = city->last_ms[TRAIL_SNOW];
    message->accumulation_max_s = city->accumulation_max_s;
    if (city->has_latest)
        message->latest = reading_message(city, arena);
    quality_history_message(&city->history, message, arena);
    quality_tally_message(&city->flagged, message, arena);
    message->n_open = (size_t)city->open_count;
    message->open = arena_calloc(arena, message->n_open, sizeof(Isobar__V1__Pane *));
    for (size_t i = 0; i < message->n_open; i++)
        message->open[i] = pane_message(&city->open[i], arena);
    message->alert = alert_states_message(&city->alerts, arena, &message->n_alert);
    return message;
}

void citystate_encode(const struct citystate *city, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    const message_t *message = city_message(city, &arena);
    size_t size = isobar__v1__city_state__get_packed_size(message);
    buf_advance(out, isobar__v1__city_state__pack(message, (uint8_t *)buf_reserve(out, size)));
    arena_release(&arena);
}

/* ---- from bytes ---- */

static bool is_time(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

static bool frame_valid(const message_t *m)
{
    return m->format == FORMAT && m->city_id >= 0 && m->series >= 0 && is_time(m->watermark_ms) &&
           is_time(m->heard_at_ms) && is_time(m->closed_through_ms) && is_time(m->checked_at_ms) && m->rows_in >= 0 &&
           m->rows_late >= 0 && m->rows_duplicate >= 0 && m->rows_correction >= 0 && m->rows_retired >= 0 &&
           m->rows_bad >= 0 && m->interval_s >= 0 && is_time(m->zoned_until_ms) &&
           strlen(m->country) < sizeof((struct citystate){0}.country) && (*m->zone == '\0' || zone_get(m->zone));
}

/* Rows of closed panes lie before what is closed. */
static bool chains_valid(const message_t *m)
{
    const int64_t last_ms[] = {m->covered_last_ms, m->rain_last_ms, m->snow_last_ms};
    for (size_t i = 0; i < sizeof last_ms / sizeof *last_ms; i++)
        if (last_ms[i] < 0 || (last_ms[i] > 0 && last_ms[i] >= m->closed_through_ms))
            return false;
    return m->accumulation_max_s >= 0 && m->accumulation_max_s <= TRAIL_ACCUMULATION_S;
}

/* Newer software may have set bits that are unknown here: their values are passed over. */
static int take_latest(struct citystate *city, const reading_t *reading)
{
    uint64_t present = (uint64_t)reading->present;
    if (reading->n_value != (size_t)__builtin_popcountll(present) || !is_time(reading->observed_at_ms) ||
        !is_time(reading->fetched_at_ms) || !is_time(reading->produced_at_ms) || reading->accumulation_s < 0)
        return ERR_INVALID;
    struct observation row = {.observed_at_ms = reading->observed_at_ms,
                              .fetched_at_ms = reading->fetched_at_ms,
                              .provider = reading->provider,
                              .quality = reading->quality,
                              .accumulation_s = reading->accumulation_s};
    size_t k = 0;
    for (uint64_t left = present; left; left &= left - 1, k++)
        if (OBSERVATION_KNOWN & left & -left)
            observation_set(&row, __builtin_ctzll(left), reading->value[k]);
    latest_set(&city->latest, &row, reading->produced_at_ms);
    city->has_latest = true;
    return 0;
}

static int take_panes(struct citystate *city, const message_t *message)
{
    if (message->n_open == 0)
        return 0;
    city->open = mem_calloc(message->n_open, sizeof *city->open);
    city->open_capacity = (int32_t)message->n_open;
    for (size_t i = 0; i < message->n_open; i++) {
        struct pane *pane = &city->open[i];
        if (pane_unpack(pane, message->open[i]) != 0)
            return ERR_INVALID;
        city->open_count++;
        if (i > 0 && pane->window.start_ms < pane[-1].window.end_ms)
            return ERR_INVALID;
    }
    return 0;
}

static int unpack(struct citystate *city, const message_t *message)
{
    if (!frame_valid(message) || !chains_valid(message))
        return ERR_INVALID;
    citystate_init(city, message->city_id, message->series);
    city->watermark_ms = message->watermark_ms;
    city->heard_at_ms = message->heard_at_ms;
    city->closed_through_ms = message->closed_through_ms;
    city->checked_at_ms = message->checked_at_ms;
    city->zone = *message->zone ? zone_get(message->zone) : NULL;
    city->interval_s = message->interval_s;
    memcpy(city->country, message->country, strlen(message->country) + 1);
    city->zoned_until_ms = message->zoned_until_ms;
    city->rows_in = message->rows_in;
    city->rows_late = message->rows_late;
    city->rows_duplicate = message->rows_duplicate;
    city->rows_correction = message->rows_correction;
    city->rows_retired = message->rows_retired;
    city->rows_bad = message->rows_bad;
    city->last_ms[TRAIL_COVERED] = message->covered_last_ms;
    city->last_ms[TRAIL_RAIN] = message->rain_last_ms;
    city->last_ms[TRAIL_SNOW] = message->snow_last_ms;
    city->accumulation_max_s = message->accumulation_max_s;
    if (message->latest && take_latest(city, message->latest) != 0)
        return ERR_INVALID;
    if (alert_states_unpack(&city->alerts, message->alert, message->n_alert) != 0 ||
        quality_history_take(&city->history, message) != 0 || quality_tally_take(&city->flagged, message) != 0)
        return ERR_INVALID;
    return take_panes(city, message);
}

int citystate_decode(struct citystate *city, const void *bytes, size_t size)
{
    citystate_init(city, 0, 0);
    if (size > CITYSTATE_MAX_BYTES)
        return ERR_INVALID;
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    message_t *message = isobar__v1__city_state__unpack(&arena.protobuf, size, bytes);
    int status = message ? unpack(city, message) : ERR_INVALID;
    arena_release(&arena);
    if (status)
        citystate_release(city);
    return status;
}
