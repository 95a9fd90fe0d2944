/*
 * The desk that takes operators' commands over HTTP and passes on what became of them:
 *
 *     POST   /api/v1/members/{id}/drain | undrain      to the leader, over the control plane
 *     POST   /api/v1/partitions/{p}/resume             likewise
 *     POST   /api/v1/cities                            the catalogue in Redis, as isobarctl cities add
 *     DELETE /api/v1/cities/{id}                       as isobarctl cities remove
 *
 * Commands to the leader and changes of the catalogue have a clerk each (clerk.h), so that a leader that does not
 * answer keeps no city waiting. Who may do that is decided before (door.h). The leader, and for cities the command
 * itself, enters who did what into the audit stream.
 */
#ifndef DASHBOARD_DESK_H
#define DASHBOARD_DESK_H

#include "httpd.h"
#include "metrics.h"
#include "options.h"

struct desk;

/* What it refers to must outlive it. NULL with the reason in `error`. */
struct desk *desk_new(struct loop *loop, const struct dashboard_options *options, struct dashboard_metrics *metrics,
                      struct buf *error) __attribute__((warn_unused_result));
/* Answers what waits, once the command at hand has ended, which takes at most three seconds. NULL allowed. */
void desk_free(struct desk *desk);
/* True when it is one of its commands: it has been answered, or will be. `who` is for the audit. */
bool desk_handle(struct desk *desk, struct httpd_request *request, const char *who);
/* The methods besides GET and HEAD that a path takes, "POST"; NULL: none. */
const char *desk_allows(const char *path);

#endif
