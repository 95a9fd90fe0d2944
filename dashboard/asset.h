/* The page's files, embedded by dashboard/web/build.mjs: gzipped only; a client without gzip gets them
 * inflated. */
#ifndef DASHBOARD_ASSET_H
#define DASHBOARD_ASSET_H

#include <stdbool.h>
#include <stddef.h>

struct asset {
    const char *path; /* "/" for the page, "/assets/<name>-<hash>.<ext>" for the rest */
    const char *content_type;
    const char *etag; /* with quotes */
    bool immutable;   /* the path carries the content's hash */
    const unsigned char *gz;
    size_t gz_size, plain_size;
};

/* Ends with a row whose path is NULL. */
extern const struct asset assets[];

#endif
