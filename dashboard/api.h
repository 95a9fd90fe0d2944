/*
 * Routes of the dashboard: the page's files, the JSON and CSV API of docs/contracts.md, the live stream,
 * probes. Every answer carries the security headers; errors are problem documents that name the input.
 */
#ifndef DASHBOARD_API_H
#define DASHBOARD_API_H

#include "body.h"
#include "door.h"
#include "httpd.h"
#include "live.h"
#include "metrics.h"
#include "model.h"
#include "style.h"

/* An answer that all clients share, and the version it was made from. */
struct api_cached {
    struct body body;
    uint64_t version;
    bool made;
};

struct api {
    const char *prefix;
    struct model *model; /* NULL while the program stops: requests get 503 */
    struct live *live;
    struct dashboard_metrics *metrics;
    struct api_cached cities, latest;
    struct door door;   /* its access and desk are set by the owner */
    struct style style; /* the operator's, to be loaded before requests come */
};

/* What it refers to must outlive it. */
void api_init(struct api *api, const char *prefix, struct model *model, struct live *live,
              struct dashboard_metrics *metrics);
/* Frees the answers kept. */
void api_release(struct api *api);
/* The server's handler; `arg` is a struct api. */
void api_handle(void *arg, struct httpd_request *request);

#endif
