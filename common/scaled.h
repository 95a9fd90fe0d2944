/*
 * Scaled integers as decimal text, exactly.
 */
#ifndef ISOBAR_SCALED_H
#define ISOBAR_SCALED_H

#include "buf.h"

#include <stdint.h>

/* Digits behind the point that `scale`, a power of ten, stands for. */
int scaled_decimals(int32_t scale);
/* Appends value / scale, e.g. (1234, 100) -> 12.34, (-5, 100) -> -0.05; scale is a power of ten. */
void scaled_text(struct buf *out, int64_t value, int32_t scale);

#endif
