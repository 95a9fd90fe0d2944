/*
 * See trail.h. A walk has a place in each chain and goes on in the one that is behind, so it costs rows plus slots,
 * and no memory. Which rows are known is its caller's business.
 */
#include "trail.h"

#include "mem.h"
#include "windowset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)

int32_t trail_period_s(const struct pane_entry *entry, int chain)
{
    if (chain == TRAIL_COVERED)
        return entry->accumulation_s == PANE_OF_AIR ? 0 : TRAIL_COVERED_S;
    int32_t amount = chain == TRAIL_RAIN ? entry->rain : entry->snow;
    return amount >= 0 && entry->accumulation_s > 0 && entry->accumulation_s <= TRAIL_ACCUMULATION_S
               ? entry->accumulation_s
               : 0;
}

int32_t trail_accumulation_s(const struct pane_entry *entry)
{
    int32_t rain = trail_period_s(entry, TRAIL_RAIN);
    return rain ? rain : trail_period_s(entry, TRAIL_SNOW);
}

void trail_newest(const struct pane *pane, int64_t last_ms[TRAIL_CHAINS])
{
    for (int chain = 0; chain < TRAIL_CHAINS; chain++) {
        int32_t at = pane->seen_count;
        while (at > 0 && trail_period_s(&pane->seen[at - 1], chain) == 0)
            at--;
        int64_t newest = at > 0 ? pane->window.start_ms + pane->seen[at - 1].at : 0;
        if (newest > last_ms[chain])
            last_ms[chain] = newest;
    }
}

/* ---- rows ---- */

void trail_clear(struct trail *trail)
{
    trail->count = 0;
    memset(trail->last_ms, 0, sizeof trail->last_ms);
}

void trail_release(struct trail *trail)
{
    free(trail->rows);
    *trail = (struct trail){0};
}

void trail_take(struct trail *trail, const struct pane *pane)
{
    int64_t start = pane->window.start_ms;
    assert(trail->count == 0 || trail->rows[trail->count - 1].at_ms < start);
    if (trail->capacity < trail->count + pane->seen_count) {
        trail->capacity = trail->count + pane->seen_count + trail->capacity / 2;
        trail->rows = mem_grow(trail->rows, (size_t)trail->capacity, sizeof *trail->rows);
    }
    for (int32_t i = 0; i < pane->seen_count; i++)
        trail->rows[trail->count++] = (struct trail_row){start + pane->seen[i].at, pane->seen[i]};
}

int32_t trail_find(const struct trail *trail, int64_t at_ms, int32_t provider)
{
    int32_t low = 0, high = trail->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        const struct trail_row *row = &trail->rows[middle];
        if (row->at_ms < at_ms || (row->at_ms == at_ms && row->entry.provider < provider))
            low = middle + 1;
        else
            high = middle;
    }
    bool there = low < trail->count && trail->rows[low].at_ms == at_ms && trail->rows[low].entry.provider == provider;
    return there ? low : -1;
}

void trail_drop(struct trail *trail, int32_t at)
{
    assert(at >= 0 && at < trail->count);
    trail->count--;
    memmove(&trail->rows[at], &trail->rows[at + 1], (size_t)(trail->count - at) * sizeof *trail->rows);
}

/* ---- walking ---- */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Goes to the chain's next stretch with something in the region; an empty one when there is none. */
static void advance(const struct trail_walk *walk, int chain, struct trail_stretch *stretch)
{
    const struct trail *trail = walk->trail;
    stretch->from_ms = stretch->to_ms = 0;
    while (stretch->next < trail->count && stretch->last_ms < walk->region.to_ms) {
        int32_t place = stretch->next++;
        const struct trail_row *row = &trail->rows[place];
        int64_t period_ms = trail_period_s(&row->entry, chain) * SECOND_MS;
        if (place == walk->without || period_ms == 0 || row->at_ms == stretch->last_ms)
            continue; /* of equal times the first one is the smallest provider's */
        stretch->period_ms = period_ms;
        stretch->start_ms = row->at_ms - period_ms;
        stretch->amount_um = chain == TRAIL_RAIN ? row->entry.rain : chain == TRAIL_SNOW ? row->entry.snow : 0;
        int64_t from = larger(larger(stretch->start_ms, stretch->last_ms), walk->region.from_ms);
        int64_t to = smaller(row->at_ms, walk->region.to_ms);
        stretch->last_ms = row->at_ms;
        if (from < to) {
            stretch->from_ms = from;
            stretch->to_ms = to;
            return;
        }
    }
}

/* F: what of the amount fell from the start of the period up to `at_ms`. Below 2^60: no overflow. */
static int64_t fallen(const struct trail_stretch *stretch, int64_t at_ms)
{
    return (2 * stretch->amount_um * (at_ms - stretch->start_ms) + stretch->period_ms) / (2 * stretch->period_ms);
}

static void add_piece(struct parts *parts, int chain, int64_t length_ms, int64_t amount_um)
{
    int32_t covered = (int32_t)length_ms; /* of a slot or less */
    const struct parts piece = {.rain_um = chain == TRAIL_RAIN ? amount_um : 0,
                                .snow_um = chain == TRAIL_SNOW ? amount_um : 0,
                                .rain_covered_ms = chain == TRAIL_RAIN ? covered : 0,
                                .snow_covered_ms = chain == TRAIL_SNOW ? covered : 0,
                                .covered_ms = chain == TRAIL_COVERED ? covered : 0};
    parts_add(parts, &piece);
}

void trail_walk(struct trail_walk *walk, const struct trail *trail, const struct trail_region *region, int32_t without)
{
    *walk = (struct trail_walk){.trail = trail, .region = *region, .without = without};
    for (int chain = 0; chain < TRAIL_CHAINS; chain++) {
        int64_t last_ms = trail->last_ms[chain];
        walk->chains[chain].last_ms = last_ms ? last_ms : INT64_MIN;
        advance(walk, chain, &walk->chains[chain]);
    }
}

bool trail_next(struct trail_walk *walk, int64_t *slot_ms, struct parts *parts)
{
    int64_t first = INT64_MAX;
    for (int chain = 0; chain < TRAIL_CHAINS; chain++) {
        const struct trail_stretch *stretch = &walk->chains[chain];
        if (stretch->from_ms < stretch->to_ms)
            first = smaller(first, stretch->from_ms);
    }
    if (first == INT64_MAX)
        return false;
    *slot_ms = window_start(first, walk->region.pane_ms);
    *parts = (struct parts){0};
    int64_t end = *slot_ms + walk->region.pane_ms;
    for (int chain = 0; chain < TRAIL_CHAINS; chain++) {
        struct trail_stretch *stretch = &walk->chains[chain];
        while (stretch->from_ms < stretch->to_ms && stretch->from_ms < end) {
            int64_t to = smaller(stretch->to_ms, end);
            add_piece(parts, chain, to - stretch->from_ms, fallen(stretch, to) - fallen(stretch, stretch->from_ms));
            stretch->from_ms = to;
            if (to == stretch->to_ms)
                advance(walk, chain, stretch);
        }
    }
    return true;
}
