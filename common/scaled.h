/*
 * Scaled integers as decimal text, exactly.
 */
#ifndef ISOBAR_SCALED_H
#define ISOBAR_SCALED_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits behind the point that `scale`, a power of ten, stands for. */
int scaled_decimals(int32_t scale);
/* Appends value / scale, e.g. (1234, 100) -> 12.34, (-5, 100) -> -0.05; scale is a power of ten. */
void scaled_text(struct buf *out, int64_t value, int32_t scale);
/* The same without zeros at the end: (-5, 100) -> -0.05, (500, 100) -> 5. */
void scaled_trimmed(struct buf *out, int32_t number, int32_t scale);
/*
 * Reads all `size` bytes, [-]digits[.digits], times `scale`, a power of ten; false when that is no whole 32-bit number:
 * nothing is rounded.
 */
bool scaled_parse(const char *text, size_t size, int32_t scale, int32_t *out) __attribute__((warn_unused_result));

#endif
