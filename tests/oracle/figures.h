/* What readers derive from a stored window or pane, as text for the second implementation to compare. */
#ifndef ORACLE_FIGURES_H
#define ORACLE_FIGURES_H

#include "buf.h"
#include "citystate.h"
#include "window.h"

/*
 * Appends a line per metric, "<metric> <mean> <standard deviation> <p50> <p90> <p99>" in the stored unit, and when
 * there was wind a line "wind <direction, degrees> <vector speed, m/s> <spread, degrees>". Also "degree_days <heating>
 * <cooling>" when the temperature is known. Reals have 17 digits; nan: not known.
 */
void figures_of(const struct window *window, struct buf *out);
/* Appends the pressure tendency of the city's latest reading, in Pa; nan: not known. */
void figures_of_city(const struct citystate *city, struct buf *out);

#endif
