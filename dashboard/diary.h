/* The newest entries of the audit stream: who had what done, when. Read from Redis while the request waits. */
#ifndef DASHBOARD_DIARY_H
#define DASHBOARD_DIARY_H

#include "httpd.h"
#include "metrics.h"
#include "store.h"

#define DIARY_LIMIT 100 /* entries, when the request names no number */
#define DIARY_MOST  1000

/* Answers GET /api/v1/audit?limit=; `prefix`, `store` and `metrics` outlive the request. */
void diary_reply(struct httpd_request *request, struct store *store, const char *prefix,
                 struct dashboard_metrics *metrics);
/* Appends {"audit":[{"at":…,"what":…,"who":…,"detail":…}]}: an answer of XREVRANGE; entries of other forms are left
 * out. */
void diary_encode(const struct store_reply *reply, struct buf *out);

#endif
