/*
 * See judge.h. Each row is applied as a record of its own (slice.h), so that the difference of the counters before and
 * after is about this row alone. There is no store: what the state would load was never there.
 */
#include "judge.h"

#include "../worker/state.h"
#include "error.h"
#include "mem.h"
#include "quality.h"
#include "slice.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct judge {
    struct judge_config config;
    struct rules rules; /* in force: without alerts, which change no row */
    struct state state;
    int64_t first_version, first_version_offset;
    bool knows_rules;
    struct worker_metrics metrics;
    struct cache cache;
    struct batch *batch;  /* the state's, which holds a row */
    struct batch *record; /* the record whose rows are applied */
    struct buf row;
    struct judged judged; /* the one at hand */
    int64_t undecodable;
};

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[VERDICTS] = {"in", "late", "duplicate", "correction", "retired", "bad", "checked"};
    return names[verdict];
}

static void on_letter(void *arg, const char *reason, const struct kafka_record *record, int64_t row)
{
    struct judge *judge = arg;
    (void)record, (void)row;
    snprintf(judge->judged.reason, sizeof judge->judged.reason, "%s", reason);
}

struct judge *judge_new(const struct judge_config *config)
{
    struct judge *judge = mem_alloc(sizeof *judge);
    judge->config = *config;
    judge->batch = batch_new();
    judge->record = batch_new();
    judge->cache.limit = SIZE_MAX;
    buf_init(&judge->row);
    judge->knows_rules = true;
    judge->rules = *config->rules;
    judge->rules.alerts = (struct alert_rules){0};
    struct state_config state = {.rules = &judge->rules,
                                 .metrics = &judge->metrics,
                                 .partition = config->partition,
                                 .topic = config->topic,
                                 .batch = judge->batch,
                                 .cache = &judge->cache,
                                 .letter = on_letter,
                                 .letter_arg = judge};
    state_init(&judge->state, &state);
    judge->state.ledger.record_offset = -1;
    judge->state.ledger.config_version = config->rules->version;
    state_city(&judge->state, config->city_id, config->series)->city.zone = config->zone;
    return judge;
}

void judge_free(struct judge *judge)
{
    if (!judge)
        return;
    state_release(&judge->state);
    batch_free(judge->batch);
    batch_free(judge->record);
    buf_release(&judge->row);
    free(judge);
}

int64_t judge_clock_ms(const struct judge *judge)
{
    return judge->state.ledger.clock_ms;
}

int64_t judge_undecodable(const struct judge *judge)
{
    return judge->undecodable;
}

int64_t judge_first_version(const struct judge *judge, int64_t *offset)
{
    *offset = judge->first_version_offset;
    return judge->first_version;
}

bool judge_knows_rules(const struct judge *judge)
{
    return judge->knows_rules;
}

/* ---- rules ---- */

static bool same_windows(const struct windowset *a, const struct windowset *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->sizes[i].size_ms == b->sizes[i].size_ms;
    return same;
}

/*
 * The record puts a version in force. The worker forgets what is in memory then, since it is stored; here nothing is,
 * so the rules change in place, and the windows stay those it began with.
 */
static void change_rules(struct judge *judge, const struct kafka_record *record, int64_t version)
{
    struct state *state = &judge->state;
    if (judge->first_version == 0) {
        judge->first_version = version;
        judge->first_version_offset = record->offset;
    }
    if (version <= state->ledger.config_version)
        return;
    const struct rules *rules = judge->config.rules_of(judge->config.rules_arg, version);
    state->ledger.config_version = version;
    judge->knows_rules &= rules && same_windows(&rules->windows, &judge->rules.windows);
    if (!rules)
        return;
    state_raise_floor(state);
    struct windowset windows = judge->rules.windows;
    judge->rules = *rules;
    judge->rules.windows = windows;
    judge->rules.alerts = (struct alert_rules){0};
}

/* ---- a row ---- */

/* Decides what waits: there is nothing to load. */
static void settle(struct state *state)
{
    do {
        for (size_t i = 0; i < state->missing_count; i++) {
            if (state_loaded(state, state->missing[i], NULL, 0) != 0)
                abort(); /* nothing can be damaged */
        }
        state->missing_count = 0;
        state_resolve(state);
    } while (state->missing_count > 0);
}

/* Applies the row in judge->row, at the record's place. */
static void apply(struct judge *judge, const struct kafka_record *record)
{
    struct state *state = &judge->state;
    struct kafka_record alone = *record;
    alone.value = judge->row.data;
    alone.size = judge->row.size;
    state->ledger.offset = record->offset;
    if (!state_apply(state, &alone))
        abort(); /* it puts no rules in force */
    while (state_ticking(state))
        state_tick_step(state);
    settle(state);
}

/* What the counters say of the row that was applied between two looks at them. */
static enum verdict verdict_of(const struct ledger *before, const struct ledger *after)
{
    if (after->rows_in > before->rows_in)
        return VERDICT_IN;
    if (after->rows_late > before->rows_late)
        return VERDICT_LATE;
    if (after->rows_duplicate > before->rows_duplicate)
        return VERDICT_DUPLICATE;
    if (after->rows_correction > before->rows_correction)
        return VERDICT_CORRECTION;
    if (after->rows_retired > before->rows_retired)
        return VERDICT_RETIRED;
    return after->rows_checked > before->rows_checked ? VERDICT_CHECKED : VERDICT_BAD;
}

/* Rows that had each flag so far, by bit. */
static void tally_of(struct judge *judge, int64_t rows[QUALITY_FLAGS])
{
    const struct quality_tally *tally =
        &state_city(&judge->state, judge->config.city_id, judge->config.series)->city.flagged;
    memset(rows, 0, QUALITY_FLAGS * sizeof *rows);
    for (int32_t i = 0; i < tally->count; i++)
        rows[tally->counts[i].bit] = tally->counts[i].rows;
}

static void judge_row(struct judge *judge, const struct kafka_record *record, size_t index)
{
    struct ledger before = judge->state.ledger;
    int64_t flagged[QUALITY_FLAGS], flags[QUALITY_FLAGS];
    tally_of(judge, flagged);
    judge->judged =
        (struct judged){.offset = record->offset, .row = (int64_t)index, .produced_at_ms = record->timestamp_ms};
    batch_row(judge->record, index, &judge->judged.observation);
    apply(judge, record);
    judge->judged.clock_ms = judge->state.ledger.clock_ms;
    judge->judged.verdict = verdict_of(&before, &judge->state.ledger);
    tally_of(judge, flags);
    for (int bit = 0; bit < QUALITY_FLAGS; bit++)
        judge->judged.flags |= (uint64_t)(flags[bit] > flagged[bit]) << bit;
    judge->config.fn(judge->config.arg, &judge->judged);
}

/* ---- a record ---- */

enum concern { NOBODY, CITY, EVERYBODY };

static enum concern concern_of(const struct judge *judge, size_t index)
{
    struct observation row;
    batch_row(judge->record, index, &row);
    if (row.kind == ISOBAR__V1__ROW_KIND__TICK)
        return EVERYBODY;
    if (row.city_id != judge->config.city_id)
        return NOBODY;
    if (row.kind == ISOBAR__V1__ROW_KIND__CONTROL)
        return EVERYBODY;
    return row.series == judge->config.series ? CITY : NOBODY;
}

static void apply_row(struct judge *judge, const struct kafka_record *record, const struct slice *slice, size_t index,
                      enum concern concern)
{
    buf_reset(&judge->row);
    slice_row(slice, index, &judge->row);
    if (concern == CITY)
        judge_row(judge, record, index);
    else
        apply(judge, record);
}

void judge_record(struct judge *judge, const struct kafka_record *record)
{
    struct ledger *ledger = &judge->state.ledger;
    struct slice *slice = NULL;
    const char *reason;
    if (record->timestamp_ms > ledger->clock_ms)
        ledger->clock_ms = record->timestamp_ms;
    if (batch_decode(judge->record, record->value, record->size, &reason) != 0) {
        judge->undecodable++;
        return;
    }
    if (batch_version(judge->record) > 0 && batch_shard(judge->record) == judge->config.partition)
        change_rules(judge, record, batch_version(judge->record));
    for (size_t i = 0; i < batch_rows(judge->record); i++) {
        enum concern concern = concern_of(judge, i);
        if (concern == NOBODY)
            continue;
        if (!slice)
            slice = slice_new(record->value, record->size);
        if (slice)
            apply_row(judge, record, slice, i, concern);
    }
    slice_free(slice);
}

/* ---- the window ---- */

static void add_panes(const struct judge *judge, struct window *window)
{
    for (const struct city_entry *entry = judge->state.cities; entry; entry = entry->hh.next) {
        const struct citystate *city = &entry->city;
        if (city->city_id != judge->config.city_id || city->series != judge->config.series)
            continue;
        for (int32_t i = 0; i < city->open_count; i++) {
            const struct window *pane = &city->open[i].window;
            if (pane->start_ms >= window->start_ms && pane->end_ms <= window->end_ms)
                window_merge(window, pane);
        }
    }
}

bool judge_window(const struct judge *judge, size_t size, int64_t start_ms, int64_t end_ms, struct window *window)
{
    window_init(window, start_ms, end_ms);
    if (judge->state.rules->windows.sizes[size].sketched)
        window_enable_sketches(window);
    for (const struct record *record = judge->state.records; record; record = record->hh.next) {
        const struct window *stored = &record->pane.window;
        if (record->key.kind != 1 + (int32_t)size || stored->start_ms != start_ms || stored->end_ms != end_ms)
            continue;
        window_merge(window, stored);
        window->revision = stored->revision;
    }
    add_panes(judge, window);
    if (!window_empty(window))
        return true;
    window_release(window);
    return false;
}
