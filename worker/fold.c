/*
 * Folding of closed panes into windows, and late rows (state.h). All merging is exact, so it does not matter whether a
 * delta met its stored window before or after others.
 */
#include "state.h"

#include "mem.h"

#include <assert.h>
#include <string.h>

#define LATE_KEPT 64 /* rows and closings for which room is kept */

/* ---- panes that close ---- */

struct record *state_window(struct state *state, const struct city_entry *entry, size_t size,
                            const struct window_span *span)
{
    if (span->key_ms < state->ledger.window_cursor_ms[size])
        return NULL;
    struct record_key key = {.city_id = entry->city.city_id,
                             .series = entry->city.series,
                             .start_ms = span->key_ms,
                             .kind = 1 + (int32_t)size};
    return state_record(state, &key, span->start_ms, span->end_ms);
}

struct record *state_pane(struct state *state, const struct city_entry *entry, int64_t at_ms)
{
    int64_t pane_ms = state->rules->windows.pane_ms, start = window_start(at_ms, pane_ms);
    struct record_key key = {
        .city_id = entry->city.city_id, .series = entry->city.series, .start_ms = start, .kind = RECORD_PANE};
    return state_record(state, &key, start, start + pane_ms);
}

struct closing *state_defer_closing(struct state *state, const struct city_entry *entry, struct record *record,
                                    int64_t through_ms)
{
    if (state->closing_count == state->closing_capacity) {
        state->closing_capacity = state->closing_capacity ? state->closing_capacity * 2 : LATE_KEPT;
        state->closing = mem_grow(state->closing, state->closing_capacity, sizeof *state->closing);
    }
    struct closing *closing = &state->closing[state->closing_count++];
    *closing = (struct closing){.record = record,
                                .after_ms = entry->city.closed_through_ms,
                                .through_ms = through_ms,
                                .clock_ms = state->ledger.clock_ms,
                                .late = state->late_count};
    state_want(state, record);
    return closing;
}

/* Adds a pane to a window, which is not final then: it was perhaps, until the city's zone changed. */
static void add_pane(struct state *state, struct record *record, const struct window *pane,
                     const struct window_span *span)
{
    window_widen(&record->pane.window, span->start_ms, span->end_ms);
    window_merge(&record->pane.window, pane);
    record->pane.window.final_at_ms = 0;
    record->added += pane->rows;
    state_dirty_record(state, record);
}

/* The record of a pane that closes. It closes once, so Redis has none: nothing to load. It takes over what `pane` owns.
 */
static struct record *close_pane(struct state *state, const struct city_entry *entry, struct pane *pane)
{
    struct record *closed = state_pane(state, entry, pane->window.start_ms);
    assert(!closed->loaded && !closed->missing);
    pane_release(&closed->pane);
    window_unpack_single(&pane->window);
    closed->pane = *pane;
    pane_init(pane, closed->pane.window.start_ms, closed->pane.window.end_ms);
    closed->loaded = true;
    closed->added = closed->pane.window.rows;
    state_dirty_record(state, closed);
    return closed;
}

/*
 * Folds a pane that closes. When the zone has changed since late rows were put off, it is put off as well: it may widen
 * a window that was final for them.
 */
static void fold(struct state *state, struct city_entry *entry, struct pane *pane, int64_t through_ms)
{
    struct record *closed = close_pane(state, entry, pane);
    for (size_t i = 0; i < state->rules->windows.count; i++) {
        struct window_span span =
            window_span_at(&state->rules->windows.sizes[i], entry->city.zone, closed->key.start_ms);
        struct record *record = state_window(state, entry, i, &span);
        bool waits = entry->moved == state->round;
        if (!record)
            continue;
        state_want(state, record);
        if (!waits)
            add_pane(state, record, &closed->pane.window, &span);
        if (waits || span.end_ms <= through_ms) {
            struct closing *closing = state_defer_closing(state, entry, record, through_ms);
            closing->pane = waits ? closed : NULL;
            closing->span = span;
        }
    }
}

/*
 * A window that has rows of panes closed before, and none of those that close now. Days of a zone that was left lie up
 * to two dates away.
 */
static void close_begun(struct state *state, struct city_entry *entry, size_t i, int64_t through_ms)
{
    const struct citystate *city = &entry->city;
    const struct window_size *size = &state->rules->windows.sizes[i];
    struct window_span begun = window_span_at(size, city->zone, city->closed_through_ms - 1);
    int64_t away = size->days && city->closed_through_ms < city->zoned_until_ms ? 2 : 0;
    if (away == 0 && (begun.end_ms <= city->closed_through_ms || begun.end_ms > through_ms))
        return;
    for (int64_t k = -away; k <= away; k++) {
        struct window_span span = window_span_of(size, city->zone, begun.key_ms + k * size->size_ms);
        struct record *record = state_window(state, entry, i, &span);
        if (record)
            state_defer_closing(state, entry, record, through_ms);
    }
}

/* False when no row of the city can be in a closed pane yet: then no window has begun. */
static bool has_closed(const struct state *state, const struct citystate *city)
{
    int64_t open = 0;
    for (int32_t i = 0; i < city->open_count; i++)
        open += city->open[i].window.rows;
    return city->closed_through_ms > 0 && (state->late_count > 0 || city->rows_in + city->rows_late > open);
}

void state_close(struct state *state, struct city_entry *entry, int64_t through_ms)
{
    struct citystate *city = &entry->city;
    if (through_ms <= city->closed_through_ms)
        return;
    state_stretch_close(state, entry, through_ms);
    int32_t count = 0;
    bool begun = has_closed(state, city);
    while (count < city->open_count && city->open[count].window.end_ms <= through_ms)
        fold(state, entry, &city->open[count++], through_ms);
    citystate_drop_panes(city, count);
    for (size_t i = 0; begun && i < state->rules->windows.count; i++)
        close_begun(state, entry, i, through_ms);
    city->closed_through_ms = through_ms;
    if (city->zoned_until_ms <= through_ms)
        city->zoned_until_ms = 0;
}

void state_revise(struct window *window, int64_t closed_through_ms, int64_t clock_ms)
{
    if (window->end_ms > closed_through_ms) {
        window->final_at_ms = 0; /* it was, until its zone changed */
        return;
    }
    window->revision++;
    window->revised_at_ms = clock_ms;
}

static void finish(struct state *state, const struct closing *closing)
{
    struct window *window = &closing->record->pane.window;
    assert(closing->record->loaded);
    if (closing->pane)
        add_pane(state, closing->record, &closing->pane->pane.window, &closing->span);
    if (parts_any(&closing->parts))
        state_add_parts(state, closing->record, &closing->span, &closing->parts, closing->updated_at_ms);
    if (closing->revises) {
        state_revise(window, closing->through_ms, closing->clock_ms);
        state_dirty_record(state, closing->record);
        return;
    }
    if (window_empty(window) || window->end_ms <= closing->after_ms || window->end_ms > closing->through_ms)
        return;
    window->final_at_ms = closing->clock_ms;
    state_dirty_record(state, closing->record);
}

/* ---- late rows ---- */

/* The window of the i-th size that the row belongs to, by the zone of its moment. */
static struct window_span span_of(const struct state *state, const struct late_row *late, size_t i)
{
    return window_span_at(&state->rules->windows.sizes[i], late->zone, late->row.observed_at_ms);
}

void state_defer_late(struct state *state, const struct late_row *late)
{
    if (state->late_count == state->late_capacity) {
        state->late_capacity = state->late_capacity ? state->late_capacity * 2 : 64;
        state->late = mem_grow(state->late, state->late_capacity, sizeof *state->late);
    }
    state->late[state->late_count++] = *late;
    state_stretch_wait(state, &state->late[state->late_count - 1]);
    for (size_t i = 0; i < state->rules->windows.count; i++) {
        struct window_span span = span_of(state, late, i);
        struct record *record = state_window(state, late->entry, i, &span);
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
        struct window_span span = span_of(state, late, i);
        struct record *record = state_window(state, late->entry, i, &span);
        if (!record)
            continue;
        struct window *window = &record->pane.window;
        assert(record->loaded);
        window_widen(window, span.start_ms, span.end_ms);
        window_add(window, counted);
        window->updated_at_ms = late->clock_ms > window->updated_at_ms ? late->clock_ms : window->updated_at_ms;
        state_revise(window, late->closed_through_ms, late->clock_ms);
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

/* `changed`: the changes that came before it. */
static void decide(struct state *state, const struct late_row *late, size_t changed)
{
    struct record *pane = state_pane(state, late->entry, late->row.observed_at_ms);
    assert(pane->loaded);
    switch (state_outcome(state, late->entry, &pane->pane, &late->row)) {
    case OUTCOME_ACCEPTED:
        accept(state, late, pane);
        state_stretch_late(state, late, changed);
        break;
    case OUTCOME_FULL:
        refuse(state, late);
        break;
    default:
        break;
    }
}

void state_defer_revision(struct state *state, struct record *record, const struct change *change)
{
    if (state->revision_count == state->revision_capacity) {
        state->revision_capacity = state->revision_capacity ? state->revision_capacity * 2 : LATE_KEPT;
        state->revisions = mem_grow(state->revisions, state->revision_capacity, sizeof *state->revisions);
    }
    state->revisions[state->revision_count++] = (struct revision){record, change->clock_ms, change->closed_through_ms};
}

static void revise_all(struct state *state)
{
    for (size_t i = 0; i < state->revision_count; i++) {
        const struct revision *revision = &state->revisions[i];
        struct window *window = &revision->record->pane.window;
        assert(revision->record->loaded && revision->record->dirty);
        int64_t revised_at_ms = window->revised_at_ms;
        if (window->end_ms > revision->closed_through_ms)
            continue;
        state_revise(window, revision->closed_through_ms, revision->clock_ms);
        if (revised_at_ms > window->revised_at_ms) /* others that came later were decided before */
            window->revised_at_ms = revised_at_ms;
    }
    state->revision_count = 0;
}

/* Gives room back after a burst. */
static void shrink(struct state *state)
{
    if (state->late_capacity > LATE_KEPT) {
        state->late_capacity = LATE_KEPT;
        state->late = mem_grow(state->late, LATE_KEPT, sizeof *state->late);
    }
    if (state->closing_capacity > LATE_KEPT) {
        state->closing_capacity = LATE_KEPT;
        state->closing = mem_grow(state->closing, LATE_KEPT, sizeof *state->closing);
    }
    if (state->revision_capacity > LATE_KEPT && state->revision_count == 0) {
        state->revision_capacity = LATE_KEPT;
        state->revisions = mem_grow(state->revisions, LATE_KEPT, sizeof *state->revisions);
    }
}

void state_resolve(struct state *state)
{
    size_t closed = 0, changed = 0;
    for (size_t i = 0; i <= state->late_count; i++) {
        while (changed < state->change_count && state->changes[changed].late <= i) {
            while (closed < state->changes[changed].closing)
                finish(state, &state->closing[closed++]);
            state_stretch_resolve(state, changed++);
        }
        while (closed < state->closing_count && state->closing[closed].late <= i)
            finish(state, &state->closing[closed++]);
        if (i < state->late_count)
            decide(state, &state->late[i], changed);
    }
    state_stretch_resolved(state);
    if (state->missing_count == 0)
        revise_all(state);
    state->late_count = state->closing_count = 0;
    state->round++;
    shrink(state);
}
