/*
 * Spans of time as configuration writes them: a whole number and a unit, without blank or sign: 90s, 10m, 36h, 2d, 1y.
 * A year is 365 days.
 */
#ifndef ISOBAR_DURATION_H
#define ISOBAR_DURATION_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DURATION_SECOND INT64_C(1000) /* ms */
#define DURATION_MINUTE (60 * DURATION_SECOND)
#define DURATION_HOUR   (60 * DURATION_MINUTE)
#define DURATION_DAY    (24 * DURATION_HOUR)
#define DURATION_YEAR   (365 * DURATION_DAY)

/*
 * Reads all `size` bytes of `text` into `*ms`. False, and `*ms` untouched, when they are no span from `low_ms` (at
 * least 0) to `high_ms`: no leading zeros, so that one span in one unit has one spelling.
 */
bool duration_parse(const char *text, size_t size, int64_t low_ms, int64_t high_ms, int64_t *ms)
    __attribute__((warn_unused_result));
/* Appends it in the largest unit that divides it; `ms` is a whole number of seconds, at least 0. */
void duration_print(int64_t ms, struct buf *out);

#endif
