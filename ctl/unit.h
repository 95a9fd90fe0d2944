/*
 * Numbers with a unit, as tables of other people have them, in the scaled integers of metrics and values. Exact: what
 * is half is half before it is rounded, since units are ratios of integers and numbers stay decimal. Pure.
 */
#ifndef CTL_UNIT_H
#define CTL_UNIT_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

/* value in the unit `of` = (value * slope + offset) / divisor */
struct unit {
    const char *name;
    const char *of; /* the unit of the API */
    int64_t slope, offset, divisor;
};

/* How `name` becomes the unit `of`; "" and `of` are that unit itself. NULL when it does not. */
const struct unit *unit_find(const char *of, const char *name);
/* Appends `of` and the other units that become it, for messages: "degC, degF, K". Nothing when `of` is "". */
void unit_names(const char *of, struct buf *out);
/*
 * Reads a decimal number ("-12.5", "1e-05") in this unit into the integer that is `scale` times the value, rounded half
 * away from zero; of a difference, such as a deviation, the offset does not count. 18 digits count, further ones are
 * taken as 0. False when it is no such number, or beyond `limit` either way.
 */
bool unit_read(const struct unit *unit, int32_t scale, const char *text, bool difference, int32_t limit, int32_t *out);

#endif
