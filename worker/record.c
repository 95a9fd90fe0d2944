/*
 * Closed panes and windows in memory (state.h): the table, the lists by use, what is missing, and the cache. Panes and
 * windows have a list each: panes are forgotten as soon as they are stored, since few see a late row, windows while
 * there is no room.
 */
#include "state.h"

#include "error.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>

static struct record_list *list_of(struct state *state, const struct record *record)
{
    return record->key.kind == RECORD_PANE ? &state->panes : &state->windows;
}

static void list_remove(struct record_list *list, struct record *record)
{
    if (record->newer)
        record->newer->older = record->older;
    else if (list->newest == record)
        list->newest = record->older;
    if (record->older)
        record->older->newer = record->newer;
    else if (list->oldest == record)
        list->oldest = record->newer;
    record->newer = record->older = NULL;
}

static void use(struct state *state, struct record *record)
{
    struct record_list *list = list_of(state, record);
    if (list->newest == record)
        return;
    list_remove(list, record);
    record->older = list->newest;
    if (list->newest)
        list->newest->newer = record;
    list->newest = record;
    if (!list->oldest)
        list->oldest = record;
}

static void weigh(struct state *state, struct record *record)
{
    const struct pane *pane = &record->pane;
    size_t bytes = sizeof *record + (size_t)pane->seen_capacity * sizeof *pane->seen + window_bytes(&pane->window);
    state->cache->bytes += bytes - record->bytes;
    record->bytes = bytes;
    state_pin(state, record);
}

void state_pin(struct state *state, struct record *record)
{
    size_t pinned = record->dirty || record->sent || record->missing ? record->bytes : 0;
    state->cache->pinned += pinned - record->pinned;
    record->pinned = pinned;
}

int64_t state_span(const struct state *state, int32_t kind)
{
    return kind == RECORD_PANE ? state->rules->windows.pane_ms : state->rules->windows.sizes[kind - 1].size_ms;
}

struct record *state_known(const struct state *state, const struct record_key *key)
{
    struct record *record;
    HASH_FIND(hh, state->records, key, sizeof *key, record);
    return record;
}

struct record *state_record(struct state *state, const struct record_key *key, int64_t start_ms, int64_t end_ms)
{
    struct record *record = state_known(state, key);
    if (!record) {
        record = mem_alloc(sizeof *record);
        record->key = *key;
        if (key->kind == RECORD_PANE)
            pane_init(&record->pane, start_ms, end_ms);
        else
            window_init(&record->pane.window, start_ms, end_ms);
        HASH_ADD(hh, state->records, key, sizeof record->key, record);
        weigh(state, record);
    }
    if (key->kind != RECORD_PANE) /* each time: one that stayed in memory must be as one that was loaded */
        window_keep_sketches(&record->pane.window, state->rules->windows.sizes[key->kind - 1].sketched);
    use(state, record);
    return record;
}

void state_want(struct state *state, struct record *record)
{
    if (record->loaded || record->missing)
        return;
    if (state->missing_count == state->missing_capacity) {
        state->missing_capacity = state->missing_capacity ? state->missing_capacity * 2 : 64;
        state->missing = mem_grow(state->missing, state->missing_capacity, sizeof(struct record *));
    }
    record->missing = true;
    state->missing[state->missing_count++] = record;
    state_pin(state, record);
}

void state_dirty_record(struct state *state, struct record *record)
{
    if (!record->dirty) {
        record->dirty = true;
        record->next_dirty = state->dirty_records;
        state->dirty_records = record;
        state->dirty_record_count++;
    }
    state->changed = true;
    weigh(state, record);
}

static bool same_span(const struct window *a, const struct window *b)
{
    return a->start_ms == b->start_ms && a->end_ms == b->end_ms;
}

static int take_pane(struct record *record, const void *bytes, size_t size)
{
    struct pane stored;
    if (pane_decode(&stored, bytes, size) != 0)
        return ERR_INVALID;
    if (!same_span(&stored.window, &record->pane.window)) {
        pane_release(&stored);
        return ERR_INVALID;
    }
    pane_release(&record->pane);
    record->pane = stored;
    return 0;
}

static int take_window(const struct state *state, struct record *record, const void *bytes, size_t size)
{
    const struct window *delta = &record->pane.window;
    struct window stored;
    if (window_decode(&stored, bytes, size) != 0)
        return ERR_INVALID;
    const struct window_size *length = &state->rules->windows.sizes[record->key.kind - 1];
    if (!window_span_fits(length, record->key.start_ms, stored.start_ms, stored.end_ms)) {
        window_release(&stored);
        return ERR_INVALID;
    }
    window_keep_sketches(&stored, length->sketched);
    if (!window_empty(delta) || delta->updated_at_ms > 0) { /* changes of parts may have cancelled out */
        window_widen(&stored, delta->start_ms, delta->end_ms);
        window_merge(&stored, delta);
    }
    if (delta->rows > 0)
        stored.final_at_ms = 0; /* its panes were open a moment ago */
    window_release(&record->pane.window);
    record->pane.window = stored;
    return 0;
}

int state_loaded(struct state *state, struct record *record, const void *bytes, size_t size)
{
    assert(record->missing && !record->loaded);
    int status = 0;
    if (bytes)
        status =
            record->key.kind == RECORD_PANE ? take_pane(record, bytes, size) : take_window(state, record, bytes, size);
    if (status != 0) {
        state->metrics->bad_states_total++;
        return status;
    }
    record->loaded = true;
    record->missing = false;
    weigh(state, record);
    return 0;
}

/* ---- the cache ---- */

/* Forgets what is stored and not needed, the least used first, while there are more than `limit` bytes in the cache. */
static void evict(struct state *state, struct record_list *list, size_t limit)
{
    for (struct record *record = list->oldest, *newer; record && state->cache->bytes > limit; record = newer) {
        newer = record->newer;
        if (record->dirty || record->sent || record->missing)
            continue;
        list_remove(list, record);
        HASH_DEL(state->records, record); // NOLINT(clang-analyzer-core.NullDereference): it is in the table
        state->cache->bytes -= record->bytes;
        pane_release(&record->pane);
        free(record);
    }
}

void state_forget(struct state *state)
{
    evict(state, &state->panes, 0);
    evict(state, &state->windows, 0);
    assert(!state->records);
}

void state_evict(struct state *state)
{
    if (state->late_count > 0 || state->closing_count > 0)
        return;
    evict(state, &state->panes, 0);
    evict(state, &state->windows, state->cache->limit);
}
