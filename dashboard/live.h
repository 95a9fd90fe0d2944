/*
 * The live event stream: one snapshot to each new client, then what changed, encoded once and shared by all.
 * A client that comes back with the id of its last event gets what changed since. A client that reads too
 * slowly misses updates and gets a new snapshot when its queue is empty: it never holds others up, and ends
 * with the newest state.
 *
 * At least every two seconds something is sent (`state`), so that a page can tell a dead connection from a
 * quiet one.
 */
#ifndef DASHBOARD_LIVE_H
#define DASHBOARD_LIVE_H

#include "httpd.h"
#include "metrics.h"
#include "model.h"
#include "windowset.h"

#include <stddef.h>
#include <stdint.h>

#define LIVE_CITIES 6 /* of which one stream follows the windows */

struct live;

struct live_config {
    struct loop *loop;
    const char *prefix;
    struct dashboard_metrics *metrics;
};

/* A stream to open. */
struct live_request {
    int64_t cities[LIVE_CITIES]; /* whose windows of `size` it follows */
    size_t city_count;
    struct window_size size; /* size_ms 0: not known yet, only its name, which may be empty */
    const char *last_id;     /* of the last event the client has; NULL: none. Borrowed */
};

/* The caller frees with live_free. `config` is copied. */
struct live *live_new(const struct live_config *config) __attribute__((warn_unused_result));
/* After the HTTP server, whose streams it refers to. NULL allowed. */
void live_free(struct live *live);
/* Where it reads; NULL when the model goes before the streams. */
void live_attach(struct live *live, struct model *model);
/* Answers `request` with a stream. */
void live_open(struct live *live, struct httpd_request *request, const struct live_request *wanted);
/* Ends all streams: who may still read opens another one. */
void live_end(struct live *live);
/* Cities have a higher version. */
void live_changed(struct live *live);
/* The leader's view was read. */
void live_viewed(struct live *live);
/* Redis came or went. */
void live_state(struct live *live);

/* Fills `size` from the configured windows by its name, or as the smallest; false when there is none of that
 * name. */
bool live_resolve(struct window_size *size, const char *windows);
/* Appends one server-sent event; `data` holds no line break. */
void live_event(struct buf *out, const char *event, const char *id, const struct buf *data);
/* The version in an id of this server's ("<start>-<version>", `start` in hex); false for any other text. */
bool live_id_version(const char *id, int64_t started_ms, uint64_t *version);

#endif
