/*
 * Folding of closed panes into windows, late rows, the cache of records, and retirement (state.h). All merging is exact, so
 * it does not matter whether a delta met its stored window before or after others.
 */
#include "state.h"

#include "error.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- records ---- */

static void use(struct state *state, struct record *record)
{
    if (state->newest == record)
        return;
    if (record->newer)
        record->newer->older = record->older;
    if (record->older)
        record->older->newer = record->newer;
    else if (state->oldest == record)
        state->oldest = record->newer;
    record->newer = NULL;
    record->older = state->newest;
    if (state->newest)
        state->newest->newer = record;
    state->newest = record;
    if (!state->oldest)
        state->oldest = record;
}

static void weigh(struct state *state, struct record *record)
{
    const struct pane *pane = &record->pane;
    size_t bytes = sizeof *record + (size_t)pane->seen_capacity * sizeof *pane->seen +
                   (size_t)pane->window.metric_capacity * sizeof *pane->window.metrics + (pane->window.wind ? sizeof *pane->window.wind : 0);
    *state->cache_bytes += bytes - record->bytes;
    record->bytes = bytes;
}

static int64_t span_of(const struct state *state, int32_t kind)
{
    return kind == RECORD_PANE ? state->rules->windows.pane_ms : state->rules->windows.sizes[kind - 1].size_ms;
}

struct record *state_record(struct state *state, const struct record_key *key)
{
    struct record *record;
    HASH_FIND(hh, state->records, key, sizeof *key, record);
    if (!record) {
        record = mem_alloc(sizeof *record);
        record->key = *key;
        pane_init(&record->pane, key->start_ms, key->start_ms + span_of(state, key->kind));
        HASH_ADD(hh, state->records, key, sizeof record->key, record);
        weigh(state, record);
    }
    use(state, record);
    return record;
}

static void want(struct state *state, struct record *record)
{
    if (record->loaded || record->missing)
        return;
    if (state->missing_count == state->missing_capacity) {
        state->missing_capacity = state->missing_capacity ? state->missing_capacity * 2 : 64;
        state->missing = mem_grow(state->missing, state->missing_capacity, sizeof *state->missing);
    }
    record->missing = true;
    state->missing[state->missing_count++] = record;
}

static void dirty(struct state *state, struct record *record)
{
    if (!record->dirty) {
        record->dirty = true;
        state->dirty_record_count++;
    }
    weigh(state, record);
}

int state_loaded(struct state *state, struct record *record, const void *bytes, size_t size)
{
    assert(record->missing && !record->loaded);
    struct pane stored;
    if (bytes && record->key.kind == RECORD_PANE) {
        if (pane_decode(&stored, bytes, size) != 0)
            goto damaged;
        pane_release(&record->pane);
        record->pane = stored;
    } else if (bytes) {
        if (window_decode(&stored.window, bytes, size) != 0)
            goto damaged;
        if (stored.window.start_ms != record->pane.window.start_ms || stored.window.end_ms != record->pane.window.end_ms) {
            window_release(&stored.window);
            goto damaged;
        }
        window_merge(&stored.window, &record->pane.window);
        window_release(&record->pane.window);
        record->pane.window = stored.window;
    }
    record->loaded = true;
    record->missing = false;
    weigh(state, record);
    return 0;
damaged:
    state->metrics->bad_states_total++;
    return ERR_INVALID;
}

static void forget(struct state *state, struct record *record)
{
    if (record->newer)
        record->newer->older = record->older;
    else
        state->newest = record->older;
    if (record->older)
        record->older->newer = record->newer;
    else
        state->oldest = record->newer;
    HASH_DEL(state->records, record);
    *state->cache_bytes -= record->bytes;
    pane_release(&record->pane);
    free(record);
}

void state_evict(struct state *state)
{
    for (struct record *record = state->oldest, *newer; record; record = newer) {
        newer = record->newer;
        bool keep = record->key.kind != RECORD_PANE && *state->cache_bytes <= state->cache_limit;
        if (!keep && !record->dirty && !record->missing)
            forget(state, record);
    }
}

/* ---- folding ---- */

/* The window of the i-th size that holds the pane; NULL when that window is retired already. */
static struct record *window_of(struct state *state, const struct city_entry *entry, size_t size, int64_t at_ms)
{
    int64_t start = window_start(at_ms, state->rules->windows.sizes[size].size_ms);
    if (start < state->ledger.window_cursor_ms[size])
        return NULL;
    struct record_key key = {.city_id = entry->city.city_id, .series = entry->city.series, .start_ms = start, .kind = 1 + (int32_t)size};
    return state_record(state, &key);
}

static void fold(struct state *state, struct city_entry *entry, struct pane *pane)
{
    int64_t start = pane->window.start_ms;
    for (size_t i = 0; i < state->rules->windows.count; i++) {
        struct record *record = window_of(state, entry, i, start);
        if (!record)
            continue;
        window_merge(&record->pane.window, &pane->window);
        record->added += pane->window.rows;
        dirty(state, record);
        want(state, record);
    }
    /* A pane closes once, so Redis has none: nothing to load. The record takes over what the pane owns. */
    struct record_key key = {.city_id = entry->city.city_id, .series = entry->city.series, .start_ms = start, .kind = RECORD_PANE};
    struct record *closed = state_record(state, &key);
    assert(!closed->loaded && !closed->missing);
    pane_release(&closed->pane);
    closed->pane = *pane;
    pane_init(pane, closed->pane.window.start_ms, closed->pane.window.end_ms);
    closed->loaded = true;
    closed->added = closed->pane.window.rows;
    dirty(state, closed);
}

void state_close(struct state *state, struct city_entry *entry, int64_t through_ms)
{
    struct citystate *city = &entry->city;
    if (through_ms <= city->closed_through_ms)
        return;
    int32_t count = 0;
    while (count < city->open_count && city->open[count].window.end_ms <= through_ms)
        fold(state, entry, &city->open[count++]);
    citystate_drop_panes(city, count);
    city->closed_through_ms = through_ms;
}

void state_defer_late(struct state *state, struct city_entry *entry, const struct observation *row)
{
    if (state->late_count == state->late_capacity) {
        state->late_capacity = state->late_capacity ? state->late_capacity * 2 : 64;
        state->late = mem_grow(state->late, state->late_capacity, sizeof *state->late);
    }
    state->late[state->late_count++] = (struct late_row){.entry = entry, .row = *row, .clock_ms = state->ledger.clock_ms};
    struct record_key key = {.city_id = entry->city.city_id, .series = entry->city.series,
                             .start_ms = window_start(row->observed_at_ms, state->rules->windows.pane_ms), .kind = RECORD_PANE};
    want(state, state_record(state, &key));
    for (size_t i = 0; i < state->rules->windows.count; i++) {
        struct record *record = window_of(state, entry, i, row->observed_at_ms);
        if (record)
            want(state, record);
    }
}

static void add_late(struct state *state, const struct late_row *late)
{
    struct citystate *city = &late->entry->city;
    for (size_t i = 0; i < state->rules->windows.count; i++) {
        struct record *record = window_of(state, late->entry, i, late->row.observed_at_ms);
        if (!record)
            continue;
        struct window *window = &record->pane.window;
        window_add(window, &late->row);
        window->updated_at_ms = late->clock_ms > window->updated_at_ms ? late->clock_ms : window->updated_at_ms;
        window->revision += window->end_ms <= city->closed_through_ms;
        record->added++;
        dirty(state, record);
    }
}

void state_resolve(struct state *state)
{
    int64_t pane_ms = state->rules->windows.pane_ms;
    for (size_t i = 0; i < state->late_count; i++) {
        const struct late_row *late = &state->late[i];
        struct citystate *city = &late->entry->city;
        struct record_key key = {.city_id = city->city_id, .series = city->series,
                                 .start_ms = window_start(late->row.observed_at_ms, pane_ms), .kind = RECORD_PANE};
        struct record *record = state_record(state, &key);
        assert(record->loaded);
        if (pane_full(&record->pane)) {
            state->ledger.rows_bad++; /* without a letter: its record is not at hand any more */
            city->rows_bad++;
            state->metrics->rows_bad_total++;
        } else if (!pane_add(&record->pane, &late->row)) {
            state->ledger.rows_duplicate++;
            city->rows_duplicate++;
            state->metrics->rows_duplicate_total++;
        } else {
            record->pane.window.updated_at_ms = late->clock_ms;
            record->added++;
            dirty(state, record);
            state->ledger.rows_late++;
            city->rows_late++;
            state->metrics->rows_late_total++;
            add_late(state, late);
        }
    }
    state->late_count = 0;
}

/* ---- retirement ---- */

/* Start of the oldest open pane of all cities, or `most`. */
static int64_t oldest_open(const struct state *state, int64_t most)
{
    for (const struct city_entry *entry = state->cities; entry; entry = entry->hh.next) {
        if (entry->city.open_count && entry->city.open[0].window.start_ms < most)
            most = entry->city.open[0].window.start_ms;
    }
    return most;
}

/* Spans of this kind that start before it are over: no row can come for them any more. */
static int64_t horizon(const struct state *state, int32_t kind)
{
    int64_t retention = kind == RECORD_PANE ? state->rules->lateness_ms : state->rules->windows.sizes[kind - 1].retention_ms;
    return window_start(state->ledger.clock_ms - retention - 1, span_of(state, kind));
}

void state_start_cursors(struct state *state)
{
    const struct windowset *windows = &state->rules->windows;
    for (int32_t kind = 0; kind <= (int32_t)windows->count; kind++) {
        int64_t *cursor = kind == RECORD_PANE ? &state->ledger.pane_cursor_ms : &state->ledger.window_cursor_ms[kind - 1];
        int64_t first = horizon(state, kind);
        if (*cursor == 0)
            *cursor = first > 0 ? first : span_of(state, kind);
    }
}

/* Moves `cursor` towards the horizon, but not past what is still open; returns how many keys it used. */
static size_t retire_kind(struct state *state, int32_t kind, int64_t *cursor, size_t room, state_retire_fn *fn, void *arg)
{
    int64_t span = span_of(state, kind), stop = horizon(state, kind);
    if (*cursor == 0 || *cursor >= stop)
        return 0;
    stop = window_start(oldest_open(state, stop), span);
    size_t used = 0;
    for (; *cursor < stop && used < room; *cursor += span, used++)
        fn(arg, kind, *cursor);
    return used;
}

void state_retire(struct state *state, state_retire_fn *fn, void *arg)
{
    size_t used = retire_kind(state, RECORD_PANE, &state->ledger.pane_cursor_ms, RETIRE_KEYS, fn, arg);
    for (size_t i = 0; i < state->rules->windows.count; i++)
        used += retire_kind(state, 1 + (int32_t)i, &state->ledger.window_cursor_ms[i], RETIRE_KEYS - used, fn, arg);
}
