/*
 * Pressure tendency: what a barometer did in the last three hours (docs/semantics.md, "What is derived"), at read.
 */
#ifndef ISOBAR_TENDENCY_H
#define ISOBAR_TENDENCY_H

#include "latest.h"
#include "quality_history.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The reading's sea-level pressure, or station pressure when that is not known or failed, less that of the past reading
 * nearest to three hours before it (of two, the earlier), which must be within 30 minutes of that; in Pa. False, and
 * `*pa` stays, when there is none.
 */
bool tendency_of(const struct latest *latest, const struct quality_history *history, int64_t *pa);

#endif
