/*
 * The state of one city (or of one of its series) as its worker keeps it: the in-memory form of isobar.v1.CityState.
 * The worker changes it, the dashboard reads it and merges its open panes into folded windows to show the
 * provisional value.
 */
#ifndef ISOBAR_CITYSTATE_H
#define ISOBAR_CITYSTATE_H

#include "alert_state.h"
#include "latest.h"
#include "quality_history.h"
#include "quality_tally.h"
#include "trail.h"
#include "window.h"
#include "zone.h"

#define CITYSTATE_MAX_BYTES (4 * 1024 * 1024) /* encoded; more is not decoded: some full panes */

struct citystate {
    int64_t city_id;
    int32_t series;
    int64_t watermark_ms;
    int64_t heard_at_ms;
    int64_t closed_through_ms;
    int64_t checked_at_ms;
    bool has_latest;
    struct latest latest; /* newest by (observed_at, then first in log order), with its verdict and all values */
    int64_t last_ms[TRAIL_CHAINS]; /* newest row of each chain in closed panes (trail.h); 0: none */
    int32_t accumulation_max_s;    /* longest period of all rows of rain and snow */
    const struct zone *zone;       /* as the last control record said; NULL: none did, UTC */
    int32_t interval_s;            /* between readings, likewise; 0: not known */
    char country[4];               /* likewise; empty: not known */
    int64_t zoned_until_ms;        /* day windows that an earlier zone made end by then; 0: none are left */
    int64_t rows_in, rows_late, rows_duplicate, rows_correction, rows_retired, rows_bad;
    struct quality_history history;
    struct quality_tally flagged; /* of accepted rows */
    struct pane *open;            /* ascending by start; owned array */
    int32_t open_count, open_capacity;
    struct alert_states alerts;
};

/* The state of a city that nothing is known of. */
void citystate_init(struct citystate *city, int64_t city_id, int32_t series);
/* Frees what it holds; it is as after citystate_init. */
void citystate_release(struct citystate *city);
/*
 * The open pane [start_ms, start_ms + pane_ms), made when there is none. Panes do not overlap: start_ms is a multiple
 * of pane_ms, which never changes while panes are open. Pointers to panes move at the next call.
 */
struct pane *citystate_pane(struct citystate *city, int64_t start_ms, int64_t pane_ms) __attribute__((returns_nonnull));
/* Removes the first `count` open panes (they were folded) and frees them. */
void citystate_drop_panes(struct citystate *city, int32_t count);
/* Appends the encoded isobar.v1.CityState. */
void citystate_encode(const struct citystate *city, struct buf *out);
/*
 * Decodes and validates into an uninitialised `city`: size, format, times and counters not negative, quality history
 * and tally, panes ascending without overlap, the zone is in the time zone data. ERR_INVALID leaves it released.
 */
int citystate_decode(struct citystate *city, const void *bytes, size_t size) __attribute__((warn_unused_result));

/* Hash field of a city's records: "<id>" for series 0, else "<id>/<series>". `out` of CITY_FIELD_BYTES; returns it. */
#define CITY_FIELD_BYTES 40
const char *citystate_field(int64_t city_id, int32_t series, char *out);

#endif
