/*
 * For the tests of worker/: rules, a partition's state that is fed rows through real batches, and a check of the
 * invariants after every step. Nothing is stored: what must be loaded is answered "there is none", unless a test says
 * otherwise.
 */
#ifndef ISOBAR_TEST_WORKER_KIT_H
#define ISOBAR_TEST_WORKER_KIT_H

#include "../../worker/commit.h"
#include "../../worker/state.h"
#include "error.h"
#include "mem.h"
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define PANE   (5 * MINUTE)
#define NOON   (INT64_C(20000) * DAY + 12 * HOUR) /* a partition's clock to start with */
#define CITY   INT64_C(5809844)

struct kit {
    struct rules rules;
    struct worker_metrics metrics;
    struct state state;
    struct args args;
    struct cache cache;
    int64_t next_offset;
    int letters;
    char reason[64];     /* of the last letter */
    int64_t letter_row;  /* … its row */
    size_t letter_bytes; /* … the size of its original */
};

static inline void kit_letter(void *arg, const char *reason, const struct kafka_record *record, int64_t row)
{
    struct kit *kit = arg;
    kit->letters++;
    (void)snprintf(kit->reason, sizeof kit->reason, "%s", reason);
    kit->letter_row = row;
    kit->letter_bytes = record->size;
    assert_string_equal(record->topic, "weather.observations");
}

static inline void kit_rules(struct rules *rules, const char *windows)
{
    struct buf error = BUF_EMPTY;
    *rules = (struct rules){
        .version = 1, .partitions = 1, .lateness_ms = 2 * DAY, .allowed_delay_ms = 5 * MINUTE, .idle_ms = 30 * MINUTE};
    assert_int_equal(windowset_parse(&rules->windows, windows, &error), 0);
}

static inline void kit_init(struct kit *kit)
{
    memset(kit, 0, sizeof *kit);
    kit_rules(&kit->rules, "10m:2d,1h:30d,1d:2y");
    args_init(&kit->args);
    struct state_config config = {.rules = &kit->rules,
                                  .metrics = &kit->metrics,
                                  .topic = "weather.observations",
                                  .batch = batch_new(),
                                  .cache = &kit->cache,
                                  .letter = kit_letter,
                                  .letter_arg = kit};
    kit->cache.limit = 1 << 20;
    state_init(&kit->state, &config);
    kit->state.ledger.record_offset = kit->state.ledger.anchor_offset = -1;
    kit->state.ledger.config_version = 1;
}

static inline void kit_release(struct kit *kit)
{
    struct batch *batch = kit->state.batch;
    state_release(&kit->state);
    batch_free(batch);
    args_release(&kit->args);
    assert_int_equal(kit->cache.bytes, 0);
    assert_int_equal(kit->cache.pinned, 0);
    assert_int_equal(kit->metrics.cities, 0);
}

/* Adds an alert rule: keys and values in turn, NULL at the end. */
static inline void kit_rule(struct kit *kit, const char *name, const char *const *words)
{
    struct buf error = BUF_EMPTY;
    struct alert_rule *rule = alert_rules_section(&kit->rules.alerts, name, &error);
    assert_non_null(rule);
    for (; *words; words += 2)
        assert_int_equal(alert_rule_set(rule, words[0], words[1], &error), 0);
    assert_int_equal(alert_rules_finish(&kit->rules.alerts, &kit->rules.windows, NULL, &error), 0);
    buf_release(&error);
}

/* Rules for random rows, over all that alerts can do. */
static inline void kit_watch(struct kit *kit)
{
    kit_rule(kit, "cold", (const char *const[]){"metric", "temperature", "below", "0", "for", "10m", NULL});
    kit_rule(kit, "hour",
             (const char *const[]){"metric", "temperature", "window", "1h", "statistic", "mean", "above", "1", "stale",
                                   "clear", "stale_after", "2h", NULL});
    kit_rule(kit, "gone",
             (const char *const[]){"metric", "humidity", "above", "99", "stale", "raise", "stale_after", "3h", NULL});
}

/* ---- rows ---- */

/* A reading of the temperature. */
static inline struct observation kit_row(int64_t city, int64_t at_ms, int32_t centi_c)
{
    struct observation row = {
        .city_id = city, .observed_at_ms = at_ms, .fetched_at_ms = at_ms, .provider = ISOBAR__V1__PROVIDER__SIMULATED};
    observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, centi_c);
    return row;
}

static inline struct observation kit_kind(int32_t kind, int64_t city, int64_t at_ms)
{
    return (struct observation){.kind = kind, .city_id = city, .observed_at_ms = at_ms, .fetched_at_ms = at_ms};
}

/* Sum of the rows in the open panes. */
static inline int64_t kit_open_rows(const struct state *state)
{
    int64_t rows = 0;
    for (const struct city_entry *entry = state->cities; entry; entry = entry->hh.next) {
        for (int32_t i = 0; i < entry->city.open_count; i++)
            rows += entry->city.open[i].window.rows;
    }
    return rows;
}

/* I1, and I2 with the late rows that are not decided yet. */
static inline void kit_holds(const struct state *state)
{
    struct ledger ledger = state->ledger;
    ledger.rows_late += (int64_t)state->late_count;
    assert_true(ledger_holds(&ledger));
}

/* Applies the bytes as the next record, with that Kafka timestamp. */
static inline void kit_bytes(struct kit *kit, const void *bytes, size_t size, int64_t clock_ms)
{
    struct kafka_record record = {.topic = "weather.observations",
                                  .offset = kit->next_offset++,
                                  .timestamp_ms = clock_ms,
                                  .value = bytes,
                                  .size = size};
    assert_true(state_apply(&kit->state, &record));
    state_note_hash(&kit->state, &record);
    kit_holds(&kit->state);
}

/* Applies rows as one record. */
static inline void kit_feed(struct kit *kit, const struct observation *rows, size_t count, int64_t clock_ms)
{
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode(rows, count, 0, &bytes), 0);
    kit_bytes(kit, bytes.data, bytes.size, clock_ms);
    buf_release(&bytes);
}

static inline void kit_one(struct kit *kit, struct observation row, int64_t clock_ms)
{
    kit_feed(kit, &row, 1, clock_ms);
}

/* Applies a control row that says the zone of the city. */
static inline void kit_zone(struct kit *kit, int64_t city, const char *zone, int64_t clock_ms)
{
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__CONTROL, .city_id = city};
    struct control control = {.zone = zone, .country = "", .interval_s = 600};
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode_control(&row, &control, 0, &bytes), 0);
    kit_bytes(kit, bytes.data, bytes.size, clock_ms);
    buf_release(&bytes);
}

static inline void kit_tick(struct kit *kit, int64_t clock_ms)
{
    kit_one(kit, kit_kind(ISOBAR__V1__ROW_KIND__TICK, 0, clock_ms), clock_ms);
}

/* Loads what is missing (nothing is stored) and decides late rows. */
static inline void resolve_without_stored(struct state *state)
{
    do {
        for (size_t i = 0; i < state->missing_count; i++)
            assert_int_equal(state_loaded(state, state->missing[i], NULL, 0), 0);
        state->missing_count = 0;
        state_resolve(state);
    } while (state->missing_count > 0);
}

static inline void kit_resolve(struct kit *kit)
{
    resolve_without_stored(&kit->state);
    assert_true(ledger_holds(&kit->state.ledger));
}

/* Builds a commit and leaves it on the way. */
static inline size_t kit_send(struct kit *kit)
{
    struct commit_ids ids = {
        .prefix = "t:", .expected = "11111111111111111111111111111111", .next = "22222222222222222222222222222222"};
    kit_resolve(kit);
    return commit_build(&kit->state, &ids, &kit->args);
}

/* A commit that is executed. */
static inline void kit_commit(struct kit *kit)
{
    (void)!kit_send(kit);
    state_committed(&kit->state);
    state_evict(&kit->state);
}

static inline struct citystate *kit_city(struct kit *kit, int64_t city)
{
    return &state_city(&kit->state, city, 0)->city;
}

/* The record in memory; NULL when there is none. kind RECORD_PANE or 1 + i for the i-th size. */
static inline struct record *kit_record(struct kit *kit, int32_t kind, int64_t city, int64_t at_ms)
{
    struct record_key key = {
        .city_id = city, .start_ms = window_start(at_ms, state_span(&kit->state, kind)), .kind = kind};
    struct record *record;
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the key is set
    HASH_FIND(hh, kit->state.records, &key, sizeof key, record);
    return record;
}

static inline const struct window *kit_window(struct kit *kit, int32_t kind, int64_t city, int64_t at_ms)
{
    const struct record *record = kit_record(kit, kind, city, at_ms);
    assert_non_null(record);
    return &record->pane.window;
}

#endif
