/*
 * Windows of a city as CSV, streamed: a range of any length is read page by page, each when the client has taken the
 * one before, so that nobody waits for a long one and none has more than a page in memory. Packed on the way for
 * clients that take that.
 */
#ifndef DASHBOARD_EXPORT_H
#define DASHBOARD_EXPORT_H

#include "api.h"
#include "reader.h"

#define EXPORT_MAX_WINDOWS 100000 /* of one file */

/*
 * Answers `request`, now deferred, with the windows that `query` asks for, whose limit is up to EXPORT_MAX_WINDOWS; a
 * read that fails is 503 at the beginning, and later a file whose end is missing, which HTTP tells the client.
 */
void export_windows(struct api *api, struct httpd_request *request, const struct window_query *query);

#endif
