/*
 * The dashboard's mirror of Redis: catalogue, latest reading of every city, the leader's view, kept current
 * by the commit hints on `updates`. Readers are answered from memory; only windows are read from Redis on
 * demand (reader.h).
 *
 * Two connections: one that reads, one that is subscribed. Redis counts as up when both are; then everything
 * is read again, since hints were missed. What is in memory stays while Redis is down: its age tells.
 */
#ifndef DASHBOARD_MODEL_H
#define DASHBOARD_MODEL_H

#include "atlas.h"
#include "climate.h"
#include "metrics.h"
#include "store.h"
#include "view.h"

#include <stdbool.h>
#include <stdint.h>

struct model;

struct model_config {
    struct loop *loop;
    struct store_config store;
    const char *prefix;
    int64_t update_ms;
    struct dashboard_metrics *metrics;
};

struct model_events {
    void (*changed)(void *arg); /* cities have a higher version; at most every update_ms */
    void (*viewed)(void *arg);  /* the leader's view was read; about once a second */
    void (*state)(void *arg);   /* Redis came or went */
    void *arg;
};

/* Connects and starts to read; NULL with text in `error` for a malformed address. The caller frees with
 * model_free. */
struct model *model_new(const struct model_config *config, const struct model_events *events, struct buf *error)
    __attribute__((warn_unused_result));
/* Ends outstanding reads (their callbacks run) and frees. NULL allowed. */
void model_free(struct model *model);

/* Borrowed; valid as long as the model. */
const struct atlas *model_atlas(const struct model *model);
/* Borrowed; view_known tells whether there is one. */
const struct view *model_view(const struct model *model);
/* Borrowed: what is usual in the cities. */
const struct climate *model_climate(const struct model *model);
/* Windows configured, "10m:2d,…"; NULL until read. */
const char *model_windows(const struct model *model);
/* True once meta, catalogue and all states were read since the last (re)connect. */
bool model_ready(const struct model *model);
/* Appends what is missing, one line each; nothing when ready. */
void model_missing(const struct model *model, struct buf *out);
/* The connection for reads on demand. */
struct store *model_store(struct model *model);
/* Whether Redis is up, and the wall clock's milliseconds since when. */
bool model_redis_up(const struct model *model, int64_t *since_ms);

#endif
