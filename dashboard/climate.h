/*
 * What is usual in the cities (normals.h), as far as somebody imported it: the mirror of {p}:normals, read as a whole
 * when `normals_version` in meta has changed, and how far a city's latest reading is from it. Kept as encoded, since
 * few are asked for at a time; decoded for each answer.
 */
#ifndef DASHBOARD_CLIMATE_H
#define DASHBOARD_CLIMATE_H

#include "atlas.h"
#include "buf.h"
#include "metrics.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

#define CLIMATE_MAX_BYTES (64 * 1024 * 1024) /* of all; what is beyond is left out, with a warning */

struct climate_city;

struct climate {
    struct store *store; /* borrowed, as are prefix and metrics */
    const char *prefix;
    struct dashboard_metrics *metrics;
    int64_t version; /* of what is held; -1: nothing was read */
    struct climate_city *cities;
    /* the read under way */
    bool reading, full;
    int32_t partition, partitions;
    int64_t next_version;
    size_t bytes;
    struct climate_city *next;
};

/* Holds nothing; all given outlive it. */
void climate_init(struct climate *climate, struct store *store, const char *prefix, struct dashboard_metrics *metrics);
/* Frees what it holds; no request of it is outstanding. */
void climate_release(struct climate *climate);
/* What meta says: reads everything when that is another version than the one held. Call it now and then. */
void climate_update(struct climate *climate, int32_t partitions, int64_t version);
/* Has everything read again at the next climate_update; what is held stays until then. */
void climate_expire(struct climate *climate);
/*
 * Takes the bytes stored under `field` (isobar.v1.Normals) into the read under way; false when they are damaged, or the
 * field is not theirs.
 */
bool climate_take(struct climate *climate, const char *field, const void *bytes, size_t size);
/* The read under way is complete: what it found is what is held. */
void climate_swap(struct climate *climate);
/*
 * Appends "climate":{"temperature":{"normal":4.5,"departure":-1.2,"percentile":31.5},...} about the values of the
 * city's latest reading, with the metrics whose normal is known; false, and nothing, when there is none.
 */
bool climate_encode(const struct climate *climate, const struct city *city, struct buf *out);

#endif
