/*
 * What a worker holds of one partition, and how records change it: a pure function of (state, record). No socket, no Kafka, no
 * Redis, no clock: "now" is the partition's clock, the largest Kafka timestamp applied, so a replay gives the same bits.
 *
 * An observation changes its city's record only (cities). A pane that closes is folded, as a delta, into its windows
 * (records): a delta waits until the stored window was loaded, then they are merged. A late row waits, in log order, until
 * its pane was loaded. So before a commit can be built, everything in state_missing must be loaded.
 *
 *   apply records ... -> state_missing? -> load -> state_loaded ... -> state_resolve -> commit_build
 */
#ifndef WORKER_STATE_H
#define WORKER_STATE_H

#include "citystate.h"
#include "kafka.h"
#include "ledger.h"
#include "metrics.h"
#include "windowset.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

/* Configuration that processing depends on; the same for all partitions. */
struct rules {
    struct windowset windows;
    int32_t partitions;
    int64_t lateness_ms;
    int64_t allowed_delay_ms;
    int64_t idle_ms;
};

#define TICK_CITIES 500 /* closed per commit by one tick */
#define RETIRE_KEYS 100 /* unlinked per commit */

/* ---- cities ---- */

struct city_key {
    int64_t city_id;
    int64_t series; /* wide, so that the key has no padding */
};

struct city_entry {
    struct city_key key;
    struct citystate city;
    char field[CITY_FIELD_BYTES];
    bool dirty;
    struct city_entry *next_dirty;
    UT_hash_handle hh;
};

/* ---- records: closed panes and windows ---- */

#define RECORD_PANE 0 /* kind; 1 + i is the i-th window size */

struct record_key {
    int64_t city_id, start_ms;
    int32_t series, kind;
};

struct record {
    struct record_key key;
    bool loaded;   /* merged with what Redis has; else `pane.window` is a delta */
    bool dirty;
    bool missing;  /* in the list of those to load */
    int64_t added; /* rows since the last commit, for the key's #n */
    struct pane pane; /* a window uses pane.window only */
    size_t bytes;
    struct record *newer, *older; /* by use */
    UT_hash_handle hh;
};

struct late_row {
    struct city_entry *entry;
    struct observation row;
    int64_t clock_ms;
};

/* A row or record that cannot be used; `row` is -1 for a whole record. */
typedef void state_letter_fn(void *arg, const char *reason, const struct kafka_record *record, int64_t row);

struct state {
    const struct rules *rules;
    struct worker_metrics *metrics;
    int32_t partition;
    struct ledger ledger;
    struct batch *batch;
    struct city_entry *cities, *dirty_cities;
    size_t dirty_city_count;
    struct record *records, *newest, *oldest;
    size_t dirty_record_count;
    size_t *cache_bytes; /* shared by all partitions of the worker */
    size_t cache_limit;
    struct record **missing;
    size_t missing_count, missing_capacity;
    struct late_row *late;
    size_t late_count, late_capacity;
    int64_t watermark_ms; /* largest of the partition, for display */
    bool changed;         /* anything applied since the last commit */
    state_letter_fn *letter;
    void *letter_arg;
};

struct state_config {
    const struct rules *rules;
    struct worker_metrics *metrics;
    int32_t partition;
    size_t *cache_bytes;
    size_t cache_limit; /* bytes of windows kept, over all partitions */
    state_letter_fn *letter;
    void *letter_arg;
};

/* An empty state; its ledger is the caller's to fill. */
void state_init(struct state *state, const struct state_config *config);
/* Frees everything; afterwards only state_init may be called. */
void state_release(struct state *state);
/* Takes a stored CityState. ERR_INVALID when it cannot be decoded. */
int state_take_city(struct state *state, const void *bytes, size_t size) __attribute__((warn_unused_result));
/* The city's entry, made when there is none. */
struct city_entry *state_city(struct state *state, int64_t city_id, int32_t series);
/* Puts the city on the list of those to be written. */
void state_touch(struct state *state, struct city_entry *entry);

/* ---- ingest.c ---- */

/* Applies one record: the next of the partition (offset >= ledger.offset). */
void state_apply(struct state *state, const struct kafka_record *record);
/* Notes the hash of the record applied last; once per run of records, since it costs as much as decoding. */
void state_note_hash(struct state *state, const struct kafka_record *record);
/* True while a tick has cities left to close: no record may be applied then. */
bool state_ticking(const struct state *state);
/* Closes at most TICK_CITIES more cities of the tick under way. */
void state_tick_step(struct state *state);

/* ---- fold.c ---- */

/* Closes all panes of the city that end at or before `through_ms` and folds them. */
void state_close(struct state *state, struct city_entry *entry, int64_t through_ms);
/* Queues a row whose pane is closed; decided by state_resolve. */
void state_defer_late(struct state *state, struct city_entry *entry, const struct observation *row);
/* The record, made (not loaded) when there is none. */
struct record *state_record(struct state *state, const struct record_key *key);
/* What Redis has for a missing record: `bytes` NULL when nothing. ERR_INVALID when it cannot be decoded. */
int state_loaded(struct state *state, struct record *record, const void *bytes, size_t size)
    __attribute__((warn_unused_result));
/* Decides the late rows, in log order; everything missing must be loaded. */
void state_resolve(struct state *state);
/* Forgets clean records until the cache fits its limit, and all clean panes. After a commit was built. */
void state_evict(struct state *state);
/* Changed records: what a commit would write. */
size_t state_dirty(const struct state *state);

/* Sets the cursors of a new ledger at its first record: nothing older than the horizon is ever accepted. */
void state_start_cursors(struct state *state);
/* Keys to retire now: calls fn(arg, kind, start_ms) for at most RETIRE_KEYS and moves the ledger's cursors. */
typedef void state_retire_fn(void *arg, int32_t kind, int64_t start_ms);
void state_retire(struct state *state, state_retire_fn *fn, void *arg);

#endif
