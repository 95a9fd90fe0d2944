/*
 * Numbers with a unit, as tables of other people have them, in the integers of a metric. Pure.
 */
#ifndef CTL_UNIT_H
#define CTL_UNIT_H

#include "quantity.h"

#include <stdbool.h>
#include <stdint.h>

/* value in the metric's unit = value * slope + offset */
struct unit {
    const char *name;
    const char *of; /* the metric's unit */
    long double slope, offset;
};

/* How `name` becomes the unit of `quantity`; "" is that unit itself. NULL when it does not. */
const struct unit *unit_find(const struct quantity *quantity, const char *name);
/*
 * Reads a decimal number ("-12.5", no exponent, at most 9 digits before and 6 behind the point) in this unit into the
 * metric's integer, rounded half away from zero; of a difference, such as a deviation, the offset does not count. False
 * when it is no such number, or beyond `limit` either way.
 */
bool unit_read(const struct unit *unit, const struct quantity *quantity, const char *text, bool difference,
               int32_t limit, int32_t *out);

#endif
