/*
 * JSON and CSV of what the API shows (docs/contracts.md, "HTTP API"), from the in-memory forms. Pure: no
 * socket, no Redis, no clock. Stored integers are divided by their scale and written with as many decimals as
 * the scale has; values that are not known are left out.
 */
#ifndef DASHBOARD_ENCODE_H
#define DASHBOARD_ENCODE_H

#include "atlas.h"
#include "buf.h"
#include "window.h"

#include <stddef.h>
#include <stdint.h>

/* Appends value / scale exactly, e.g. (1234, 100) -> 12.34, (-5, 100) -> -0.05; scale is a power of ten. */
void encode_scaled(struct buf *out, int64_t value, int32_t scale);
/* Appends a finite real with `decimals`, or null. */
void encode_real(struct buf *out, double value, int decimals);

/* Appends a LATEST object; the city has a reading. */
void encode_latest(struct buf *out, const struct city *city);
/* Appends "watermark", "rows" and, when there are some, "flagged" of a city: what became of its readings. */
void encode_city_rows(struct buf *out, const struct city *city);
/* Appends the members of a city object (without braces); the city is in the catalogue. */
void encode_city(struct buf *out, const struct city *city);
/* "provisional", "final" or "revised": final when end_ms <= closed_through_ms. */
const char *encode_status(const struct window *window, int64_t closed_through_ms);
/* Appends WINDOW objects, separated by commas. */
void encode_windows(struct buf *out, const struct window *windows, size_t count, int64_t closed_through_ms);
/* Appends "units":{...} of the metrics of windows, or of the values of readings. */
void encode_metric_units(struct buf *out);
void encode_value_units(struct buf *out);

/* Appends the header line of the windows' CSV. */
void encode_csv_header(struct buf *out);
/* Appends one line per metric of the window. `name` is the city's. */
void encode_csv_window(struct buf *out, int64_t city_id, const char *name, const struct window *window,
                       int64_t closed_through_ms);
/*
 * Appends a text cell: quoted when needed, and led by an apostrophe when a spreadsheet would take it for a
 * formula (OWASP, CSV injection): it starts with = + - @ or their full-width forms, a tab or a line break.
 * Bytes that are not UTF-8 become U+FFFD.
 */
void encode_csv_text(struct buf *out, const char *text);

#endif
