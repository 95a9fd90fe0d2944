/*
 * The live event stream: one snapshot to each new client, then what changed, encoded once and shared by all. A client
 * that reads too slowly misses updates and gets a new snapshot when its queue is empty: it never holds others up, and
 * what it shows is never older than one snapshot.
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

struct live *live_new(const struct live_config *config) __attribute__((warn_unused_result));
/* After the HTTP server, whose streams it refers to, and after the model. NULL allowed. */
void live_free(struct live *live);
/* The model must outlive the streams. */
void live_attach(struct live *live, struct model *model);
/*
 * Answers `request` with a stream. `cities` (count <= LIVE_CITIES) are those whose windows of `size` it follows.
 */
void live_open(struct live *live, struct httpd_request *request, const int64_t *cities, size_t count,
               const struct window_size *size);
/* What the model reports. */
void live_changed(struct live *live);
void live_cluster(struct live *live);
void live_state(struct live *live, bool up);

/* Appends one server-sent event; `data` must not hold a line break. */
void live_event(struct buf *out, const char *event, const char *id, const char *data, size_t size);

#endif
