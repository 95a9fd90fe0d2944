/*
 * Folding of closed panes into windows, and late rows (state.h). All merging is exact, so it does not matter whether a
 * delta met its stored window before or after others.
 */
#include "state.h"

#include "mem.h"

#include <assert.h>
#include <string.h>

#define LATE_KEPT 64 /* rows for which room is kept */

/* ---- panes that close ---- */

/* The window of the i-th size that holds the time; NULL when that window is retired already. */
static struct record *window_of(struct state *state, const struct city_entry *entry, size_t size, int64_t at_ms)
{
    int64_t start = window_start(at_ms, state->rules->windows.sizes[size].size_ms);
    if (start < state->ledger.window_cursor_ms[size])
        return NULL;
    struct record_key key = {
        .city_id = entry->city.city_id, .series = entry->city.series, .start_ms = start, .kind = 1 + (int32_t)size};
    return state_record(state, &key);
}

static struct record *pane_of(struct state *state, const struct city_entry *entry, int64_t at_ms)
{
    struct record_key key = {.city_id = entry->city.city_id,
                             .series = entry->city.series,
                             .start_ms = window_start(at_ms, state->rules->windows.pane_ms),
                             .kind = RECORD_PANE};
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
        state_dirty_record(state, record);
        state_want(state, record);
    }
    /* A pane closes once, so Redis has none: nothing to load. The record takes over what the pane owns. */
    struct record *closed = pane_of(state, entry, start);
    assert(!closed->loaded && !closed->missing);
    pane_release(&closed->pane);
    closed->pane = *pane;
    pane_init(pane, closed->pane.window.start_ms, closed->pane.window.end_ms);
    closed->loaded = true;
    closed->added = closed->pane.window.rows;
    state_dirty_record(state, closed);
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

/* ---- late rows ---- */

void state_defer_late(struct state *state, const struct late_row *late)
{
    if (state->late_count == state->late_capacity) {
        state->late_capacity = state->late_capacity ? state->late_capacity * 2 : 64;
        state->late = mem_grow(state->late, state->late_capacity, sizeof *state->late);
    }
    state->late[state->late_count++] = *late;
    state_want(state, pane_of(state, late->entry, late->row.observed_at_ms));
    for (size_t i = 0; i < state->rules->windows.count; i++) {
        struct record *record = window_of(state, late->entry, i, late->row.observed_at_ms);
        if (record)
            state_want(state, record);
    }
}

/* A pane that is full lets nothing more in. The original record is gone: the letter has the row, encoded anew. */
static void refuse(struct state *state, const struct late_row *late)
{
    struct buf bytes = BUF_EMPTY;
    struct observation row = late->row;
    quality_intake(&row); /* without our verdict */
    state->ledger.rows_bad++;
    late->entry->city.rows_bad++;
    state->metrics->rows_bad_total++;
    if (batch_encode(&row, 1, state->partition, &bytes) != 0)
        buf_reset(&bytes);
    struct kafka_record record = {.topic = state->topic,
                                  .partition = state->partition,
                                  .offset = late->offset,
                                  .timestamp_ms = late->timestamp_ms,
                                  .value = bytes.data,
                                  .size = bytes.size};
    state->letter(state->letter_arg, "too_many_readings_in_one_pane", &record, late->index);
    buf_release(&bytes);
}

static void add_to_windows(struct state *state, const struct late_row *late, const struct observation *counted)
{
    for (size_t i = 0; i < state->rules->windows.count; i++) {
        struct record *record = window_of(state, late->entry, i, late->row.observed_at_ms);
        if (!record)
            continue;
        struct window *window = &record->pane.window;
        assert(record->loaded);
        window_add(window, counted);
        window->updated_at_ms = late->clock_ms > window->updated_at_ms ? late->clock_ms : window->updated_at_ms;
        window->revision += window->end_ms <= late->closed_through_ms;
        record->added++;
        state_dirty_record(state, record);
    }
}

static void accept(struct state *state, const struct late_row *late, struct record *pane)
{
    struct observation counted;
    state_accept(state, late->entry, &pane->pane, &late->row, &counted);
    pane->pane.window.updated_at_ms = late->clock_ms;
    pane->added++;
    state_dirty_record(state, pane);
    state->ledger.rows_late++;
    late->entry->city.rows_late++;
    state->metrics->rows_late_total++;
    add_to_windows(state, late, &counted);
}

void state_resolve(struct state *state)
{
    for (size_t i = 0; i < state->late_count; i++) {
        const struct late_row *late = &state->late[i];
        struct record *pane = pane_of(state, late->entry, late->row.observed_at_ms);
        assert(pane->loaded);
        switch (state_outcome(state, late->entry, &pane->pane, &late->row)) {
        case OUTCOME_ACCEPTED:
            accept(state, late, pane);
            break;
        case OUTCOME_FULL:
            refuse(state, late);
            break;
        default:
            break;
        }
    }
    state->late_count = 0;
    if (state->late_capacity > LATE_KEPT) { /* after a burst */
        state->late_capacity = LATE_KEPT;
        state->late = mem_grow(state->late, LATE_KEPT, sizeof *state->late);
    }
}
