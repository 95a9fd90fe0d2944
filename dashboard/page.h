/* The page's files, as embedded (asset.h). */
#ifndef DASHBOARD_PAGE_H
#define DASHBOARD_PAGE_H

#include "asset.h"
#include "buf.h"
#include "httpd.h"

#include <stdbool.h>

/* The file at `path`, or NULL. */
const struct asset *page_find(const char *path);
/* Appends the file as it is without gzip; false when the embedded bytes are damaged. */
bool page_plain(const struct asset *asset, struct buf *plain) __attribute__((warn_unused_result));
/* Answers with the file, or 304; false, and no answer, when the embedded bytes are damaged. */
bool page_send(const struct asset *asset, struct httpd_request *request) __attribute__((warn_unused_result));

#endif
