/* What readers derive from a stored window or pane, as text for the second implementation to compare. */
#ifndef ORACLE_FIGURES_H
#define ORACLE_FIGURES_H

#include "buf.h"
#include "window.h"

/*
 * Appends a line per metric, "<metric> <mean> <standard deviation> <p50> <p90> <p99>" in the stored unit, and when
 * there was wind a line "wind <direction, degrees> <vector speed, m/s> <spread, degrees>". Reals have 17 digits; nan:
 * not known.
 */
void figures_of(const struct window *window, struct buf *out);

#endif
