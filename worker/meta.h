/*
 * What the installation says of itself in the hash `meta`, which isobarctl init wrote: read once at start, since it is
 * fixed for the life of the installation. Also a look at Redis' own settings.
 */
#ifndef WORKER_META_H
#define WORKER_META_H

#include "store.h"
#include "windowset.h"

#include <stdbool.h>
#include <stdint.h>

struct meta {
    char cluster_id[64];
    char topic[256];
    int32_t partitions;
    int64_t lateness_ms;
    int64_t config_version;
    struct windowset windows;
};

/* The fields to ask HMGET for, ended by NULL; meta_parse takes the answer in this order. */
extern const char *const meta_fields[];
#define META_FIELDS 7

/* ERR_NOT_FOUND when there is no installation, ERR_INVALID with the field in `error`. */
int meta_parse(struct meta *meta, const struct store_reply *values, struct buf *error)
    __attribute__((warn_unused_result));
/* The value of `name:` in the text of INFO, copied into `out` ("" when absent). */
void meta_info_value(const char *info, const char *name, char *out, size_t size);

#endif
