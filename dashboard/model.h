/*
 * The dashboard's mirror of Redis: catalogue and latest reading of every city, kept current by the commit hints on
 * `updates`. Readers are answered from memory; only windows are read from Redis on demand (reader.h).
 *
 * Each hint names the partition's previous and new commit id. When the previous one is not the one seen last, a hint
 * was missed and the whole partition is read again; so is everything after a reconnect. Reads race with commits, so a
 * record may be newer than the hint that asked for it: harmless, since records are whole states.
 */
#ifndef DASHBOARD_MODEL_H
#define DASHBOARD_MODEL_H

#include "citystate.h"
#include "metrics.h"
#include "store.h"

#include "city.pb-c.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct city {
    int64_t id;
    int32_t partition;
    Isobar__V1__City *entry;   /* of the catalogue, owned */
    bool heard;                /* a state was read */
    struct observation latest; /* valid when has_latest */
    bool has_latest;
    int64_t produced_at_ms, committed_at_ms, checked_at_ms;
    int64_t watermark_ms, closed_through_ms;
    int64_t rows_in, rows_late, rows_duplicate, rows_retired, rows_bad;
    bool changed; /* since model_take_changes */
    UT_hash_handle hh;
};

struct model;

struct model_config {
    struct loop *loop;
    struct store_config store;
    const char *prefix;
    int64_t update_ms;
    struct dashboard_metrics *metrics;
};

/* Something to show changed: cities are marked `changed`. At most every update_ms. */
typedef void model_changed_fn(void *arg);
/* Redis came or went. */
typedef void model_state_fn(void *arg, bool up);

struct model_events {
    model_changed_fn *changed;
    model_changed_fn *cluster; /* the leader's view was read anew */
    model_state_fn *state;
    void *arg;
};

/* Connects and starts to read; NULL with text in `error` for a malformed address. */
struct model *model_new(const struct model_config *config, const struct model_events *events, struct buf *error)
    __attribute__((warn_unused_result));
/* NULL allowed. */
void model_free(struct model *model);

/* Cities by id; NULL when unknown. */
const struct city *model_city(const struct model *model, int64_t id);
/* All cities: a uthash list (->hh.next), in the order of first sight. */
const struct city *model_cities(const struct model *model);
/* Clears the `changed` marks. */
void model_clear_changes(struct model *model);
/* The leader's view as JSON text, NULL until read; `at_ms` is when it was read (wall clock). */
const char *model_cluster(const struct model *model, int64_t *at_ms);
/* Windows configured, "10m:2d,…"; NULL until read. */
const char *model_windows(const struct model *model);
/* True once meta, catalogue and all states were read since the last (re)connect. */
bool model_ready(const struct model *model);
/* Appends what is missing, one line each; nothing when ready. */
void model_missing(const struct model *model, struct buf *out);
/* The connection for reads on demand. */
struct store *model_store(struct model *model);
/* Wall-clock ms since which Redis is up or down. */
bool model_redis_up(const struct model *model, int64_t *since_ms);

#endif
