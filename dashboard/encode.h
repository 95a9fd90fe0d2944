/*
 * JSON and CSV of what the API shows (docs/contracts.md, "HTTP API"), from the in-memory forms. Pure: no
 * socket, no Redis, no clock. Stored integers are divided by their scale and written with as many decimals as
 * the scale has; values that are not known are left out. Metrics of the operator's own are called as `custom` says.
 */
#ifndef DASHBOARD_ENCODE_H
#define DASHBOARD_ENCODE_H

#include "atlas.h"
#include "buf.h"
#include "custom.h"
#include "window.h"

#include <stddef.h>
#include <stdint.h>

/* Decimals that a power of ten has: 2 for 100. */
int encode_decimals(int32_t scale);
/* Appends value / scale exactly, e.g. (1234, 100) -> 12.34, (-5, 100) -> -0.05; scale is a power of ten. */
void encode_scaled(struct buf *out, int64_t value, int32_t scale);
/* Appends a finite real with `decimals`, or null. */
void encode_real(struct buf *out, double value, int decimals);

/* Appends a LATEST object with what is derived from its values; the city has a reading. */
void encode_latest(struct buf *out, const struct city *city, const struct custom_set *custom);
/* Appends "watermark", "rows" and, when there are some, "flagged" of a city: what became of its readings. */
void encode_city_rows(struct buf *out, const struct city *city);
/* Appends the members of a city object (without braces); the city is in the catalogue. */
void encode_city(struct buf *out, const struct city *city);
/* "provisional", "final" or "revised": final when end_ms <= closed_through_ms. */
const char *encode_status(const struct window *window, int64_t closed_through_ms);
/* What windows do not tell of themselves: up to where all is closed, the seconds between readings (0: not known). */
struct encode_context {
    int64_t closed_through_ms;
    int32_t interval_s;
    const struct custom_set *custom;
};
/* Appends WINDOW objects, separated by commas. */
void encode_windows(struct buf *out, const struct window *windows, size_t count, const struct encode_context *context);
/* Readings that the window should have: round(span / interval), at least 1. 0: that is not known. */
int64_t encode_expected(const struct window *window, int32_t interval_s);
/* Appends "units":{...} of the metrics of windows, or of the values of readings; of the operator's own those defined.
 */
void encode_metric_units(struct buf *out, const struct custom_set *custom);
void encode_value_units(struct buf *out, const struct custom_set *custom);

/* Appends the header line of the windows' CSV. */
void encode_csv_header(struct buf *out);
/* A window and what its lines say of it. */
struct csv_window {
    int64_t city_id;
    const char *name; /* the city's */
    const struct window *window;
    int64_t closed_through_ms;
};
/* Appends a line for each metric of the window, and for wind and degree days. */
void encode_csv_window(struct buf *out, const struct csv_window *of, const struct custom_set *custom);
/*
 * Appends a text cell: quoted when needed, and led by an apostrophe when a spreadsheet would take it for a
 * formula (OWASP, CSV injection): it starts with = + - @ or their full-width forms, a tab or a line break.
 * Bytes that are not UTF-8 become U+FFFD.
 */
void encode_csv_text(struct buf *out, const char *text);

#endif
