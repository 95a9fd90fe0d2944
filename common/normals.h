/*
 * Climate normals of one city and metric (proto/normals.proto): what is usual at each hour of the year, and how unusual
 * a value is. Pure.
 *
 * A year has 366 days here, so that 29 February is a day like others; when nothing is known of it, 28 February stands
 * for it. Hours are those of local standard time all year, as climate records have them.
 */
#ifndef ISOBAR_NORMALS_H
#define ISOBAR_NORMALS_H

#include "buf.h"
#include "zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NORMALS_DAYS      366
#define NORMALS_QUANTILES 5           /* 10, 25, 50, 75 and 90 % */
#define NORMALS_MAX_BYTES (64 * 1024) /* encoded */
#define NORMALS_VALUE_MAX 100000000   /* of a mean or quantile, either way, in the metric's unit */

/* One slot, in the metric's unit. */
struct normal {
    int32_t mean, deviation;
    int32_t quantile[NORMALS_QUANTILES]; /* ascending */
    bool known, has_deviation, has_quantiles;
};

struct normals {
    int64_t city_id;
    int32_t metric;       /* isobar.v1.Metric */
    int32_t hours;        /* slots of a day: 24 or 1 */
    int32_t step;         /* of what was decoded: values are multiples of it */
    struct normal *slots; /* NORMALS_DAYS * hours; owned */
};

/* Nothing known yet; `hours` is 24 or 1 (assert). */
void normals_init(struct normals *normals, int64_t city_id, int32_t metric, int32_t hours);
/* Frees the slots. */
void normals_release(struct normals *normals);
/* The slot of a date of a leap year and an hour (any, when hours is 1); NULL when there is no such date or hour. */
struct normal *normals_slot(const struct normals *normals, int32_t month, int32_t day, int32_t hour);
/* Slots that are known. */
size_t normals_count(const struct normals *normals);
/*
 * Appends the encoded isobar.v1.Normals: with the finest step of 1, 2, 5, 10, ... with which it has at most
 * NORMALS_MAX_BYTES. Values are rounded to it, half away from zero: they are wrong by at most half a step.
 * ERR_TOO_LARGE when no step does.
 */
int normals_encode(const struct normals *normals, struct buf *out) __attribute__((warn_unused_result));
/* Decodes and validates into an uninitialised `normals`; ERR_INVALID leaves it released. */
int normals_decode(struct normals *normals, const void *bytes, size_t size) __attribute__((warn_unused_result));

/*
 * What is usual at the instant (Unix ms) in a place with this zone (NULL: UTC); NULL when nothing is known. Local
 * standard time is UTC and the smaller of the zone's offsets on 1 January and 1 July of the year.
 */
const struct normal *normals_at(const struct normals *normals, const struct zone *zone, int64_t at_ms);
/*
 * Which part of the usual values is below `value`, in percent, into `*out`. With quantiles: linear between them; below
 * the first and above the last what the normal distribution says, but not more than 10 and not less than 90, or just
 * these without a deviation; of several that are equal (no rain on most days) the middle. Without quantiles: the normal
 * distribution of mean and deviation. False without either.
 */
bool normal_percentile(const struct normal *normal, int32_t value, double *out);

#endif
