/*
 * What a worker holds of one partition, and how records change it: a pure function of (state, record). No socket, no
 * Kafka, no Redis, no clock: "now" is the partition's clock, the largest Kafka timestamp applied, so a replay gives the
 * same bits.
 *
 * An observation changes its city's record only (cities). A pane that closes is folded, as a delta, into its windows
 * (records): a delta waits until the stored window was loaded, then they are merged. A late row waits, in log order,
 * until its pane was loaded. So before a commit can be built, everything in state_missing must be loaded.
 *
 *   apply records ... -> missing? -> load -> state_loaded ... -> state_resolve -> missing? ... -> commit_build
 */
#ifndef WORKER_STATE_H
#define WORKER_STATE_H

#include "alert.h"
#include "citystate.h"
#include "kafka.h"
#include "ledger.h"
#include "metrics.h"
#include "rules.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#define STATE_FUTURE_MS INT64_C(300000) /* a reading further ahead of the clock is an error of its source */
#define TICK_CITIES     500             /* closed per commit by one tick */
#define RETIRE_KEYS     100             /* unlinked per commit */

/* ---- cities ---- */

struct city_key {
    int64_t city_id;
    int64_t series; /* wide, so that the key has no padding */
};

struct city_entry {
    struct city_key key;
    struct citystate city;
    char field[CITY_FIELD_BYTES];
    bool dirty;                      /* changed since the last commit was built */
    bool fresh;                      /* its latest reading is new since it was last told of */
    int32_t waiting_s;               /* longest period of its rows, with those that wait; 0: none waits */
    const struct rules *alert_rules; /* those alert_mask is of; NULL: of none */
    uint64_t alert_mask;             /* bit per rule that matches the city */
    uint32_t moved;                  /* state.round in which its zone changed: folds wait for late rows of before */
    struct city_entry *next_dirty;
    UT_hash_handle hh;
};

/* ---- records: closed panes and windows ---- */

/* What records cost, shared by all partitions of a worker. */
struct cache {
    size_t bytes;
    size_t pinned; /* of them, those that are dirty, sent or missing */
    size_t limit;  /* of bytes: clean records are forgotten above it */
};

#define RECORD_PANE 0 /* kind; 1 + i is the i-th window size */

struct record_key {
    int64_t city_id, start_ms; /* of a window: its key (windowset.h) */
    int32_t series, kind;
};

struct record {
    struct record_key key;
    bool loaded;          /* merged with what Redis has; else `pane.window` is a delta and the record is missing */
    bool dirty;           /* changed since the last commit was built */
    bool sent;            /* in the commit that has no answer yet */
    bool missing;         /* in the list of those to load */
    int64_t added;        /* rows since the last commit was built, for the key's #n */
    int64_t sent_added;   /* the same of the commit that has no answer yet */
    struct pane pane;     /* a window uses pane.window only */
    size_t bytes, pinned; /* as counted in the cache: in all, and because it cannot be forgotten */
    struct record *next_dirty;
    struct record *newer, *older; /* by use, in the list of its sort */
    UT_hash_handle hh;
};

/* Records by use. */
struct record_list {
    struct record *newest, *oldest;
};

/* A late row with what its record and its moment decide, so that the outcome does not depend on when it is resolved. */
struct late_row {
    struct city_entry *entry;
    struct observation row;  /* with its verdict, and all values */
    const struct zone *zone; /* of the city */
    int64_t clock_ms, closed_through_ms;
    int64_t offset, timestamp_ms, index; /* of the record, and in it */
    int32_t reach_s;                     /* the longest period that concerns it */
};

/* An accepted row that changes parts of time that is closed (stretch.c). */
struct change {
    struct city_entry *entry;
    const struct zone *zone; /* of the city, then */
    int64_t at_ms;
    int32_t provider;
    int32_t reach_s; /* the longest period that concerns it */
    int64_t clock_ms, closed_through_ms;
    size_t late, closing; /* late rows and closings that came before */
};

/* A late row has changed parts of a window that was not loaded: whether the window was final is not known yet. */
struct revision {
    struct record *record;
    int64_t clock_ms, closed_through_ms;
};

/*
 * Panes were closed from `after_ms` through `through_ms`, so the window is final when it ends between them. Decided
 * when it is loaded, in log order with late rows: only then it is known whether there is a window at all, and where it
 * ends.
 */
struct closing {
    struct record *record;
    struct record *pane;     /* a closed pane that is still to be folded into it, NULL: none */
    struct parts parts;      /* that are still to be added to it */
    struct window_span span; /* of the window, by the zone in which the pane closed */
    int64_t after_ms, through_ms, clock_ms;
    int64_t updated_at_ms; /* of the parts */
    bool revises;          /* nothing was closed: parts of what was closed through `through_ms` have changed */
    size_t late;           /* late rows that came before */
};

/* A key that is over: it is unlinked by a commit. */
struct retired {
    int32_t kind;
    int64_t start_ms;
};

/* What the commit on the way holds, until it is known whether it was executed. */
struct sent {
    bool any;
    struct city_entry **cities;
    size_t city_count, city_capacity;
    struct record **records;
    size_t record_count, record_capacity;
    int64_t offset, commits; /* of the ledger it writes */
};

/* A row or record that cannot be used; `row` is -1 for a whole record. */
typedef void state_letter_fn(void *arg, const char *reason, const struct kafka_record *record, int64_t row);

struct state {
    const struct rules *rules;   /* in force; borrowed, as are those offered */
    const struct rules *offered; /* for the control record that comes next; NULL: none */
    int64_t wanted_version;      /* of the rules that the next record puts in force; 0: it was not refused for that */
    struct worker_metrics *metrics;
    int32_t partition;
    const char *topic;
    struct ledger ledger;
    struct batch *batch;
    struct city_entry *cities, *dirty_cities;
    size_t dirty_city_count;
    struct record *records, *dirty_records;
    struct record_list panes, windows; /* all records, by sort */
    size_t dirty_record_count;
    struct sent sent;
    struct retired retiring[RETIRE_KEYS]; /* of the next commit or the one on the way */
    size_t retiring_count;
    struct cache *cache;
    struct record **missing;
    size_t missing_count, missing_capacity;
    struct late_row *late;
    size_t late_count, late_capacity;
    struct alert_queue alerts;
    struct closing *closing;
    size_t closing_count, closing_capacity;
    struct change *changes; /* of rows in time, behind late rows of their city */
    size_t change_count, change_capacity;
    struct revision *revisions;
    size_t revision_count, revision_capacity;
    struct trail trail; /* room to work in */
    int32_t series_max; /* largest series of all cities */
    uint32_t round;     /* counts state_resolve, from 1 */
    bool changed;       /* anything to commit since the last commit was built */
    bool cursors_started;
    state_letter_fn *letter;
    void *letter_arg;
};

struct state_config {
    const struct rules *rules;
    struct worker_metrics *metrics;
    int32_t partition;
    const char *topic;   /* for dead letters of late rows */
    struct batch *batch; /* decoder, borrowed: all partitions can share one */
    struct cache *cache; /* borrowed */
    state_letter_fn *letter;
    void *letter_arg;
};

/* An empty state; its ledger is the caller's to fill. */
void state_init(struct state *state, const struct state_config *config);
/* Frees everything; afterwards only state_init may be called. */
void state_release(struct state *state);
/*
 * Takes the CityState stored under `field`, in the place of one taken before. ERR_INVALID when it cannot be decoded, is
 * another city's, or its open panes are not those of the configured windows.
 */
int state_take_city(struct state *state, const char *field, const void *bytes, size_t size)
    __attribute__((warn_unused_result));
/* The city's entry, made when there is none: another series of it has its zone and the like then. */
struct city_entry *state_city(struct state *state, int64_t city_id, int32_t series);
/* Puts the city on the list of those to be written. */
void state_touch(struct state *state, struct city_entry *entry);
/* Smallest watermark of the cities that have one, in Unix ms; 0 when none has. O(cities). */
int64_t state_watermark(const struct state *state);

/* ---- what changed, and what a commit on the way holds ---- */

/* Changed records: what a commit would write. */
size_t state_dirty(const struct state *state);
/* Everything that changed is now in a commit on the way; called by commit_build alone. */
void state_sent(struct state *state);
/* The commit on the way was executed: what it holds is stored. */
void state_committed(struct state *state);
/* It was not, and never will be: what it holds is to be written by the next one. */
void state_uncommitted(struct state *state);

/* ---- ingest.c ---- */

/*
 * Applies one record: the next of the partition (offset >= ledger.offset). False, with nothing changed, when it puts
 * other rules in force: then state_waits, until those were offered and everything before it is stored.
 */
bool state_apply(struct state *state, const struct kafka_record *record);
/* Notes the hash of the record applied last; once per run of records, since it costs as much as decoding. */
void state_note_hash(struct state *state, const struct kafka_record *record);
/* True while a tick has cities left to close: no record may be applied then. */
bool state_ticking(const struct state *state);
/* Closes at most TICK_CITIES more cities of the tick under way. */
void state_tick_step(struct state *state);

/* ---- rulechange.c ---- */

/* True while the next record is one that puts rules of `wanted_version` in force which were not offered. */
bool state_waits(const struct state *state);
/* True when nothing in memory depends on which window size is the i-th: no record changed, missing or on the way. */
bool state_settled(const struct state *state);
/* Offers the rules of `wanted_version`; borrowed for as long as they are in force. The state must be settled. */
void state_offer(struct state *state, const struct rules *rules);
/*
 * The rules that were offered are in force from now on: their cursors are found by name, new sizes start at their first
 * boundary after all that may have been folded, and what is cached is forgotten.
 */
void state_switch(struct state *state);
/* Rows of panes that the rules in force gave up are not accepted by later ones: their panes may be unlinked. */
void state_raise_floor(struct state *state);

/* ---- fold.c ---- */

/* Closes all panes of the city that end at or before `through_ms` and folds them. */
void state_close(struct state *state, struct city_entry *entry, int64_t through_ms);
/*
 * What a control record says of the city, for all its series (docs/semantics.md, "Facts about a city"). `zone` NULL,
 * `interval_s` 0 and an empty country say nothing.
 */
struct city_facts {
    const struct zone *zone;
    int32_t interval_s;
    const char *country; /* empty, or two letters */
};
void state_set_facts(struct state *state, int64_t city_id, const struct city_facts *facts);
/* Queues a row (copied) whose pane is closed; decided by state_resolve. */
void state_defer_late(struct state *state, const struct late_row *late);
/* Notes that panes of the city are closed up to `through_ms`, which may make the window final. */
struct closing *state_defer_closing(struct state *state, const struct city_entry *entry, struct record *record,
                                    int64_t through_ms) __attribute__((returns_nonnull));
/* The window was changed when time was closed through `closed_through_ms`: a revision when it was final. */
void state_revise(struct window *window, int64_t closed_through_ms, int64_t clock_ms);
/* The same when it is not loaded. */
void state_defer_revision(struct state *state, struct record *record, const struct change *change);
/* The record of the city's window of the i-th size; NULL when that window is retired already. */
struct record *state_window(struct state *state, const struct city_entry *entry, size_t size,
                            const struct window_span *span);
/* The record of the city's closed pane that holds the time. */
struct record *state_pane(struct state *state, const struct city_entry *entry, int64_t at_ms)
    __attribute__((returns_nonnull));

/* ---- stretch.c ---- */

/* Panes that end at or before `through_ms` are about to be folded: adds the parts of that time to the windows. */
void state_stretch_close(struct state *state, struct city_entry *entry, int64_t through_ms);
/* A row was accepted in time: corrects parts of closed time, or queues that behind late rows of the city. */
void state_stretch_row(struct state *state, struct city_entry *entry, const struct observation *row);
/* Adds parts to a window and makes it hold the span; `updated_at_ms` 0: it was updated when its rows came. */
void state_add_parts(struct state *state, struct record *record, const struct window_span *span,
                     const struct parts *parts, int64_t updated_at_ms);
/* A late row waits: wants the closed panes that decide what it changes, and sets its reach. */
void state_stretch_wait(struct state *state, struct late_row *late);
/* A late row was accepted and is in its pane: corrects parts. `next` is the first change that came after it. */
void state_stretch_late(struct state *state, const struct late_row *late, size_t next);
/* Makes the change that waits at that place. */
void state_stretch_resolve(struct state *state, size_t which);
/* All that waited is decided. */
void state_stretch_resolved(struct state *state);

/* ---- accept.c ---- */

/* What becomes of a row that is neither retired nor ahead of the clock. */
enum outcome { OUTCOME_ACCEPTED, OUTCOME_DUPLICATE, OUTCOME_CORRECTION, OUTCOME_FULL };
/*
 * What the pane says of the row, which came as it is but for intake; a duplicate or correction is counted. Nothing else
 * changes.
 */
enum outcome state_outcome(struct state *state, struct city_entry *entry, const struct pane *pane,
                           const struct observation *row);
/*
 * Adds an accepted row with its verdict to the pane, without the values that fail, and counts its flags. `counted` is
 * then what was added.
 */
void state_accept(struct state *state, struct city_entry *entry, struct pane *pane, const struct observation *row,
                  struct observation *counted);

/* ---- record.c ---- */

/* The record, made (not loaded) with that span when there is none. */
struct record *state_record(struct state *state, const struct record_key *key, int64_t start_ms, int64_t end_ms)
    __attribute__((returns_nonnull));
/* The record, or NULL when none is in memory. */
struct record *state_known(const struct state *state, const struct record_key *key);
/* Puts the record on the list of those to load, unless it is loaded or on it. */
void state_want(struct state *state, struct record *record);
/* Puts it on the list of those to be written, and counts its bytes anew. */
void state_dirty_record(struct state *state, struct record *record);
/* Counts anew whether it is pinned, after `dirty`, `sent` or `missing` has changed. */
void state_pin(struct state *state, struct record *record);
/* Length of a pane or window of this kind, in ms; of a civil one in days of 24 h. */
int64_t state_span(const struct state *state, int32_t kind);
/* What Redis has for a missing record: `bytes` NULL when nothing. ERR_INVALID when it cannot be decoded. */
int state_loaded(struct state *state, struct record *record, const void *bytes, size_t size)
    __attribute__((warn_unused_result));
/*
 * Forgets clean records until the cache fits its limit, and all clean panes; nothing while late rows wait, since they
 * count on what is loaded.
 */
void state_evict(struct state *state);
/* Forgets all records; none is dirty, sent or missing. */
void state_forget(struct state *state);
/*
 * Decides the late rows, in log order; everything missing must be loaded (fold.c). More may be missing afterwards:
 * windows that hold a part of their stretches. Then it is to be called again when those are loaded.
 */
void state_resolve(struct state *state);

/* ---- retire.c ---- */

/* Sets cursors that are 0 at the first record: nothing older than the horizon is ever accepted. */
void state_start_cursors(struct state *state);
/*
 * Adds keys that are over to `retiring`, RETIRE_KEYS at most, and moves the ledger's cursors past them. Keys that are
 * open or about to be written wait for a later commit.
 */
void state_retire(struct state *state);

#endif
