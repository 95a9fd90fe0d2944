/*
 * A window as an operator names it: "1h@2026-11-30T12:00Z", "1d@2026-11-30", or "10m", the newest one. Pure.
 */
#ifndef CTL_WINDOW_SPEC_H
#define CTL_WINDOW_SPEC_H

#include "buf.h"
#include "windowset.h"
#include "zone.h"

#include <stddef.h>
#include <stdint.h>

struct window_spec {
    size_t size; /* index into the windows */
    struct window_span span;
};

/*
 * Reads `text` for a city in `zone` (NULL: UTC). Behind the @ is a time in the window or, of a window of days, its date
 * in the city; without it the window that holds `newest_ms` is meant. ERR_INVALID with the reason in `error`.
 */
int window_spec_parse(struct window_spec *spec, const char *text, const struct windowset *windows,
                      const struct zone *zone, int64_t newest_ms, struct buf *error)
    __attribute__((warn_unused_result));

#endif
