/*
 * Parts of stretches that lie in a span of time (docs/semantics.md, "Precipitation and covered time"): sums, so they
 * merge by addition. A correction is a difference and may be negative; what is stored is not.
 */
#ifndef ISOBAR_PARTS_H
#define ISOBAR_PARTS_H

#include <stdbool.h>
#include <stdint.h>

struct parts {
    int64_t rain_um, snow_um;
    int32_t rain_covered_ms, snow_covered_ms, covered_ms; /* spans are at most 24 days, so int32 */
};

/* Adds `more`. */
void parts_add(struct parts *parts, const struct parts *more);
/* Takes `less` away. */
void parts_subtract(struct parts *parts, const struct parts *less);
/* True when one of them is not 0. */
bool parts_any(const struct parts *parts);

#endif
