/* See ticks.h. */
#include "ticks.h"

#include "mem.h"

#include <stdlib.h>

void samples_add(struct samples *samples, int64_t us)
{
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity ? 2 * samples->capacity : 4096;
        samples->values = mem_grow(samples->values, samples->capacity, sizeof *samples->values);
    }
    samples->values[samples->count++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void samples_release(struct samples *samples)
{
    free(samples->values);
    *samples = (struct samples){0};
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

double samples_quantile(struct samples *samples, double q)
{
    if (samples->count == 0)
        return 0;
    qsort(samples->values, samples->count, sizeof *samples->values, by_size);
    size_t at = (size_t)(q * (double)samples->count);
    return samples->values[at < samples->count ? at : samples->count - 1] / 1000.0;
}

void ticks_reset(struct ticks *ticks)
{
    if (ticks->count)
        ticks->before = ticks->items[ticks->count - 1].version;
    ticks->count = 0;
    ticks->late.count = ticks->behind.count = 0;
}

void ticks_release(struct ticks *ticks)
{
    free(ticks->items);
    samples_release(&ticks->late);
    samples_release(&ticks->behind);
    *ticks = (struct ticks){0};
}

/* Events come in order to each client, so the one looked for is among the last. */
static struct tick *find(struct ticks *ticks, uint64_t version)
{
    size_t at = ticks->count;
    while (at > 0 && ticks->items[at - 1].version > version)
        at--;
    if (at > 0 && ticks->items[at - 1].version == version)
        return &ticks->items[at - 1];
    if (ticks->count == ticks->capacity) {
        ticks->capacity = ticks->capacity ? 2 * ticks->capacity : 64;
        ticks->items = mem_grow(ticks->items, ticks->capacity, sizeof *ticks->items);
    }
    for (size_t i = ticks->count++; i > at; i--)
        ticks->items[i] = ticks->items[i - 1];
    ticks->items[at] = (struct tick){.version = version};
    return &ticks->items[at];
}

void ticks_take(struct ticks *ticks, uint64_t version, int64_t at_ms, int64_t now_us)
{
    if (version <= ticks->before)
        return;
    struct tick *tick = find(ticks, version);
    if (tick->received++ == 0)
        tick->first_us = now_us;
    samples_add(&ticks->late, now_us - 1000 * at_ms);
    samples_add(&ticks->behind, now_us - tick->first_us);
}

size_t ticks_complete(const struct ticks *ticks, uint32_t clients)
{
    size_t complete = 0;
    for (size_t i = 0; i < ticks->count; i++)
        complete += ticks->items[i].received >= clients;
    return complete;
}
