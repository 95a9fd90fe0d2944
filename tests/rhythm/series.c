/*
 * See series.h. The shapes:
 *
 *   openweathermap  a reading about every 10 min, irregularly (each step is drawn anew, so that nothing but the last
 *                   one tells of the next), 2 to 4 min old when it can be fetched; one of three servers answers, which
 *                   name up to 80 s less for the same reading, so that times go back and repeat
 *   open_meteo      the quarters of the hour exactly, there half a minute to two minutes later, each place with a delay
 *                   of its own that varies by 10 s
 *   metar           7 min before the hour, give or take 2 min, there 3 to 7 min later; in every eighth hour one or two
 *                   specials at any time
 *   stuck           as openweathermap with one server, but about every 16 h nothing comes for 1 to 8 h
 */
#include "series.h"

#include "mem.h"

#include <stdlib.h>

#define SECOND  INT64_C(1000)
#define MINUTE  (60 * SECOND)
#define QUARTER (15 * MINUTE)
#define HOUR    (60 * MINUTE)

static void add(struct series *series, int64_t observed_ms, int64_t there_ms)
{
    if (series->count == series->capacity) {
        series->capacity = series->capacity ? series->capacity * 2 : 256;
        series->readings = mem_grow(series->readings, series->capacity, sizeof *series->readings);
    }
    series->readings[series->count++] = (struct series_reading){observed_ms / SECOND * SECOND, there_ms};
}

/* From -width to width; small values are likelier (the sum of two dice). */
static int64_t about(struct jitter *dice, int64_t width_ms)
{
    return jitter_below(dice, width_ms) + jitter_below(dice, width_ms) - width_ms;
}

static void irregular(struct series *series, struct jitter *dice, int64_t start_ms, int64_t end_ms, bool stops)
{
    int64_t observed = start_ms - jitter_below(dice, 10 * MINUTE);
    while (observed < end_ms) {
        add(series, observed, observed + 2 * MINUTE + jitter_below(dice, 2 * MINUTE));
        observed += 10 * MINUTE + about(dice, 2 * MINUTE);
        if (stops && jitter_below(dice, 96) == 0)
            observed += HOUR + jitter_below(dice, 7 * HOUR);
    }
}

static void quarters(struct series *series, struct jitter *dice, int64_t start_ms, int64_t end_ms)
{
    int64_t own = 30 * SECOND + jitter_below(dice, 90 * SECOND);
    for (int64_t slot = start_ms / QUARTER * QUARTER; slot < end_ms; slot += QUARTER)
        add(series, slot, slot + own + jitter_below(dice, 10 * SECOND));
}

static int by_time_there(const void *left, const void *right)
{
    const struct series_reading *a = left, *b = right;
    return a->there_ms < b->there_ms ? -1 : a->there_ms > b->there_ms;
}

static void hourly(struct series *series, struct jitter *dice, int64_t start_ms, int64_t end_ms)
{
    for (int64_t hour = start_ms / HOUR * HOUR; hour < end_ms; hour += HOUR) {
        int64_t observed = hour - 7 * MINUTE + about(dice, 2 * MINUTE);
        add(series, observed, observed + 3 * MINUTE + jitter_below(dice, 4 * MINUTE));
        int64_t specials = jitter_below(dice, 8) == 0 ? 1 + jitter_below(dice, 2) : 0;
        for (int64_t i = 0; i < specials; i++) {
            observed = hour + jitter_below(dice, 45 * MINUTE);
            add(series, observed, observed + 3 * MINUTE + jitter_below(dice, 4 * MINUTE));
        }
    }
    qsort(series->readings, series->count, sizeof *series->readings, by_time_there);
}

void series_make(struct series *series, enum series_kind kind, uint64_t seed, int64_t start_ms, int days)
{
    struct jitter dice;
    jitter_init(&dice, seed * SERIES_KINDS + kind + 1);
    *series = (struct series){.servers = 1, .days_ms = days * 24 * HOUR};
    int64_t end_ms = start_ms + series->days_ms;
    if (kind == SERIES_OPEN_METEO)
        quarters(series, &dice, start_ms, end_ms);
    else if (kind == SERIES_METAR)
        hourly(series, &dice, start_ms, end_ms);
    else
        irregular(series, &dice, start_ms, end_ms, kind == SERIES_STUCK);
    if (kind == SERIES_OPENWEATHERMAP)
        series->servers = 3;
}

void series_release(struct series *series)
{
    free(series->readings);
    *series = (struct series){0};
}

int64_t series_answer(const struct series *series, int64_t at_ms, size_t *cursor, struct jitter *dice)
{
    static const int64_t less_ms[] = {0, 20 * SECOND, 74 * SECOND};
    while (*cursor < series->count && series->readings[*cursor].there_ms <= at_ms)
        ++*cursor;
    if (*cursor == 0)
        return 0;
    int64_t less = series->servers > 1 ? less_ms[jitter_below(dice, series->servers)] : 0;
    return series->readings[*cursor - 1].observed_ms - less;
}

const char *series_name(enum series_kind kind)
{
    static const char *const names[] = {"openweathermap", "open_meteo", "metar", "stuck"};
    return names[kind];
}
