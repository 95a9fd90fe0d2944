/*
 * What the page must say about the installation: version, windows, and honestly where the data comes from.
 * Pure.
 */
#ifndef DASHBOARD_ABOUT_H
#define DASHBOARD_ABOUT_H

#include "atlas.h"
#include "buf.h"

/*
 * Which kinds of sources the latest readings come from: "live", "recorded" (replayed series of the place),
 * "simulated" (series of elsewhere), "replay" (both of these), "mixed" (live and replayed), or "none" while
 * there is no reading.
 */
const char *about_data(const struct atlas *atlas);
/* Appends the answer of /api/v1/about. `windows` as configured; NULL while it is not known. */
void about_encode(const struct atlas *atlas, const char *windows, struct buf *out);

#endif
