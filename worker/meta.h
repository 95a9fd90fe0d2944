/*
 * What the installation says of itself in the hash `meta`, which isobarctl init wrote: read once at start, since it is
 * fixed for the life of the installation, but for the newest rules: which are in force is the ledgers' word. Also a
 * look at Redis' own settings.
 */
#ifndef WORKER_META_H
#define WORKER_META_H

#include "store.h"

#include <stdbool.h>
#include <stdint.h>

struct meta {
    char cluster_id[64];
    char topic[256];
    int32_t partitions;
    int64_t pane_ms;        /* fixed for the life of the installation */
    int64_t config_version; /* of the newest rules */
};

/* The fields to ask HMGET for, ended by NULL; meta_parse takes the answer in this order. */
extern const char *const meta_fields[];
#define META_FIELDS 6

/* ERR_NOT_FOUND when there is no installation, ERR_INVALID with the field in `error`. */
int meta_parse(struct meta *meta, const struct store_reply *values, struct buf *error)
    __attribute__((warn_unused_result));
/* The value of `name:` in the text of INFO, copied into `out` ("" when absent). */
void meta_info_value(const char *info, const char *name, char *out, size_t size);

#endif
