/*
 * JSON and CSV of what the API shows (docs/contracts.md, "HTTP API"), from the in-memory forms. Pure: no socket, no
 * Redis, no clock. Stored integers are divided by their scale and written with as many decimals as the scale has; values
 * that are not known are left out.
 */
#ifndef DASHBOARD_ENCODE_H
#define DASHBOARD_ENCODE_H

#include "buf.h"
#include "citystate.h"
#include "window.h"

#include "city.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends `text` as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD. */
void encode_string(struct buf *out, const char *text);
/* Appends value / scale exactly, e.g. (1234, 100) -> 12.34, (-5, 100) -> -0.05; scale is a power of ten. */
void encode_scaled(struct buf *out, int64_t value, int32_t scale);
/* Appends a finite real with `decimals`, or null. */
void encode_real(struct buf *out, double value, int decimals);

/* What LATEST needs beside the observation. */
struct latest {
    const struct observation *reading;
    int64_t produced_at_ms, committed_at_ms, checked_at_ms; /* 0: not known */
};
/* Appends a LATEST object. */
void encode_latest(struct buf *out, const struct latest *latest);
/* Appends the members of a city object (without braces). */
void encode_city(struct buf *out, const Isobar__V1__City *city, int32_t partition);
/* "provisional", "final" or "revised": final when end_ms <= closed_through_ms. */
const char *window_status(const struct window *window, int64_t closed_through_ms);
/* Appends a WINDOW object. */
void encode_window(struct buf *out, const struct window *window, int64_t closed_through_ms);
/* Appends "units":{...} of the metrics of windows, or of the values of readings. */
void encode_metric_units(struct buf *out);
void encode_value_units(struct buf *out);

/* Appends the header line of the windows' CSV. */
void encode_csv_header(struct buf *out);
/* Appends one line per metric of the window. `name` is the city's. */
void encode_csv_window(struct buf *out, int64_t city_id, const char *name, const struct window *window,
                       int64_t closed_through_ms);
/*
 * Appends a text cell: quoted when needed, and led by an apostrophe when a spreadsheet would take it for a formula
 * (OWASP, CSV injection): it starts with = + - @, tab or carriage return.
 */
void encode_csv_text(struct buf *out, const char *text);

#endif
