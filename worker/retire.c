/*
 * Retirement (state.h): panes and windows whose retention is over are unlinked by commits, in order of time, with a
 * cursor per kind in the ledger. Keys that do not exist cost nothing, so no list of keys is kept.
 */
#include "state.h"

#include "civil.h"

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

/* What starts before it has ended at `at_ms`, wherever its city is. */
static int64_t key_floor(const struct state *state, int32_t kind, int64_t at_ms)
{
    return kind == RECORD_PANE ? window_start(at_ms, state_span(state, kind))
                               : window_key_floor(&state->rules->windows.sizes[kind - 1], at_ms);
}

/* Spans of this kind that start before it are over: no row can come for them any more. */
static int64_t horizon(const struct state *state, int32_t kind)
{
    int64_t retention =
        kind == RECORD_PANE ? state->rules->lateness_ms : state->rules->windows.sizes[kind - 1].retention_ms;
    return key_floor(state, kind, state->ledger.clock_ms - retention - 1);
}

static int64_t *cursor_of(struct state *state, int32_t kind)
{
    return kind == RECORD_PANE ? &state->ledger.pane_cursor_ms : &state->ledger.window_cursor_ms[kind - 1];
}

/*
 * Where windows of a kind begin. Days that are new to a partition which has closed panes already (before there were
 * civil days, its windows were UTC's) begin with the next one that begins after the clock in every zone: what those
 * panes had of the days so far is not known any more.
 */
static int64_t first_key(const struct state *state, int32_t kind, bool had_panes)
{
    int64_t span = state_span(state, kind), first = horizon(state, kind);
    if (kind != RECORD_PANE && had_panes && state->rules->windows.sizes[kind - 1].days)
        return window_start(state->ledger.clock_ms + CIVIL_SLACK_MS, span) + span;
    return first > 0 ? first : span;
}

void state_start_cursors(struct state *state)
{
    bool had_panes = state->ledger.pane_cursor_ms > 0;
    for (int32_t kind = RECORD_PANE; kind <= (int32_t)state->rules->windows.count; kind++) {
        int64_t *cursor = cursor_of(state, kind);
        if (*cursor == 0)
            *cursor = first_key(state, kind, had_panes);
    }
    state->cursors_started = true;
}

static void retire_kind(struct state *state, int32_t kind)
{
    int64_t *cursor = cursor_of(state, kind), span = state_span(state, kind), stop = horizon(state, kind);
    if (*cursor == 0 || *cursor >= stop)
        return;
    int64_t open = key_floor(state, kind, oldest_open(state, INT64_MAX / 2));
    stop = oldest_dirty(state, kind, open < stop ? open : stop);
    for (; *cursor < stop && state->retiring_count < RETIRE_KEYS; *cursor += span)
        state->retiring[state->retiring_count++] = (struct retired){kind, *cursor};
}

void state_retire(struct state *state)
{
    for (int32_t kind = RECORD_PANE; kind <= (int32_t)state->rules->windows.count; kind++)
        retire_kind(state, kind);
}
