/*
 * Parts of stretches that lie in a span of time (docs/semantics.md, "Precipitation and covered time"): sums, so they
 * merge by addition. A correction is a difference and may be negative. So may a stored sum, rarely: when the city's
 * zone has changed between, a correction finds another day than the one it corrects; and an older version drops parts,
 * which are then missing. They are kept as they are, so that the sum over all windows stays exact, and shown as 0.
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
