/*
 * Panes (window.h): a window with the exact set of readings in it, as a sorted array. Readings mostly come in order of
 * time, so the search starts at the end. When a pane opens and closes is its owner's to decide.
 */
#include "error.h"
#include "mem.h"
#include "window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 2 /* mostly enough: a reading every ten minutes, a pane of five */

void pane_init(struct pane *pane, int64_t start_ms, int64_t end_ms)
{
    *pane = (struct pane){0};
    window_init(&pane->window, start_ms, end_ms);
    window_enable_sketches(&pane->window);
}

void pane_release(struct pane *pane)
{
    window_release(&pane->window);
    free(pane->seen);
    pane->seen = NULL;
    pane->seen_count = pane->seen_capacity = 0;
}

static int compare(const struct pane_entry *a, const struct pane_entry *b)
{
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return (a->provider > b->provider) - (a->provider < b->provider);
}

/* Where `entry` belongs: the first place whose entry is not less. */
static int32_t place_of(const struct pane *pane, const struct pane_entry *entry)
{
    int32_t low = 0, high = pane->seen_count;
    if (high > 0 && compare(&pane->seen[high - 1], entry) < 0)
        return high;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (compare(&pane->seen[middle], entry) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct pane *pane, int32_t at, struct pane_entry entry)
{
    if (pane->seen_count == pane->seen_capacity) {
        pane->seen_capacity =
            pane->seen_capacity ? pane->seen_capacity + (pane->seen_capacity + 1) / 2 : FIRST_CAPACITY;
        pane->seen = mem_grow(pane->seen, (size_t)pane->seen_capacity, sizeof *pane->seen);
    }
    memmove(&pane->seen[at + 1], &pane->seen[at], (size_t)(pane->seen_count - at) * sizeof *pane->seen);
    pane->seen[at] = entry;
    pane->seen_count++;
}

/* Of rain or snow, in um; -1 when it is not known. */
static int32_t amount(const struct observation *observation, int bit)
{
    return observation_has(observation, bit) && observation->value[bit] >= 0 ? observation->value[bit] : -1;
}

static struct pane_entry entry_of(const struct pane *pane, const struct observation *observation, uint32_t body)
{
    const struct window *window = &pane->window;
    assert(observation->observed_at_ms >= window->start_ms && observation->observed_at_ms < window->end_ms);
    int32_t at = (int32_t)(observation->observed_at_ms - window->start_ms);
    return (struct pane_entry){.at = at,
                               .provider = observation->provider,
                               .body = body,
                               .rain = amount(observation, ISOBAR__V1__VALUE__RAIN),
                               .snow = amount(observation, ISOBAR__V1__VALUE__SNOW),
                               .accumulation_s = observation->of_air ? PANE_OF_AIR : observation->accumulation_s};
}

enum pane_knows pane_knows(const struct pane *pane, const struct observation *observation, uint32_t body)
{
    struct pane_entry entry = entry_of(pane, observation, body);
    int32_t at = place_of(pane, &entry);
    if (at == pane->seen_count || compare(&pane->seen[at], &entry) != 0)
        return PANE_NEW;
    uint32_t counted = pane->seen[at].body;
    return counted == 0 || counted == body ? PANE_DUPLICATE : PANE_CORRECTION;
}

bool pane_add(struct pane *pane, const struct observation *observation, uint32_t body)
{
    struct pane_entry entry = entry_of(pane, observation, body);
    int32_t at = place_of(pane, &entry);
    if (at < pane->seen_count && compare(&pane->seen[at], &entry) == 0)
        return false;
    insert(pane, at, entry);
    window_add(&pane->window, observation);
    return true;
}

const struct pane_entry *pane_find(const struct pane *pane, int64_t observed_at_ms, int32_t provider)
{
    struct pane_entry entry = {.at = (int32_t)(observed_at_ms - pane->window.start_ms), .provider = provider};
    int32_t at = place_of(pane, &entry);
    return at < pane->seen_count && compare(&pane->seen[at], &entry) == 0 ? &pane->seen[at] : NULL;
}

bool pane_full(const struct pane *pane)
{
    return pane->seen_count >= PANE_MAX_READINGS;
}

/* ---- bytes ---- */

/* The columns of precipitation; each is left out when it says nothing. */
static void set_amounts(Isobar__V1__Pane *message, const struct pane *pane, struct arena *arena)
{
    size_t count = (size_t)pane->seen_count;
    message->rain = arena_calloc(arena, count, sizeof *message->rain);
    message->snow = arena_calloc(arena, count, sizeof *message->snow);
    message->accumulation_s = arena_calloc(arena, count, sizeof *message->accumulation_s);
    message->of_air = arena_calloc(arena, count, sizeof *message->of_air);
    for (size_t i = 0; i < count; i++) {
        const struct pane_entry *entry = &pane->seen[i];
        message->rain[i] = entry->rain;
        message->snow[i] = entry->snow;
        message->of_air[i] = entry->accumulation_s == PANE_OF_AIR;
        message->accumulation_s[i] = message->of_air[i] ? 0 : entry->accumulation_s;
        if (entry->rain >= 0)
            message->n_rain = count;
        if (entry->snow >= 0)
            message->n_snow = count;
        if (message->of_air[i])
            message->n_of_air = count;
        else if (entry->accumulation_s)
            message->n_accumulation_s = count;
    }
}

Isobar__V1__Pane *pane_message(const struct pane *pane, struct arena *arena)
{
    Isobar__V1__Pane *message = arena_calloc(arena, 1, sizeof *message);
    isobar__v1__pane__init(message);
    message->state = window_message(&pane->window, arena);
    size_t count = (size_t)pane->seen_count;
    message->n_observed_at = count;
    message->observed_at = arena_calloc(arena, count, sizeof *message->observed_at);
    message->provider = arena_calloc(arena, count, sizeof *message->provider);
    message->body = arena_calloc(arena, count, sizeof *message->body);
    for (size_t i = 0; i < count; i++) {
        message->observed_at[i] = pane->seen[i].at;
        message->provider[i] = pane->seen[i].provider;
        message->body[i] = (int32_t)pane->seen[i].body;
        if (pane->seen[i].provider)
            message->n_provider = count;
        if (pane->seen[i].body)
            message->n_body = count;
    }
    set_amounts(message, pane, arena);
    return message;
}

void pane_encode(const struct pane *pane, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    const Isobar__V1__Pane *message = pane_message(pane, &arena);
    size_t size = isobar__v1__pane__get_packed_size(message);
    buf_advance(out, isobar__v1__pane__pack(message, (uint8_t *)buf_reserve(out, size)));
    arena_release(&arena);
}

/* Columns of precipitation, each absent or one cell per reading. */
static bool amounts_valid(const Isobar__V1__Pane *pane)
{
    size_t count = pane->n_observed_at;
    if ((pane->n_rain && pane->n_rain != count) || (pane->n_snow && pane->n_snow != count) ||
        (pane->n_accumulation_s && pane->n_accumulation_s != count) || (pane->n_of_air && pane->n_of_air != count))
        return false;
    for (size_t i = 0; i < pane->n_rain; i++)
        if (pane->rain[i] < -1)
            return false;
    for (size_t i = 0; i < pane->n_snow; i++)
        if (pane->snow[i] < -1)
            return false;
    for (size_t i = 0; i < pane->n_accumulation_s; i++)
        if (pane->accumulation_s[i] < 0)
            return false;
    return true;
}

/* One reading for each row, strictly ascending, inside the span. */
static bool seen_valid(const Isobar__V1__Pane *pane)
{
    const Isobar__V1__WindowState *state = pane->state;
    size_t count = pane->n_observed_at;
    if (count != (size_t)state->rows || (pane->n_provider != 0 && pane->n_provider != count) ||
        (pane->n_body != 0 && pane->n_body != count))
        return false;
    for (size_t i = 0; i < count; i++) {
        int64_t at = pane->observed_at[i];
        if (at < 0 || at >= state->end_ms - state->start_ms)
            return false;
        if (i == 0 || at > pane->observed_at[i - 1])
            continue;
        if (at < pane->observed_at[i - 1] || !pane->n_provider || pane->provider[i] <= pane->provider[i - 1])
            return false;
    }
    return true;
}

int pane_unpack(struct pane *pane, const Isobar__V1__Pane *message)
{
    pane_init(pane, 0, 0);
    if (!message->state || window_unpack(&pane->window, message->state) != 0)
        return ERR_INVALID;
    if (!seen_valid(message) || !amounts_valid(message)) {
        pane_release(pane);
        return ERR_INVALID;
    }
    window_enable_sketches(&pane->window);
    size_t count = message->n_observed_at;
    if (count) {
        pane->seen = mem_calloc(count, sizeof *pane->seen);
        pane->seen_count = pane->seen_capacity = (int32_t)count;
    }
    for (size_t i = 0; i < count; i++) {
        pane->seen[i].at = (int32_t)message->observed_at[i];
        pane->seen[i].provider = message->n_provider ? message->provider[i] : 0;
        pane->seen[i].rain = message->n_rain ? message->rain[i] : -1;
        pane->seen[i].snow = message->n_snow ? message->snow[i] : -1;
        pane->seen[i].accumulation_s = message->n_of_air && message->of_air[i] ? PANE_OF_AIR
                                       : message->n_accumulation_s             ? message->accumulation_s[i]
                                                                               : 0;
        pane->seen[i].body = message->n_body ? (uint32_t)message->body[i] : 0;
    }
    return 0;
}

int pane_decode(struct pane *pane, const void *bytes, size_t size)
{
    pane_init(pane, 0, 0);
    if (size > PANE_MAX_BYTES)
        return ERR_INVALID;
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    Isobar__V1__Pane *message = isobar__v1__pane__unpack(&arena.protobuf, size, bytes);
    int status = message ? pane_unpack(pane, message) : ERR_INVALID;
    arena_release(&arena);
    return status;
}
