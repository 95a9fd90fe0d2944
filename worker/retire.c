/*
 * Retirement (state.h): panes and windows whose retention is over are unlinked by commits, in order of time, with a
 * cursor per kind in the ledger. Keys that do not exist cost nothing, so no list of keys is kept.
 */
#include "state.h"

/* Start of the oldest open pane of all cities, or `most`. */
static int64_t oldest_open(const struct state *state, int64_t most)
{
    for (const struct city_entry *entry = state->cities; entry; entry = entry->hh.next) {
        if (entry->city.open_count && entry->city.open[0].window.start_ms < most)
            most = entry->city.open[0].window.start_ms;
    }
    return most;
}

/* Start of the oldest record of this kind that is about to be written, or `most`: one commit cannot write and unlink a
 * key. */
static int64_t oldest_dirty(const struct state *state, int32_t kind, int64_t most)
{
    for (const struct record *record = state->dirty_records; record; record = record->next_dirty) {
        if (record->key.kind == kind && record->key.start_ms < most)
            most = record->key.start_ms;
    }
    return most;
}

/* Spans of this kind that start before it are over: no row can come for them any more. */
static int64_t horizon(const struct state *state, int32_t kind)
{
    int64_t retention =
        kind == RECORD_PANE ? state->rules->lateness_ms : state->rules->windows.sizes[kind - 1].retention_ms;
    return window_start(state->ledger.clock_ms - retention - 1, state_span(state, kind));
}

static int64_t *cursor_of(struct state *state, int32_t kind)
{
    return kind == RECORD_PANE ? &state->ledger.pane_cursor_ms : &state->ledger.window_cursor_ms[kind - 1];
}

void state_start_cursors(struct state *state)
{
    for (int32_t kind = RECORD_PANE; kind <= (int32_t)state->rules->windows.count; kind++) {
        int64_t *cursor = cursor_of(state, kind), first = horizon(state, kind);
        if (*cursor == 0)
            *cursor = first > 0 ? first : state_span(state, kind);
    }
    state->cursors_started = true;
}

static void retire_kind(struct state *state, int32_t kind)
{
    int64_t *cursor = cursor_of(state, kind), span = state_span(state, kind), stop = horizon(state, kind);
    if (*cursor == 0 || *cursor >= stop)
        return;
    stop = oldest_dirty(state, kind, window_start(oldest_open(state, stop), span));
    for (; *cursor < stop && state->retiring_count < RETIRE_KEYS; *cursor += span)
        state->retiring[state->retiring_count++] = (struct retired){kind, *cursor};
}

void state_retire(struct state *state)
{
    for (int32_t kind = RECORD_PANE; kind <= (int32_t)state->rules->windows.count; kind++)
        retire_kind(state, kind);
}
