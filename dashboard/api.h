/*
 * Routes of the dashboard: the page's files, the JSON and CSV API of docs/contracts.md, the live stream, probes. Every
 * answer carries the security headers; errors are problem documents that name the input.
 */
#ifndef DASHBOARD_API_H
#define DASHBOARD_API_H

#include "httpd.h"
#include "live.h"
#include "metrics.h"
#include "model.h"

struct api {
    const char *prefix;
    struct model *model;
    struct live *live;
    struct dashboard_metrics *metrics;
};

/* The server's handler; `arg` is a struct api. */
void api_handle(void *arg, struct httpd_request *request);

#endif
