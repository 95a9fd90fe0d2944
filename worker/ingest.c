/*
 * Applies records to a partition's state (state.h), in the order of docs/semantics.md. Every row ends in exactly one
 * counter of the ledger: in, late, duplicate, correction, bad, checked, tick, control or retired (late, duplicate and
 * correction of late rows when they are resolved).
 */
#include "state.h"

#include "mem.h"
#include "shard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_MAX 1000

static void bad(struct state *state, const char *reason, const struct kafka_record *record, int64_t row)
{
    state->ledger.rows_bad++;
    state->metrics->rows_bad_total++;
    state->letter(state->letter_arg, reason, record, row);
}

static void judge(const struct state *state, const struct citystate *city, struct observation *row)
{
    row->quality = quality_judge(&state->rules->quality, &city->history, city->has_latest ? &city->latest : NULL, row);
}

/* A reading of the air alone does not hide one of the weather, and is hidden by any. */
static bool is_latest(const struct citystate *city, const struct observation *row)
{
    if (!city->has_latest)
        return true;
    bool air = observation_of_air(city->latest.present);
    return air != row->of_air ? air : row->observed_at_ms > city->latest.observed_at_ms;
}

/* A repeated reading changes nothing here: it is not newer than itself. */
static void keep_latest(struct city_entry *entry, const struct observation *row, int64_t produced_at_ms)
{
    struct citystate *city = &entry->city;
    if (is_latest(city, row)) {
        city->has_latest = true;
        latest_set(&city->latest, row, produced_at_ms);
        entry->fresh = true;
    }
    if (row->observed_at_ms > city->watermark_ms)
        city->watermark_ms = row->observed_at_ms;
}

/* A row of a closed pane. Its verdict is that of its moment, and so is what it says of the watermark: a tick closed the
 * pane, and what is processed next depends on it. The rest is for when the pane is loaded. */
static void observe_late(struct state *state, struct city_entry *entry, struct observation *row,
                         const struct kafka_record *record, int64_t index)
{
    judge(state, &entry->city, row);
    if (row->observed_at_ms > entry->city.watermark_ms) {
        struct observation good = *row;
        quality_clear_failed(&state->rules->quality, &good);
        alert_row(state, entry, &good);
    }
    keep_latest(entry, row, record->timestamp_ms);
    state_defer_late(state, &(struct late_row){.entry = entry,
                                               .row = *row,
                                               .zone = entry->city.zone,
                                               .clock_ms = state->ledger.clock_ms,
                                               .closed_through_ms = entry->city.closed_through_ms,
                                               .offset = record->offset,
                                               .timestamp_ms = record->timestamp_ms,
                                               .index = index});
}

static void observe_in_time(struct state *state, struct city_entry *entry, struct observation *row,
                            const struct kafka_record *record, int64_t index)
{
    struct citystate *city = &entry->city;
    struct observation counted;
    int64_t pane_ms = state->rules->windows.pane_ms;
    struct pane *pane = citystate_pane(city, window_start(row->observed_at_ms, pane_ms), pane_ms);
    switch (state_outcome(state, entry, pane, row)) {
    case OUTCOME_FULL:
        city->rows_bad++;
        bad(state, "too_many_readings_in_one_pane", record, index);
        break;
    case OUTCOME_ACCEPTED:
        judge(state, city, row);
        state_accept(state, entry, pane, row, &counted);
        pane->window.updated_at_ms = state->ledger.clock_ms;
        state->ledger.rows_in++;
        city->rows_in++;
        state->metrics->rows_in_total++;
        alert_row(state, entry, &counted);
        keep_latest(entry, row, record->timestamp_ms);
        quality_history_update(&city->history, &state->rules->quality.stillness, &counted);
        state_stretch_row(state, entry, row);
        state_close(state, entry, window_start(city->watermark_ms - state->rules->allowed_delay_ms, pane_ms));
        break;
    default:
        break;
    }
}

static void observe(struct state *state, struct observation *row, const struct kafka_record *record, int64_t index)
{
    struct ledger *ledger = &state->ledger;
    int64_t pane_ms = state->rules->windows.pane_ms, start = window_start(row->observed_at_ms, pane_ms);
    if (row->observed_at_ms > ledger->clock_ms + STATE_FUTURE_MS) {
        bad(state, "observed_in_the_future", record, index);
        return;
    }
    struct city_entry *entry = state_city(state, row->city_id, row->series);
    struct citystate *city = &entry->city;
    city->heard_at_ms = ledger->clock_ms;
    state_touch(state, entry);
    if (ledger->clock_ms - (start + pane_ms) > state->rules->lateness_ms || start < ledger->pane_floor_ms) {
        ledger->rows_retired++;
        city->rows_retired++;
        state->metrics->rows_retired_total++;
        state->letter(state->letter_arg, "older_than_the_lateness_horizon", record, index);
        return;
    }
    if (start + pane_ms <= city->closed_through_ms)
        observe_late(state, entry, row, record, index);
    else
        observe_in_time(state, entry, row, record, index);
}

static bool ours(const struct state *state, int64_t city_id)
{
    return batch_shard(state->batch) == state->partition &&
           shard_of_city(city_id, state->rules->partitions) == state->partition;
}

/* What cannot be (a negative interval, a country of other than two letters) says nothing. */
static void apply_control(struct state *state, const struct observation *row, const struct kafka_record *record,
                          int64_t index)
{
    struct control control;
    bool says = batch_control(state->batch, (size_t)index, &control) && row->city_id > 0;
    struct city_facts facts = {.interval_s = control.interval_s,
                               .country = strlen(control.country) == 2 ? control.country : "",
                               .zone = *control.zone ? zone_get(control.zone) : NULL};
    if (says && !ours(state, row->city_id)) {
        bad(state, "foreign_partition", record, index);
    } else if (says && *control.zone && !facts.zone) {
        bad(state, "unknown_zone", record, index);
    } else {
        state->ledger.rows_control++;
        if (says)
            state_set_facts(state, row->city_id, &facts);
    }
}

static void apply_row(struct state *state, struct observation *row, const struct kafka_record *record, int64_t index)
{
    struct ledger *ledger = &state->ledger;
    ledger->rows++;
    state->metrics->rows_total++;
    if (row->kind == ISOBAR__V1__ROW_KIND__TICK) {
        ledger->rows_tick++;
        ledger->tick_clock_ms = ledger->clock_ms;
        ledger->tick_after[0] = '\0';
        return;
    }
    if (row->kind == ISOBAR__V1__ROW_KIND__CONTROL) {
        apply_control(state, row, record, index);
        return;
    }
    if (row->city_id <= 0 || row->series < 0 || row->series > SERIES_MAX) {
        bad(state, "bad_city_or_series", record, index);
    } else if (!ours(state, row->city_id)) {
        bad(state, "foreign_partition", record, index);
    } else if (row->kind == ISOBAR__V1__ROW_KIND__CHECKED) {
        struct city_entry *entry = state_city(state, row->city_id, row->series);
        ledger->rows_checked++;
        entry->city.heard_at_ms = ledger->clock_ms;
        entry->city.checked_at_ms = row->fetched_at_ms;
        state_touch(state, entry);
    } else {
        observe(state, row, record, index);
    }
}

/* False when the record puts rules in force that are not at hand yet. Those of another partition say nothing. */
static bool admits(struct state *state)
{
    int64_t version = batch_shard(state->batch) == state->partition ? batch_version(state->batch) : 0;
    bool other = version > state->ledger.config_version;
    state->wanted_version = other ? version : 0;
    return !other || (state->offered && state->offered->version == version);
}

bool state_apply(struct state *state, const struct kafka_record *record)
{
    struct ledger *ledger = &state->ledger;
    const char *reason = NULL;
    assert(record->offset >= ledger->offset && !state_ticking(state));
    bool good = batch_decode(state->batch, record->value, record->size, &reason) == 0;
    if (good && !admits(state))
        return false;
    ledger->gaps += record->offset - ledger->offset;
    ledger->offset = record->offset + 1;
    ledger->record_offset = record->offset;
    ledger->applied++;
    state->changed = true;
    state->metrics->records_total++;
    if (record->timestamp_ms > ledger->clock_ms)
        ledger->clock_ms = record->timestamp_ms;
    if (!state->cursors_started && ledger->clock_ms > 0)
        state_start_cursors(state);
    if (!good) {
        ledger->rows++;
        state->metrics->rows_total++;
        bad(state, reason, record, -1);
        return true;
    }
    if (state->wanted_version != 0)
        state_switch(state);
    struct observation row;
    size_t rows = batch_rows(state->batch);
    for (size_t i = 0; i < rows; i++) {
        batch_row(state->batch, i, &row);
        quality_intake(&row);
        apply_row(state, &row, record, (int64_t)i);
    }
    if (state_ticking(state))
        state_tick_step(state);
    return true;
}

void state_note_hash(struct state *state, const struct kafka_record *record)
{
    state->ledger.record_hash = kafka_record_hash(record);
}

/* ---- ticks ---- */

bool state_ticking(const struct state *state)
{
    return state->ledger.tick_clock_ms != 0;
}

static int by_field(const void *a, const void *b)
{
    const struct city_entry *const *x = a, *const *y = b;
    return strcmp((*x)->field, (*y)->field);
}

/*
 * True when closing through `through_ms` makes a window final that holds the newest reading. Its panes may have closed
 * long before, and of a silent city nothing else would tell that it is complete.
 */
static bool completes(const struct state *state, const struct citystate *city, int64_t through_ms)
{
    for (size_t i = 0; city->watermark_ms > 0 && i < state->rules->windows.count; i++) {
        int64_t end = window_span_at(&state->rules->windows.sizes[i], city->zone, city->watermark_ms).end_ms;
        if (end > city->closed_through_ms && end <= through_ms)
            return true;
    }
    return city->zoned_until_ms > city->closed_through_ms && city->zoned_until_ms <= through_ms;
}

/* A city that the tick closes: it was silent for the idle time, and a pane or window of it ends by `through_ms`. */
static bool tick_closes(const struct state *state, const struct city_entry *entry, int64_t through_ms)
{
    const struct citystate *city = &entry->city;
    if (state->ledger.tick_clock_ms - city->heard_at_ms < state->rules->idle_ms)
        return false;
    return (city->open_count > 0 && city->open[0].window.end_ms <= through_ms) || completes(state, city, through_ms);
}

void state_tick_step(struct state *state)
{
    struct ledger *ledger = &state->ledger;
    int64_t through =
        window_start(ledger->tick_clock_ms - state->rules->allowed_delay_ms, state->rules->windows.pane_ms);
    size_t count = 0, room = HASH_COUNT(state->cities);
    struct city_entry **closing = mem_calloc(room, sizeof(struct city_entry *));
    for (struct city_entry *entry = state->cities; entry; entry = entry->hh.next) {
        if (strcmp(entry->field, ledger->tick_after) > 0 &&
            (tick_closes(state, entry, through) || alert_due(state, entry)))
            closing[count++] = entry;
    }
    if (count)
        qsort(closing, count, sizeof(struct city_entry *), by_field);
    size_t now = count < TICK_CITIES ? count : TICK_CITIES;
    for (size_t i = 0; i < now; i++) {
        state_touch(state, closing[i]);
        if (tick_closes(state, closing[i], through))
            state_close(state, closing[i], through);
        alert_tick(state, closing[i]);
    }
    if (now < count) {
        memcpy(ledger->tick_after, closing[now - 1]->field, sizeof closing[now - 1]->field);
    } else {
        ledger->tick_after[0] = '\0';
        ledger->tick_clock_ms = 0;
    }
    state->changed = true;
    free(closing);
}
